#include "net/server_connection.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <sys/socket.h>

#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/message_writer.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kReadBufferBytes = 64 * 1024;
constexpr std::size_t kAheadBytesMax = 64 * 1024;
constexpr std::size_t kLingerBytesMax = 64 * 1024 * 1024;
constexpr Duration kLingerMax{5'000};
constexpr std::int64_t kTickMsMin = 5;
constexpr std::int64_t kTickMsMax = 1000;
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

bool ServerShared::take_place(ConnectionBudget::Place& place) {
  if (connections.fetch_add(1) < limits.connections_max && ConnectionBudget::take(limits.connections, place)) return true;
  connections.fetch_sub(1);
  return false;
}

ServerShard::ServerShard(EventLoop& loop, std::shared_ptr<ServerShared> shared)
    : read_buffer(kReadBufferBytes), loop_(loop), handle_(loop.handle()), shared_(std::move(shared)) {
  const HttpLimits& limits = shared_->limits;
  const std::int64_t shortest =
      std::min({limits.idle_timeout.ms, limits.request_timeout.ms, limits.write_stall_timeout.ms, kLingerMax.ms});
  tick_ms_ = std::clamp(shortest / 4, kTickMsMin, kTickMsMax);
}

std::uint64_t ServerShard::tick_after(Duration timeout) const {
  return tick_ + static_cast<std::uint64_t>((std::max<std::int64_t>(timeout.ms, 0) + tick_ms_ - 1) / tick_ms_) + 1;
}

void ServerShard::add(Arrival arrival) {
  if (!arrival.has_place) shared_->without_place.fetch_sub(1);
  if (closed_ || draining_) {
    if (arrival.has_place) shared_->connections.fetch_sub(1);
    return;
  }
  if (!arrival.has_place && !(close_longest_idle() && shared_->take_place(arrival.place))) {
    const std::string& full = shared_->answer_when_full;
    if (!shared_->tls) [[maybe_unused]] const auto put = ::send(arrival.fd.get(), full.data(), full.size(), MSG_NOSIGNAL);
    return;
  }
  start_ticking();
  auto connection = std::make_shared<ServerConnection>(shared_from_this(), std::move(arrival));
  connections_.emplace(connection.get(), connection);
  connection->start();
}

void ServerShard::remove(ServerConnection* connection) {
  if (connections_.erase(connection) == 0) return;
  shared_->connections.fetch_sub(1);
  if (connections_.empty() && drained_) loop_.post(std::exchange(drained_, nullptr));
}

bool ServerShard::close_longest_idle() {
  if (idle_.empty()) return false;
  idle_.front()->close();
  return true;
}

void ServerShard::drain(Task drained) {
  draining_ = true;
  std::vector<std::shared_ptr<ServerConnection>> all;
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->on_drain();
  if (connections_.empty()) loop_.post(std::move(drained));
  else drained_ = std::move(drained);
}

void ServerShard::close() {
  closed_ = true;
  std::vector<std::shared_ptr<ServerConnection>> all;
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->close();
}

void ServerShard::start_ticking() {
  if (ticking_) return;
  ticking_ = true;
  refresh_date();
  loop_.after(Duration{tick_ms_}, [shard = shared_from_this()] { shard->on_tick(); });
}

void ServerShard::on_tick() {
  ++tick_;
  ticking_ = false;
  if (connections_.empty()) return;
  start_ticking();
  std::vector<std::shared_ptr<ServerConnection>> all;
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->on_tick();
}

void ServerShard::refresh_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  std::snprintf(text, sizeof text, "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", kDays[utc.tm_wday], utc.tm_mday,
                kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  date_ = text;
}

ServerConnection::ServerConnection(std::shared_ptr<ServerShard> shard, Arrival arrival)
    : shard_(std::move(shard)),
      stream_(std::make_unique<Stream>(shard_->loop(), arrival.fd.release())),
      peer_(std::move(arrival.peer)),
      parser_(shard_->shared().limits.message),
      idle_node_{this},
      idle_at_(idle_node_.begin()),
      may_be_http2_(shard_->shared().limits.http2.protocol != nullptr) {
  stream_->keep(std::move(arrival.place));
}

void ServerConnection::set_idle() {
  if (!idle_node_.empty()) shard_->enter_idle(idle_node_);
}

void ServerConnection::set_busy() {
  if (idle_node_.empty()) shard_->leave_idle(idle_node_, idle_at_);
}

void ServerConnection::start() {
  if (shard_->shared().tls) {
    stream_->use_tls_server(shard_->shared().tls, may_be_http2_ ? Offer::Http2 : Offer::Http1);
    state_ = State::Handshake;
    deadline_ = shard_->tick_after(shard_->shared().limits.request_timeout);
  } else {
    deadline_ = shard_->tick_after(shard_->shared().limits.idle_timeout);
  }
  set_idle();
  arm_read();
}

void ServerConnection::arm_read() {
  if (armed_read_ || peer_done_) return;
  armed_read_ = true;
  stream_->watcher().wait_readable(shared_from_this());
}

void ServerConnection::arm_write() {
  if (armed_write_) return;
  armed_write_ = true;
  stream_->watcher().wait_writable(shared_from_this());
}

void ServerConnection::on_readable() {
  armed_read_ = false;
  switch (state_) {
    case State::Handshake: return shake_hands();
    case State::Reading: return read_requests();
    case State::Busy:
    case State::Writing:
    case State::Streaming:
      read_ahead();
      if (state_ != State::Closed && !out_.empty()) flush();  // TLS may have waited for a read to go on writing.
      return;
    case State::Lingering: return discard();
    case State::Upgraded:
    case State::Closed: return;
  }
}

void ServerConnection::on_writable() {
  armed_write_ = false;
  switch (state_) {
    case State::Handshake: return shake_hands();
    case State::Reading: return read_requests();
    case State::Upgraded:
    case State::Closed: return;
    default:
      if (!out_.empty()) flush();
  }
}

void ServerConnection::shake_hands() {
  switch (stream_->handshake().status) {
    case IoStatus::Done:
      state_ = State::Reading;
      deadline_ = shard_->tick_after(shard_->shared().limits.idle_timeout);
      return read_requests();
    case IoStatus::WaitRead: return arm_read();
    case IoStatus::WaitWrite: return arm_write();
    default: return close();
  }
}

void ServerConnection::read_requests() {
  if (!ahead_.empty()) {
    const std::string bytes = std::exchange(ahead_, {});
    consume(bytes);
  }
  std::vector<char>& buffer = shard_->read_buffer;
  // A client that sends without pause gives way to the others after some rounds: arming reports it ready again.
  for (int round = 0; state_ == State::Reading && round < 8; ++round) {
    const IoResult got = stream_->read(buffer.data(), buffer.size());
    switch (got.status) {
      case IoStatus::Done:
        consume({buffer.data(), got.bytes});
        if (got.bytes < buffer.size() && state_ == State::Reading && !stream_->has_buffered()) return arm_read();
        break;
      case IoStatus::WaitRead: return arm_read();
      case IoStatus::WaitWrite: return arm_write();
      default: return close();
    }
  }
  if (state_ == State::Reading) resume();
}

void ServerConnection::consume(std::string_view bytes) {
  std::string whole;
  if (may_be_http2_) {
    whole = std::exchange(ahead_, {}).append(bytes);
    bytes = whole;
    const std::size_t known = std::min(bytes.size(), kHttp2Preface.size());
    if (bytes.substr(0, known) == kHttp2Preface.substr(0, known)) {
      if (known == kHttp2Preface.size()) return begin_http2(std::move(whole));
      ahead_ = std::move(whole);
      return;
    }
    may_be_http2_ = false;
  }
  set_busy();
  dispatching_ = true;
  const bool was_started = parser_.started();
  bool took_one = false;
  while (!bytes.empty() && state_ == State::Reading) {
    bytes.remove_prefix(parser_.feed(bytes));
    if (parser_.state() == ParseState::Done) {
      took_one = true;
      dispatch();
    } else if (parser_.state() == ParseState::Failed) {
      refuse(parser_.error().status, parser_.error().message);
    }
  }
  dispatching_ = false;
  if (state_ == State::Closed) return;
  if (state_ == State::Upgraded) {
    ahead_.assign(bytes);
    return hand_over();
  }
  if (state_ != State::Reading) {
    if (state_ != State::Lingering) ahead_.assign(bytes);
    if (state_ == State::Busy || state_ == State::Streaming) arm_read();  // To notice that the client goes away.
    return;
  }
  if (!parser_.started()) set_idle();
  if (parser_.started() && (!was_started || took_one)) deadline_ = shard_->tick_after(shard_->shared().limits.request_timeout);
  if (parser_.has_head() && !head_checked_) {
    head_checked_ = true;
    if (const HeadCheck& check = shard_->shared().check_head)
      if (auto refusal = check(parser_.head())) return refuse(*std::move(refusal));
  }
  if (!hold_body()) return refuse(503, "the requests under way hold more than buffered_bytes_max=" +
                                           std::to_string(shard_->shared().limits.buffered_bytes_max) + " bytes: try again");
  if (parser_.wants_continue()) {
    parser_.continued();
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const IoResult put = stream_->write({&kContinue, 1});
    if (put.status != IoStatus::Done || put.bytes != kContinue.size()) close();
  }
}

void ServerConnection::begin_http2(std::string bytes) {
  may_be_http2_ = false;
  state_ = State::Upgraded;
  deadline_ = UINT64_MAX;
  session_ = shard_->shared().limits.http2.protocol(shard_, *this, peer_);
  ahead_ = std::move(bytes);
  hand_over();
}

// Only bodies that take more than one read are counted: the small ones that come whole need no shared counter.
bool ServerConnection::hold_body() {
  const std::size_t bytes = parser_.body_bytes();
  if (bytes <= held_bytes_) return true;
  const std::size_t sum = shard_->hold_bytes(bytes - held_bytes_);
  held_bytes_ = bytes;
  return sum <= shard_->shared().limits.buffered_bytes_max;
}

void ServerConnection::release_body() {
  if (held_bytes_ > 0) shard_->release_bytes(std::exchange(held_bytes_, 0));
}

void ServerConnection::dispatch() {
  release_body();
  head_checked_ = false;
  http_1_0_ = parser_.is_http_1_0();
  keep_alive_ = parser_.keep_alive();
  HttpRequest request = parser_.take();
  head_only_ = request.method == "HEAD";
  request.peer = peer_;
  ending_ = false;
  state_ = State::Busy;
  deadline_ = UINT64_MAX;
  ++exchange_;
  shard_->shared().handler(std::move(request), responder(shared_from_this(), exchange_));
}

// After an answer that did not happen inside consume(). What goes on does so later: the answer may have been given inside another
// connection's consume(), whose bytes are in the shared buffer.
void ServerConnection::resume() {
  if (ahead_.empty() && !peer_done_ && !stream_->has_buffered()) return arm_read();
  shard_->loop().post([self = shared_from_this()] {
    if (self->state_ == State::Reading) self->read_requests();
  });
}

void ServerConnection::read_ahead() {
  while (ahead_.size() < kAheadBytesMax) {
    std::array<char, 4096> buffer;
    const IoResult got = stream_->read(buffer.data(), buffer.size());
    switch (got.status) {
      case IoStatus::Done: ahead_.append(buffer.data(), got.bytes); break;
      case IoStatus::WaitRead: return arm_read();
      case IoStatus::WaitWrite: return arm_write();
      case IoStatus::End:
        peer_done_ = true;
        keep_alive_ = keep_alive_ && !ahead_.empty();
        if (state_ == State::Streaming) return close();
        return tell_gone();
      case IoStatus::Failed: return close();
    }
  }
}

void ServerConnection::discard() {
  std::vector<char>& buffer = shard_->read_buffer;
  for (int round = 0; round < 8; ++round) {
    const IoResult got = stream_->read(buffer.data(), buffer.size());
    if (got.status == IoStatus::WaitRead) return arm_read();
    if (got.status != IoStatus::Done) return close();
    lingered_bytes_ += got.bytes;
    if (lingered_bytes_ > kLingerBytesMax) return close();
  }
  if (!stream_->has_buffered()) return arm_read();
  close();
}

void ServerConnection::refuse(int status, const std::string& message) {
  HttpResponse response = shard_->shared().format_error(status, message);
  if (status == 503) response.headers.set("retry-after", "1");
  refuse(std::move(response));
}

void ServerConnection::refuse(HttpResponse response) {
  keep_alive_ = false;
  head_only_ = false;
  linger_ = true;
  {
    // What has come of the request is of no use any more. Moved out first: assigning to them leaves strings their room.
    const RequestParser done_with = std::move(parser_);
    parser_ = RequestParser(shard_->shared().limits.message);
  }
  release_body();
  ++exchange_;
  do_send(response, nullptr);
}

void ServerConnection::build_head(std::string& out, int status, const HeaderList& headers, std::size_t body_size, bool chunked) {
  out.clear();
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::size_t>(status));
    out.push_back(' ');
    out.append(reason_phrase(status)).append("\r\n");
  }
  bool offers_upgrade = false;
  for (const auto [name, value] : headers) {
    if (name.size() == 7 && equals_ignoring_case(name, "upgrade")) {
      if (http_1_0_) continue;  // RFC 9110 section 7.8.
      offers_upgrade = true;
    }
    if (!is_framing_field(name) && !equals_ignoring_case(name, "date")) append_field(out, name, value);
  }
  if (chunked) {
    out.append("transfer-encoding: chunked\r\n");
  } else if (body_size != SIZE_MAX) {
    out.append("content-length: ");
    append_number(out, body_size);
    out.append("\r\n");
  }
  out.append(shard_->date());
  if (offers_upgrade) out.append(keep_alive_ ? "connection: upgrade\r\n" : "connection: close, upgrade\r\n");
  else if (!keep_alive_) out.append("connection: close\r\n");
  else if (http_1_0_) out.append("connection: keep-alive\r\n");
  out.append("\r\n");
}

