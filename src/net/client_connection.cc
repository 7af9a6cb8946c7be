#include "net/client_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "net/inflate.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;

constexpr int kReadsPerTurn = 8;

MessageLimits limits_of(const ClientOptions& options) {
  MessageLimits limits;
  limits.body_bytes_max = options.response_bytes_max;
  return limits;
}

bool has_io_timeouts(const ClientOptions& options) { return options.read_timeout || options.write_timeout; }

// Undoes content-encoding; false: `error` says why not.
bool decode_body(HttpResponse& response, std::size_t bytes_max, ClientError& error) {
  const auto found = response.headers.find("content-encoding");
  if (!found || response.body.empty()) return true;
  Coding coding;
  if (equals_ignoring_case(*found, "gzip") || equals_ignoring_case(*found, "x-gzip")) {
    coding = Coding::Gzip;
  } else if (equals_ignoring_case(*found, "deflate")) {
    coding = Coding::Deflate;
  } else if (equals_ignoring_case(*found, "identity")) {
    return true;
  } else {
    error = {Kind::Protocol, "the answer has content-encoding " + std::string(*found) + ", which was not asked for"};
    return false;
  }
  std::string decoded;
  switch (inflate_body(coding, response.body, bytes_max, decoded)) {
    case InflateStatus::Done: break;
    case InflateStatus::TooLarge:
      error = {Kind::TooLarge, "the answer is more than response_bytes_max=" + std::to_string(bytes_max) + " bytes after decompression"};
      return false;
    case InflateStatus::Corrupt: error = {Kind::Protocol, "the answer's compressed body is damaged"}; return false;
  }
  response.body = std::move(decoded);
  response.headers.remove("content-encoding");
  response.headers.remove("content-length");
  return true;
}

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<ClientPool> pool, ConnectionBudget::Place place)
    : pool_(std::move(pool)), place_(std::move(place)), parser_(limits_of(pool_->options())) {}

void ClientConnection::start_connect_timer() {
  connect_timer_ = pool_->loop().after(pool_->options().connect_timeout, [self = shared_from_this()] {
    self->connect_timer_ = 0;
    self->fail_connect("no connection within connect_timeout=" + std::to_string(self->pool_->options().connect_timeout.ms) + " ms");
  });
}

void ClientConnection::connect(std::vector<SocketAddress> addresses) {
  if (state_ != State::Connecting) return;
  addresses_ = std::move(addresses);
  next_address("the name has no address");
}

void ClientConnection::next_address(std::string why) {
  stream_.reset();
  armed_read_ = armed_write_ = false;
  while (next_address_ < addresses_.size()) {
    const SocketAddress& address = addresses_[next_address_++];
    UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) {
      why = error_text(errno);
      continue;
    }
    const int on = 1;
    if (address.storage.ss_family != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const bool is_connected = ::connect(fd.get(), address.get(), address.size) == 0;
    if (!is_connected && errno != EINPROGRESS) {
      // A unix socket with a full backlog says EAGAIN and will not tell when there is room.
      why = errno == EAGAIN ? "the server does not accept connections fast enough" : error_text(errno);
      continue;
    }
    stream_ = std::make_unique<Stream>(pool_->loop(), fd.release());
    if (!is_connected) stream_->watcher().would_block_writing();
    return arm_write();
  }
  fail_connect(std::move(why));
}

void ClientConnection::fail_connect(std::string why) {
  if (state_ != State::Connecting && state_ != State::Handshake) return;
  const auto self = shared_from_this();
  close();
  pool_->on_connect_failed(*this, why);
}

void ClientConnection::on_writable() {
  armed_write_ = false;
  switch (state_) {
    case State::Connecting: {
      if (const int outcome = stream_->connect_outcome(); outcome != 0) return next_address(error_text(outcome));
      if (!pool_->origin().tls) return established();
      stream_->use_tls_client(pool_->options().tls, pool_->origin().host, pool_->options().protocol ? Offer::Http2 : Offer::Http1);
      state_ = State::Handshake;
      return shake_hands();
    }
    case State::Handshake: return shake_hands();
    case State::Busy:
      if (sending_) send_rest();
      else receive();
      return;
    case State::Idle: return check_idle();
    case State::Closed: return;
  }
}

