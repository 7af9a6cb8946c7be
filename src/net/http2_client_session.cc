#include "net/http2_client_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "net/http_parser.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;

constexpr std::int32_t kStreamWindow = 1024 * 1024;
constexpr std::int32_t kConnectionWindow = 4 * 1024 * 1024;
constexpr std::size_t kWriteBytesMax = 64 * 1024;  // Made into frames before the system is asked to take them.
constexpr int kReadsPerTurn = 8;

std::string_view view(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

struct Http2ClientSession::Callbacks {
  static Http2ClientSession& of(void* self) { return *static_cast<Http2ClientSession*>(self); }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/, void* self) {
    if (Http2Call* call = of(self).find(frame->hd.stream_id)) of(self).on_field(*call, view(name, name_size), view(value, value_size));
    return 0;
  }
  static int on_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(self).draining_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Call* call = of(self).find(frame->hd.stream_id);
    if (call == nullptr) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS) of(self).on_head(*call, *frame);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->ended = true;
    return 0;
  }
  static int on_data_chunk_recv(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t stream, const std::uint8_t* bytes,
                                std::size_t size, void* self) {
    if (Http2Call* call = of(self).find(stream)) of(self).on_body(*call, view(bytes, size));
    return 0;
  }
  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t stream, std::uint32_t error, void* self) {
    of(self).on_stream_close(stream, error);
    return 0;
  }
  // A head that is too long for a frame, say.
  static int on_frame_not_send(nghttp2_session* /*session*/, const nghttp2_frame* frame, int error, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Http2Call* call = of(self).find(frame->hd.stream_id); call != nullptr && !call->failure)
      call->failure = ClientError{Kind::Protocol, std::string("the request cannot be sent: ") + nghttp2_strerror(error)};
    return 0;
  }
  static ssize_t read_body(nghttp2_session* /*session*/, std::int32_t stream, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source* /*source*/, void* self) {
    Http2Call* call = of(self).find(stream);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::string& body = call->call.body;
    const std::size_t bytes = body.copy(reinterpret_cast<char*>(into), size, call->sent);
    call->sent += bytes;
    if (call->sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(bytes);
  }

  static const nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* out = nullptr;
      HOLDFAST_CHECK(nghttp2_session_callbacks_new(&out) == 0);
      nghttp2_session_callbacks_set_on_header_callback(out, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(out, on_frame_recv);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, on_data_chunk_recv);
      nghttp2_session_callbacks_set_on_stream_close_callback(out, on_stream_close);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(out, on_frame_not_send);
      return out;
    }();
    return made;
  }
};

Http2ClientSession::Http2ClientSession(std::shared_ptr<Http2Calls> calls, std::unique_ptr<UpgradedStream> connection)
    : calls_(std::move(calls)), connection_(std::move(connection)) {}

void Http2ClientSession::start() {
  nghttp2_session* made = nullptr;
  HOLDFAST_CHECK(nghttp2_session_client_new(&made, Callbacks::all(), this) == 0);
  session_.reset(made);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(MessageLimits{}.header_bytes_max)}};
  HOLDFAST_CHECK(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  HOLDFAST_CHECK(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) == 0);
  arm_read();
  flush_later();
  rest();
}

// --- Calls.

bool Http2ClientSession::has_room() const {
  if (closed_ || draining_) return false;
  const std::uint32_t peer = nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return open_ < std::min<std::size_t>(peer, Http2Calls::kStreamsMax);
}

Http2Call* Http2ClientSession::find(std::int32_t stream) const {
  return session_ ? static_cast<Http2Call*>(nghttp2_session_get_stream_user_data(session_.get(), stream)) : nullptr;
}

void Http2ClientSession::begin(Http2Call& call) {
  const Url& origin = calls_->origin();
  fields_.clear();
  fields_.add_own(":method", call.call.method);
  fields_.add_own(":scheme", origin.tls ? "https" : "http");
  fields_.add_own(":authority", origin.host_header());
  fields_.add_own(":path", call.call.target);
  if (!calls_->options().user_agent.empty() && !call.call.headers.contains("user-agent")) fields_.add("user-agent", calls_->options().user_agent);
  for (const auto [name, value] : call.call.headers)
    if (!equals_ignoring_case(name, "host")) fields_.add(name, value);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read_body;
  call.on = this;
  call.stream = nghttp2_submit_request(session_.get(), nullptr, fields_.data(), fields_.size(), call.call.body.empty() ? nullptr : &provider, &call);
  on_it_.push_back(&call);
  ++open_;
  if (idle_timer_ != 0) calls_->loop().cancel(std::exchange(idle_timer_, 0));
  if (call.stream < 0) {  // The connection has had all the streams it can have.
    draining_ = true;
    call.stream = 0;
    std::erase(on_it_, &call);
    over_.push_back({&call, true});
    call.failure = ClientError{Kind::Disconnected, "the connection carries no further call"};
    calls_->loop().post([self = shared_from_this()] { self->deliver(); });
    return;
  }
  flush_later();
}