template <typename F>
void ServerConnection::on_loop(F&& f) {
  if (shard_->handle().is_current()) f();
  else shard_->handle().post([self = shared_from_this(), f = std::forward<F>(f)]() mutable { f(); });
}

void ServerConnection::send(std::uint64_t exchange, HttpResponse response, std::shared_ptr<void> hold) {
  on_loop([this, exchange, response = std::move(response), hold = std::move(hold)]() mutable {
    if (!is_current(exchange)) return;
    HOLDFAST_CHECK(state_ == State::Busy);
    gone_ = nullptr;
    do_send(response, std::move(hold));
  });
}

void ServerConnection::send_error(std::uint64_t exchange, int status, std::string_view message) {
  send(exchange, shard_->shared().format_error(status, message), nullptr);
}

void ServerConnection::do_send(HttpResponse& response, std::shared_ptr<void> hold) {
  HOLDFAST_CHECK(response.status >= 200 && response.status <= 599);
  if (shard_->draining()) keep_alive_ = false;
  const bool bodiless = response.status == 204 || response.status == 304;
  std::string& head = shard_->head_buffer;
  build_head(head, response.status, response.headers, bodiless ? SIZE_MAX : response.body.size(), false);
  if (bodiless || head_only_) response.body.clear();
  state_ = State::Writing;
  const std::string_view parts[] = {head, response.body};
  const IoResult put = stream_->write(parts);
  const std::size_t total = head.size() + response.body.size();
  if (put.status == IoStatus::Failed || put.status == IoStatus::End) return close();
  if (put.status == IoStatus::Done && put.bytes == total) return finish_answer();
  const std::size_t done = put.bytes;
  out_.push_back({head});
  if (!response.body.empty()) out_.push_back({std::move(response.body), std::move(hold)});
  out_at_ = 0;
  out_bytes_ = total;
  written(done);
  deadline_ = shard_->tick_after(shard_->shared().limits.write_stall_timeout);
  answer_deadline_ = shard_->tick_after(shard_->shared().limits.answer_timeout);
  if (put.status == IoStatus::Done) flush();
  else if (put.status == IoStatus::WaitRead) arm_read();
  else arm_write();
}