void ClientConnection::shake_hands() {
  switch (stream_->handshake().status) {
    case IoStatus::Done: return established();
    case IoStatus::WaitRead: return arm_read();
    case IoStatus::WaitWrite: return arm_write();
    default: return fail_connect(stream_->error());
  }
}

void ClientConnection::established() {
  pool_->loop().cancel(connect_timer_);
  connect_timer_ = 0;
  addresses_.clear();
  state_ = State::Idle;
  if (const std::int64_t age_max = pool_->next_age_max(); age_max > 0) ends_ms_ = steady_ms() + age_max;
  pool_->on_connected(*this);
}

void ClientConnection::become_idle() {
  state_ = State::Idle;
  arm_read();  // To notice that the server closes it.
}

void ClientConnection::begin(CallId call) {
  HOLDFAST_CHECK(state_ == State::Idle);
  state_ = State::Busy;
  call_ = call;
  call->on = this;
  if (call->upgrade != nullptr && call->upgrade->protocol.empty()) return give_away({});
  sent_ = 0;
  sending_ = true;
  if (call->is_head_method) parser_.expect_no_body();
  if (call->upgrade != nullptr) parser_.expect_switch();
  if (has_io_timeouts(pool_->options())) progress_ms_ = steady_ms();
  arm_read();
  send_rest();
}

void ClientConnection::send_rest() {
  const std::string_view head = call_->head;
  const std::string_view body = call_->body;
  const std::size_t total = head.size() + body.size();
  while (sent_ < total) {
    const std::string_view parts[] = {sent_ < head.size() ? head.substr(sent_) : std::string_view(),
                                      sent_ < head.size() ? body : body.substr(sent_ - head.size())};
    const IoResult put = stream_->write(parts);
    switch (put.status) {
      case IoStatus::Done:
        sent_ += put.bytes;
        if (has_io_timeouts(pool_->options())) progress_ms_ = steady_ms();
        break;
      case IoStatus::WaitWrite: return arm_write();
      case IoStatus::WaitRead: return arm_read();
      default:
        // The server does not want to read on. It may have answered before it said so: reading will tell.
        sending_ = false;
        return arm_read();
    }
  }
  sending_ = false;
}

void ClientConnection::on_readable() {
  armed_read_ = false;
  switch (state_) {
    case State::Connecting: return;
    case State::Handshake: return shake_hands();
    case State::Idle: return check_idle();
    case State::Busy:
      receive();
      // TLS may have waited for a read to go on writing.
      if (state_ == State::Busy && sending_ && stream_->is_tls() && !armed_write_) send_rest();
      return;
    case State::Closed: return;
  }
}

void ClientConnection::receive() {
  if (paused_) return;
  std::vector<char>& buffer = pool_->read_buffer();
  for (int round = 0; round < kReadsPerTurn; ++round) {
    const IoResult got = stream_->read(buffer.data(), buffer.size());
    switch (got.status) {
      case IoStatus::Done: {
        if (has_io_timeouts(pool_->options())) progress_ms_ = steady_ms();
        const std::size_t used = parser_.feed({buffer.data(), got.bytes});
        if (parser_.state() == ParseState::Done) return answered(ClientPool::Reuse::KeepOpen, {buffer.data() + used, got.bytes - used});
        if (parser_.state() == ParseState::Failed) {
          const bool large = parser_.error().status == 413;
          close();
          return pool_->on_failed(*this, call_, {large ? Kind::TooLarge : Kind::Protocol, "the answer has " + parser_.error().message});
        }
        received_ += got.bytes;
        if (!has_room()) return;
        if (got.bytes < buffer.size() && !stream_->is_tls()) return arm_read();
        break;
      }
      case IoStatus::WaitRead: return arm_read();
      case IoStatus::WaitWrite: return arm_write();
      case IoStatus::End: return ended("the server closed the connection");
      case IoStatus::Failed: return ended(stream_->error());
    }
  }
  if (stream_->has_buffered()) receive_later();
  else arm_read();  // Comes back, if there is more, after the others had their turn.
}

void ClientConnection::receive_later() {
  pool_->loop().post([self = shared_from_this()] {
    if (self->state_ == State::Busy) self->receive();
  });
}

bool ClientConnection::has_room() {
  ByteBudget* const room = pool_->options().room;
  paused_ = room != nullptr && !room->may_go_on(*this, received_);
  return !paused_;
}

void ClientConnection::leave_room() {
  received_ = 0;
  paused_ = false;
  if (ByteBudget* const room = pool_->options().room) room->leave(*this);
}