void Http2ClientSession::forget(Http2Call& call) {
  std::erase(on_it_, &call);
  std::erase_if(over_, [&](const Over& each) { return each.call == &call; });
  --open_;
  if (closed_) return;
  if (call.stream != 0 && find(call.stream) == &call) {
    nghttp2_session_set_stream_user_data(session_.get(), call.stream, nullptr);
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream, NGHTTP2_CANCEL);
  }
  flush_later();
  rest();
}

// The stream will be closed, and the call fails so.
void Http2ClientSession::fail_stream(Http2Call& call, ClientError error) {
  if (call.failure) return;
  call.failure = std::move(error);
  HOLDFAST_CHECK(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream, NGHTTP2_CANCEL) == 0);
}

void Http2ClientSession::on_field(Http2Call& call, std::string_view name, std::string_view value) {
  if (call.failure) return;
  constexpr MessageLimits limits;
  HeaderList& into = call.has_head ? call.response.trailers : call.response.headers;
  call.header_bytes += name.size() + value.size() + 4;
  if (call.header_bytes > limits.header_bytes_max || into.size() >= limits.header_count_max)
    return fail_stream(call, {Kind::Protocol, "the answer has more headers than header_bytes_max=" + std::to_string(limits.header_bytes_max) +
                                                  " or header_count_max=" + std::to_string(limits.header_count_max) + " allow"});
  if (name != ":status") return into.add(name, value);
  std::from_chars(value.data(), value.data() + value.size(), call.response.status);
}

void Http2ClientSession::on_head(Http2Call& call, const nghttp2_frame& /*frame*/) {
  if (call.has_head) return;
  if (call.response.status >= 200) call.has_head = true;
  else call.response.headers.clear();  // 1xx: the answer follows.
  call.header_bytes = 0;
}

void Http2ClientSession::on_body(Http2Call& call, std::string_view bytes) {
  if (call.failure) return;
  const std::size_t most = calls_->options().response_bytes_max;
  if (bytes.size() > most - call.response.body.size())
    return fail_stream(call, {Kind::TooLarge, "the answer has a body of more than response_bytes_max=" + std::to_string(most) + " bytes"});
  call.response.body.append(bytes);
}

void Http2ClientSession::on_stream_close(std::int32_t stream, std::uint32_t error) {
  Http2Call* call = find(stream);
  if (call == nullptr) return;
  nghttp2_session_set_stream_user_data(session_.get(), stream, nullptr);
  std::erase(on_it_, call);
  bool again = false;
  if (!call->failure && !(call->ended && call->has_head)) {
    again = error == NGHTTP2_REFUSED_STREAM && !call->has_head;  // RFC 9113 section 8.7: it was not looked at.
    call->failure = ClientError{Kind::Disconnected, std::string("the server ended the stream before the answer: ") + nghttp2_http2_strerror(error)};
  }
  over_.push_back({call, again});
}

// Each may end this.
void Http2ClientSession::deliver() {
  const auto self = shared_from_this();
  while (!over_.empty()) {
    const Over next = over_.front();
    over_.erase(over_.begin());
    --open_;
    if (!next.call->failure) calls_->finish(*next.call, std::move(next.call->response));
    else if (next.again) calls_->again(*next.call, *next.call->failure);
    else calls_->finish(*next.call, tl::unexpected<ClientError>(std::move(*next.call->failure)));
  }
  if (closed_) return;
  rest();
  calls_->on_room();
}