void ServerConnection::written(std::size_t bytes) {
  out_bytes_ -= bytes;
  const std::size_t of_stream = std::min(bytes, stream_bytes_in_out_);
  stream_bytes_in_out_ -= of_stream;
  if (of_stream > 0) buffered_.fetch_sub(of_stream, std::memory_order_relaxed);
  while (bytes > 0) {
    const std::size_t left = out_.front().bytes.size() - out_at_;
    if (bytes < left) {
      out_at_ += bytes;
      return;
    }
    bytes -= left;
    out_at_ = 0;
    out_.pop_front();
  }
}

void ServerConnection::flush() {
  while (!out_.empty()) {
    std::array<std::string_view, Stream::kPartsMax> parts;
    std::size_t count = 0;
    for (const Out& part : out_) {
      if (count == parts.size()) break;
      parts[count] = count == 0 ? std::string_view(part.bytes).substr(out_at_) : std::string_view(part.bytes);
      ++count;
    }
    const IoResult put = stream_->write({parts.data(), count});
    switch (put.status) {
      case IoStatus::Done:
        written(put.bytes);
        deadline_ = shard_->tick_after(shard_->shared().limits.write_stall_timeout);
        break;
      case IoStatus::WaitWrite: return arm_write();
      case IoStatus::WaitRead: return arm_read();
      default: return close();
    }
  }
  deadline_ = UINT64_MAX;
  answer_deadline_ = UINT64_MAX;
  if (state_ == State::Writing || (state_ == State::Streaming && ending_)) finish_answer();
}