void ClientConnection::go_on() {
  if (state_ != State::Busy) return;
  paused_ = false;
  if (has_io_timeouts(pool_->options())) progress_ms_ = steady_ms();
  receive_later();  // As what is there already may be the end of it, and of the call.
}

void ClientConnection::ended(std::string why) {
  parser_.end_of_input();
  if (parser_.state() == ParseState::Done) return answered(ClientPool::Reuse::Close, {});
  const bool begun = parser_.started();
  close();
  if (!begun && reused_) return pool_->on_stale(*this, call_, why);
  pool_->on_failed(*this, call_, {Kind::Disconnected, why + (begun ? " in the middle of the answer" : " before the answer")});
}

void ClientConnection::answered(ClientPool::Reuse reuse, std::string_view more_bytes) {
  // More bytes than the answer: whatever they are, the next call must not take them for its own.
  const bool reusable = parser_.keep_alive() && !sending_ && sent_ == call_->head.size() + call_->body.size() && more_bytes.empty() &&
                        reuse == ClientPool::Reuse::KeepOpen && pool_->options().idle_timeout.ms > 0 &&
                        (ends_ms_ == INT64_MAX || steady_ms() < ends_ms_);
  leave_room();
  HttpResponse response = parser_.take();
  if (response.status == 101) return switched(response, more_bytes);
  const CallId call = call_;
  ClientError error;
  const bool decoded = decode_body(response, pool_->options().response_bytes_max, error);
  reused_ = true;
  if (!reusable) close();
  else state_ = State::Idle;
  if (!decoded) {
    if (reusable) close();
    return pool_->on_failed(*this, call, std::move(error));
  }
  pool_->on_answer(*this, call, std::move(response), reusable ? ClientPool::Reuse::KeepOpen : ClientPool::Reuse::Close);
}

void ClientConnection::switched(const HttpResponse& response, std::string_view more_bytes) {
  const CallId call = call_;
  const std::string& wanted = call->upgrade->protocol;
  if (sending_ || !equals_ignoring_case(response.headers.get("upgrade"), wanted)) {
    close();
    return pool_->on_failed(*this, call, {Kind::Protocol, "the server changes to a protocol other than " + wanted});
  }
  give_away(more_bytes);
}

void ClientConnection::give_away(std::string_view more_bytes) {
  const CallId call = call_;
  const auto self = shared_from_this();
  stream_->watcher().forget_waits();
  stream_->keep(std::move(place_));
  auto given = std::make_unique<UpgradedStream>(UpgradedStream{std::move(stream_), std::string(more_bytes), {}});
  close();
  pool_->on_upgraded(*this, call, std::move(given));
}

void ClientConnection::check_idle() {
  char byte = 0;
  switch (stream_->read(&byte, 1).status) {
    case IoStatus::WaitRead: return arm_read();
    case IoStatus::WaitWrite: return arm_write();
    default: break;  // Closed, or bytes nobody asked for.
  }
  const auto self = shared_from_this();
  close();
  pool_->on_idle_closed(*this);
}

void ClientConnection::on_tick(std::int64_t now_ms) {
  if (state_ != State::Busy || paused_) return;
  const ClientOptions& options = pool_->options();
  const auto& limit = sending_ ? options.write_timeout : options.read_timeout;
  if (!limit || now_ms - progress_ms_ < limit->ms) return;
  const auto self = shared_from_this();
  const std::string name = sending_ ? "write_timeout=" : "read_timeout=";
  close();
  pool_->on_failed(*this, call_, {Kind::Timeout, "nothing moved within " + name + std::to_string(limit->ms) + " ms"});
}

void ClientConnection::close() {
  if (state_ == State::Closed) return;
  const bool polite = state_ == State::Idle;
  state_ = State::Closed;
  leave_room();
  pool_->loop().cancel(connect_timer_);
  connect_timer_ = 0;
  if (polite && stream_) stream_->shut();
  stream_.reset();
  place_ = {};
}

void ClientConnection::arm_read() {
  if (armed_read_) return;
  armed_read_ = true;
  stream_->watcher().wait_readable(shared_from_this());
}

void ClientConnection::arm_write() {
  if (armed_write_) return;
  armed_write_ = true;
  stream_->watcher().wait_writable(shared_from_this());
}

}  // namespace holdfast::net