// Without calls it is closed after a while, or at once if it takes no more.
void Http2ClientSession::rest() {
  if (open_ != 0 || closed_ || idle_timer_ != 0) return;
  const Duration time = draining_ ? Duration{0} : calls_->options().idle_timeout;
  idle_timer_ = calls_->loop().after(time, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->idle_timer_ = 0;
    if (self->open_ != 0) return;
    nghttp2_submit_goaway(self->session_.get(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
    self->flush();
    if (!self->closed_) self->end("it was idle");
  });
}

// --- Bytes.

void Http2ClientSession::arm_read() {
  if (armed_read_ || closed_) return;
  armed_read_ = true;
  connection_->stream->watcher().wait_readable(shared_from_this());
}

void Http2ClientSession::arm_write() {
  if (armed_write_ || closed_) return;
  armed_write_ = true;
  connection_->stream->watcher().wait_writable(shared_from_this());
}

void Http2ClientSession::on_readable() {
  armed_read_ = false;
  if (!closed_) read();
}

void Http2ClientSession::on_writable() {
  armed_write_ = false;
  if (!closed_) read();  // TLS may have waited for it.
}

void Http2ClientSession::read() {
  const auto self = shared_from_this();
  flush();
  for (int round = 0; round < kReadsPerTurn && !closed_; ++round) {
    std::vector<char>& buffer = calls_->read_buffer();
    const IoResult got = connection_->stream->read(buffer.data(), buffer.size());
    switch (got.status) {
      case IoStatus::Done:
        feed({buffer.data(), got.bytes});
        if (!closed_ && got.bytes < buffer.size() && !connection_->stream->has_buffered()) return arm_read();
        break;
      case IoStatus::WaitRead: return arm_read();
      case IoStatus::WaitWrite: return arm_write();
      case IoStatus::End: return end("the server closed the connection");
      case IoStatus::Failed: return end(connection_->stream->error());
    }
  }
  if (closed_) return;
  if (!connection_->stream->has_buffered()) return arm_read();
  calls_->loop().post([self] {
    if (!self->closed_) self->read();
  });
}

void Http2ClientSession::feed(std::string_view bytes) {
  inside_ = true;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  inside_ = false;
  if (used < 0) return end(std::string("the server does not speak HTTP/2: ") + nghttp2_strerror(static_cast<int>(used)));
  deliver();
  flush();
}

void Http2ClientSession::flush_later() {
  if (inside_ || flush_posted_ || closed_) return;
  flush_posted_ = true;
  calls_->loop().post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Http2ClientSession::flush() {
  if (inside_ || closed_) return;
  const auto self = shared_from_this();
  while (!closed_) {
    if (!write_out()) return;
    inside_ = true;
    ssize_t size = 0;
    while (out_.size() < kWriteBytesMax) {
      const std::uint8_t* bytes = nullptr;
      size = nghttp2_session_mem_send(session_.get(), &bytes);
      if (size <= 0) break;
      out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    inside_ = false;
    if (size < 0) return end(nghttp2_strerror(static_cast<int>(size)));
    if (!out_.empty()) continue;
    deliver();  // Of what could not be sent.
    if (!closed_ && nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0)
      end("the connection is over");
    return;
  }
}

// True: the system has all of it. Else it waits, or the connection is closed.
bool Http2ClientSession::write_out() {
  while (out_at_ < out_.size()) {
    const std::string_view rest = std::string_view(out_).substr(out_at_);
    const IoResult put = connection_->stream->write({&rest, 1});
    if (put.status == IoStatus::Done) {
      out_at_ += put.bytes;
      continue;
    }
    if (put.status == IoStatus::WaitWrite) arm_write();
    else if (put.status == IoStatus::WaitRead) arm_read();
    else end(connection_->stream->error());
    return false;
  }
  out_.clear();
  out_at_ = 0;
  return true;
}

void Http2ClientSession::close() {
  if (closed_) return;
  closed_ = true;
  calls_->loop().cancel(std::exchange(idle_timer_, 0));
  if (connection_->stream && on_it_.empty()) connection_->stream->shut();
  connection_->stream.reset();
  over_.clear();
  on_it_.clear();
}

void Http2ClientSession::end(const std::string& why) {
  if (closed_) return;
  const auto self = shared_from_this();
  std::vector<Over> over;
  over.swap(over_);
  for (Http2Call* call : on_it_) {
    if (!call->failure && !(call->ended && call->has_head)) call->failure = ClientError{Kind::Disconnected, why + (call->has_head ? " in the middle of the answer" : " before the answer")};
    over.push_back({call, false});
  }
  close();
  const auto calls = calls_;
  calls->on_closed(*this);
  over_ = std::move(over);
  deliver();
}

}  // namespace holdfast::net