void ServerConnection::finish_answer() {
  buffered_.store(0, std::memory_order_relaxed);
  stream_bytes_in_out_ = 0;
  gone_ = nullptr;
  if (!keep_alive_ || shard_->draining()) {
    if (!linger_ && ahead_.empty()) {
      stream_->shut();
      return close();
    }
    // Closing with unread bytes would reset the connection, and the answer with it.
    state_ = State::Lingering;
    stream_->shut();
    ahead_.clear();
    deadline_ = shard_->tick_after(kLingerMax);
    if (peer_done_) return close();
    return arm_read();
  }
  state_ = State::Reading;
  deadline_ = shard_->tick_after(shard_->shared().limits.idle_timeout);
  if (dispatching_) return;
  set_idle();
  resume();
}

std::shared_ptr<std::atomic<std::size_t>> ServerConnection::begin_stream(std::uint64_t exchange, int status, HeaderList headers) {
  on_loop([this, exchange, status, headers = std::move(headers)] {
    if (!is_current(exchange)) return;
    HOLDFAST_CHECK(state_ == State::Busy);
    do_begin_stream(status, headers);
  });
  return {shared_from_this(), &buffered_};
}

void ServerConnection::do_begin_stream(int status, const HeaderList& headers) {
  if (http_1_0_ || shard_->draining()) keep_alive_ = false;
  std::string head;
  build_head(head, status, headers, SIZE_MAX, !http_1_0_);
  state_ = State::Streaming;
  out_bytes_ = head.size();
  out_at_ = 0;
  out_.push_back({std::move(head)});
  flush();
  if (peer_done_ && state_ == State::Streaming) close();
}

void ServerConnection::write_stream(std::uint64_t exchange, std::string bytes, std::shared_ptr<void> hold) {
  on_loop([this, exchange, bytes = std::move(bytes), hold = std::move(hold)]() mutable {
    if (is_current(exchange) && state_ == State::Streaming && !ending_) do_write_stream(bytes, std::move(hold));
  });
}

void ServerConnection::do_write_stream(const std::string& bytes, std::shared_ptr<void> hold) {
  if (head_only_) {
    buffered_.fetch_sub(bytes.size(), std::memory_order_relaxed);
    return;
  }
  std::string framed;
  if (http_1_0_) {
    framed = bytes;
  } else {
    framed.reserve(bytes.size() + 20);
    append_number(framed, bytes.size(), 16);
    framed.append("\r\n").append(bytes).append("\r\n");
  }
  const bool was_empty = out_.empty();
  out_bytes_ += framed.size();
  stream_bytes_in_out_ += bytes.size();
  out_.push_back({std::move(framed), std::move(hold)});
  if (was_empty) {
    deadline_ = shard_->tick_after(shard_->shared().limits.write_stall_timeout);
    flush();
  }
  if (state_ == State::Streaming && out_bytes_ > shard_->shared().limits.stream_buffer_bytes_max)
    cut_reader("it is more than stream_buffer_bytes_max behind");
}

void ServerConnection::upgrade(std::uint64_t exchange, std::string_view protocol, std::shared_ptr<UpgradedSession> session) {
  on_loop([this, exchange, protocol = std::string(protocol), session = std::move(session)]() mutable {
    if (!is_current(exchange)) return;
    HOLDFAST_CHECK(state_ == State::Busy);
    gone_ = nullptr;
    if (peer_done_) return close();
    session_ = std::move(session);
    state_ = State::Upgraded;
    std::string& head = out_.emplace_back(Out{"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"}).bytes;
    append_field(head, "upgrade", protocol);
    head.append("\r\n");
    if (!dispatching_) hand_over();  // Else consume() does, with what it has left.
  });
}

void ServerConnection::hand_over() {
  stream_->watcher().forget_waits();
  armed_read_ = armed_write_ = false;
  UpgradedStream connection{std::move(stream_), std::exchange(ahead_, {}), {}};
  if (!out_.empty()) connection.to_write = std::move(out_.front().bytes);
  out_.clear();
  session_->begin(shard_->loop(), std::move(connection), [self = shared_from_this()] { self->close(); });
  if (state_ == State::Upgraded && shard_->draining()) session_->drain();
}

void ServerConnection::end_stream(std::uint64_t exchange, HeaderList /*trailers*/) {
  on_loop([this, exchange] {
    if (!is_current(exchange) || state_ != State::Streaming || ending_) return;
    ending_ = true;
    gone_ = nullptr;
    if (!http_1_0_ && !head_only_) {
      out_.push_back({"0\r\n\r\n"});
      out_bytes_ += 5;
    }
    flush();
  });
}

void ServerConnection::cut(std::uint64_t exchange) {
  on_loop([this, exchange] {
    if (!is_current(exchange)) return;
    gone_ = nullptr;
    close();
  });
}

void ServerConnection::when_gone(std::uint64_t exchange, Task gone) {
  on_loop([this, exchange, gone = std::move(gone)]() mutable {
    if (state_ == State::Closed || exchange != exchange_ || peer_done_) gone();
    else gone_ = std::move(gone);
  });
}

void ServerConnection::expire_after(std::uint64_t /*exchange*/, Duration /*time*/, HttpResponse /*late*/) {}

void ServerConnection::tell_gone() {
  if (gone_) std::exchange(gone_, nullptr)();
}

void ServerConnection::on_tick() {
  if (state_ == State::Upgraded) return session_->on_tick();
  if (state_ == State::Writing && shard_->tick() >= answer_deadline_) return cut_reader("the whole answer was not taken within answer_timeout");
  if (state_ == State::Closed || shard_->tick() < deadline_) return;
  if (state_ == State::Reading && parser_.started()) return refuse(408, "the request did not arrive in time");
  if (!out_.empty()) return cut_reader("nothing was taken within write_stall_timeout");
  close();
}

// The client cannot be told: what it has not read is in the way.
void ServerConnection::cut_reader(std::string_view why) {
  log_info("a client that does not read its answer is cut", {{"client", *peer_}, {"why", why}, {"unread_bytes", out_bytes_}});
  close();
}

void ServerConnection::on_drain() {
  if (state_ == State::Upgraded) return session_->drain();
  if (state_ == State::Handshake || (state_ == State::Reading && !parser_.started() && ahead_.empty())) {
    if (state_ == State::Reading) stream_->shut();
    close();
  }
}

void ServerConnection::close() {
  if (state_ == State::Closed) return;
  const auto self = shared_from_this();
  state_ = State::Closed;
  set_busy();
  stream_.reset();
  out_.clear();
  ahead_.clear();
  release_body();
  buffered_.store(0, std::memory_order_relaxed);
  shard_->remove(this);
  if (session_) std::exchange(session_, nullptr)->close();
  tell_gone();
}

}  // namespace holdfast::net
