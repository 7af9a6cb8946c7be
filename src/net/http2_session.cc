#include "net/http2_session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace holdfast::net {
namespace {

constexpr std::int32_t kStreamWindow = 1024 * 1024;
constexpr std::int32_t kConnectionWindow = 4 * 1024 * 1024;
constexpr std::size_t kQueuedFramesMax = 1000;     // Beside those of the streams there may be.
constexpr std::size_t kExplainedByRequest = 8;     // Frames that ask for nothing: those around a request.
constexpr Duration kSecond{1000};

std::string named(std::string_view name, std::size_t value) { return std::string(name) + "=" + std::to_string(value); }

bool is_target(std::string_view target, std::string_view method) {
  for (const char c : target)
    if (c <= 0x20 || c >= 0x7f || c == '#') return false;
  return target.starts_with('/') || (target == "*" && method == "OPTIONS");
}

std::string_view view(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

// nghttp2's callbacks are C: what goes on is in the members they name.
struct Http2Session::Callbacks {
  static Http2Session& of(void* session) { return *static_cast<Http2Session*>(session); }
  static Exchange* exchange(nghttp2_session* session, std::int32_t stream) {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  }
  static int outcome(void* session) { return of(session).closed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return outcome(self);
    of(self).on_begin(frame->hd.stream_id);
    return outcome(self);
  }
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // Trailers are dropped.
    if (Exchange* of_stream = exchange(session, frame->hd.stream_id))
      of(self).on_field(*of_stream, view(name, name_size), view(value, value_size));
    return 0;
  }
  static int on_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    of(self).on_frame(*frame);
    return outcome(self);
  }
  static int on_invalid_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/, int /*error*/, void* self) {
    of(self).count_idle_frame();
    return outcome(self);
  }
  static int on_data_chunk_recv(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t stream, const std::uint8_t* bytes,
                                std::size_t size, void* self) {
    if (Exchange* of_stream = exchange(session, stream)) of(self).on_body(*of_stream, view(bytes, size));
    return outcome(self);
  }
  static int on_frame_send(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    of(self).on_sent(*frame);
    return 0;
  }
  // A head that is too long for a frame, say. Of what was closed meanwhile nobody waits for it.
  static int on_frame_not_send(nghttp2_session* session, const nghttp2_frame* frame, int /*error*/, void* self) {
    if (frame->hd.type == NGHTTP2_HEADERS && exchange(session, frame->hd.stream_id) != nullptr)
      of(self).reset(frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }
  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t stream, std::uint32_t /*error*/, void* self) {
    of(self).on_stream_close(stream);
    return outcome(self);
  }
  static ssize_t read_data(nghttp2_session* session, std::int32_t stream, std::uint8_t* /*into*/, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* /*source*/, void* self) {
    Exchange* of_stream = exchange(session, stream);
    if (of_stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return of(self).on_wanted(*of_stream, size, *flags);
  }
  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source* /*source*/, void* self) {
    if (of(self).filling_->size() >= kWriteBytesMax) return NGHTTP2_ERR_WOULDBLOCK;
    Exchange* of_stream = exchange(session, frame->hd.stream_id);
    if (of_stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    of(self).on_data(*of_stream, head, size);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* out = nullptr;
      HOLDFAST_CHECK(nghttp2_session_callbacks_new(&out) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(out, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(out, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(out, on_frame_recv);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(out, on_invalid_frame_recv);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, on_data_chunk_recv);
      nghttp2_session_callbacks_set_on_frame_send_callback(out, on_frame_send);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(out, on_frame_not_send);
      nghttp2_session_callbacks_set_on_stream_close_callback(out, on_stream_close);
      nghttp2_session_callbacks_set_send_data_callback(out, send_data);
      return out;
    }();
    return made;
  }
};

nghttp2_data_provider Http2Session::body_provider() {
  nghttp2_data_provider out{};
  out.read_callback = Callbacks::read_data;
  return out;
}

Http2Protocol http2() {
  return [](std::shared_ptr<ServerShard> shard, ServerConnection& place, std::shared_ptr<const std::string> peer)
             -> std::shared_ptr<UpgradedSession> { return std::make_shared<Http2Session>(std::move(shard), place, std::move(peer)); };
}

Http2Session::Http2Session(std::shared_ptr<ServerShard> shard, ServerConnection& place, std::shared_ptr<const std::string> peer)
    : shard_(std::move(shard)), place_(&place), peer_(std::move(peer)) {}

void Http2Session::begin(EventLoop& /*loop*/, UpgradedStream connection, Task ended) {
  const auto self = shared_from_this();
  stream_ = std::move(connection.stream);
  ended_ = std::move(ended);
  nghttp2_option* option = nullptr;
  HOLDFAST_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_closed_streams(option, 1);  // It would keep some of each connection's, for priorities that nobody sends.
  const std::uint32_t resets = limits().http2.resets_per_second_max;
  nghttp2_option_set_stream_reset_rate_limit(option, resets, resets);
  nghttp2_session* made = nullptr;
  HOLDFAST_CHECK(nghttp2_session_server_new2(&made, Callbacks::all(), this, option) == 0);
  nghttp2_option_del(option);
  session_.reset(made);
  const std::size_t header_bytes_max = std::min<std::size_t>(limits().message.header_bytes_max, UINT32_MAX);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits().http2.streams_max},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(header_bytes_max)}};
  HOLDFAST_CHECK(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  HOLDFAST_CHECK(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) == 0);
  idle_deadline_ = shard_->tick_after(limits().idle_timeout);
  feed(connection.read_already);
  read();
}

// --- What comes in.

void Http2Session::arm_read() {
  if (armed_read_ || closed_) return;
  armed_read_ = true;
  stream_->watcher().wait_readable(shared_from_this());
}

void Http2Session::arm_write() {
  if (armed_write_ || closed_) return;
  armed_write_ = true;
  stream_->watcher().wait_writable(shared_from_this());
}

void Http2Session::on_readable() {
  armed_read_ = false;
  if (!closed_) read();
}

void Http2Session::on_writable() {
  armed_write_ = false;
  if (!closed_) read();  // TLS may have waited for it.
}

void Http2Session::read() {
  const auto self = shared_from_this();
  std::vector<char>& buffer = shard_->read_buffer;
  flush();
  for (int round = 0; round < 8 && !closed_; ++round) {
    const IoResult got = stream_->read(buffer.data(), buffer.size());
    switch (got.status) {
      case IoStatus::Done:
        feed({buffer.data(), got.bytes});
        if (!closed_ && got.bytes < buffer.size() && !stream_->has_buffered()) return arm_read();
        break;
      case IoStatus::WaitRead: return arm_read();
      case IoStatus::WaitWrite: return arm_write();
      default: return close();
    }
  }
  if (closed_) return;
  if (!stream_->has_buffered()) return arm_read();
  shard_->loop().post([self] {
    if (!self->closed_) self->read();
  });
}

void Http2Session::feed(std::string_view bytes) {
  if (closed_) return;
  inside_ = true;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  inside_ = false;
  if (closed_) return finish();
  if (used < 0) return close();
  hold_grown();
  flush();
  if (!closed_ && nghttp2_session_get_outbound_queue_size(session_.get()) > kQueuedFramesMax + std::size_t{4} * limits().http2.streams_max)
    close();  // It makes us answer what it does not read.
}

void Http2Session::on_begin(std::int32_t stream) {
  idle_frames_ -= std::min(idle_frames_, kExplainedByRequest);
  if (unread_bytes_ > limits().http2.unread_bytes_max) {
    count_idle_frame();
    return reset(stream, NGHTTP2_REFUSED_STREAM);
  }
  if (open_.empty()) {
    idle_deadline_ = UINT64_MAX;
    if (place_ != nullptr) place_->set_busy();
  }
  if (spare_.empty()) open_.emplace_back();
  else open_.splice(open_.end(), spare_, spare_.begin());
  Exchange& fresh = open_.back();
  fresh.self = std::prev(open_.end());
  fresh.stream = stream;
  fresh.deadline = shard_->tick_after(limits().request_timeout);
  HOLDFAST_CHECK(nghttp2_session_set_stream_user_data(session_.get(), stream, &fresh) == 0);
}

void Http2Session::on_field(Exchange& exchange, std::string_view name, std::string_view value) {
  HttpRequest& request = exchange.request;
  if (exchange.refusal != 0) return;
  const auto refuse_with = [&](int status, std::string message) {
    exchange.refusal = status;
    exchange.refusal_text = std::move(message);
  };
  if (name == ":path" || name == ":method") {
    if (value.size() > limits().message.start_line_bytes_max)
      return refuse_with(414, "the request line is longer than " + named("start_line_bytes_max", limits().message.start_line_bytes_max));
    (name == ":path" ? request.target : request.method) = value;
    return;
  }
  exchange.header_bytes += name.size() + value.size() + 4;
  if (exchange.header_bytes > limits().message.header_bytes_max)
    return refuse_with(431, "the headers are longer than " + named("header_bytes_max", limits().message.header_bytes_max));
  if (name == ":authority") {
    exchange.has_authority = true;
    return request.headers.add("host", value);
  }
  if (name.starts_with(':') || (name == "host" && exchange.has_authority)) return;
  if (name == "cookie") {  // Comes in pieces: RFC 9113 section 8.2.3.
    if (!exchange.cookies.empty()) exchange.cookies += "; ";
    exchange.cookies += value;
    return;
  }
  if (request.headers.size() >= limits().message.header_count_max)
    return refuse_with(431, "more headers than " + named("header_count_max", limits().message.header_count_max));
  request.headers.add(name, value);
}

void Http2Session::on_frame(const nghttp2_frame& frame) {
  const bool ends_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      if (frame.hd.type == NGHTTP2_DATA && frame.hd.length == 0 && !ends_stream) count_idle_frame();
      Exchange* exchange = find(static_cast<std::uint64_t>(frame.hd.stream_id));
      if (exchange == nullptr) return;
      if (ends_stream) exchange->request_ended = true;
      if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) on_head(*exchange);
      if (ends_stream) on_request_end(*exchange);
      return;
    }
    case NGHTTP2_RST_STREAM: return count_reset();
    default: count_idle_frame();
  }
}

void Http2Session::on_head(Exchange& exchange) {
  exchange.state = Exchange::State::Body;
  if (exchange.refusal != 0) return refuse(exchange, exchange.refusal, exchange.refusal_text);
  HttpRequest& request = exchange.request;
  if (request.method == "CONNECT") return refuse(exchange, 501, "method CONNECT is not supported");
  if (!is_target(request.target, request.method)) return refuse(exchange, 400, "a request target that is not a path");
  if (!exchange.cookies.empty()) request.headers.add("cookie", exchange.cookies);
  request.peer = peer_;
  exchange.is_head_method = request.method == "HEAD";
  if (exchange.request_ended) return;
  grow(exchange);
  if (const HeadCheck& check = shard_->shared().check_head)
    if (auto refusal = check(request)) return answer(exchange, *refusal, nullptr);
  if (equals_ignoring_case(request.headers.get("expect"), "100-continue")) {
    fields_.clear();
    fields_.add_own(":status", "100");
    HOLDFAST_CHECK(nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, exchange.stream, nullptr, fields_.data(), fields_.size(),
                                          nullptr) == 0);
  }
}

void Http2Session::on_body(Exchange& exchange, std::string_view bytes) {
  if (exchange.state != Exchange::State::Body) return;  // Refused: the client has not heard of it yet.
  std::string& body = exchange.request.body;
  const std::size_t room = limits().message.body_bytes_max - body.size();
  body.append(bytes.substr(0, room));
  if (bytes.size() <= room) return grow(exchange);
  if (const OversizeAnswer& oversize = shard_->shared().answer_oversize) {
    HttpResponse response = oversize(exchange.request);
    return answer(exchange, response, nullptr);
  }
  refuse(exchange, 413, "a body of more than " + named("body_bytes_max", limits().message.body_bytes_max) + " bytes");
}

void Http2Session::on_request_end(Exchange& exchange) {
  if (exchange.state != Exchange::State::Body) return;
  release_request(exchange);
  exchange.state = Exchange::State::Busy;
  exchange.deadline = UINT64_MAX;
  const auto number = static_cast<std::uint64_t>(exchange.stream);
  shard_->shared().handler(std::move(exchange.request), responder(shared_from_this(), number));
}

// Only requests that take more than one read are counted, as for HTTP/1.1.
void Http2Session::grow(Exchange& exchange) {
  if (!std::exchange(exchange.grew, true)) grown_.push_back(exchange.stream);
}

void Http2Session::hold_grown() {
  for (const std::int32_t stream : grown_) {
    Exchange* exchange = find(static_cast<std::uint64_t>(stream));
    if (exchange == nullptr) continue;
    exchange->grew = false;
    if (exchange->state != Exchange::State::Body) continue;
    const std::size_t bytes = exchange->header_bytes + exchange->request.body.size();
    const std::size_t sum = shard_->hold_bytes(bytes - exchange->held_bytes);
    exchange->held_bytes = bytes;
    if (sum > limits().buffered_bytes_max)
      refuse(*exchange, 503, "the requests under way hold more than " + named("buffered_bytes_max", limits().buffered_bytes_max) +
                                 " bytes: try again");
  }
  grown_.clear();
}

void Http2Session::release_request(Exchange& exchange) {
  if (exchange.held_bytes > 0) shard_->release_bytes(std::exchange(exchange.held_bytes, 0));
}

void Http2Session::begin_second() {
  if (shard_->tick() < second_ends_) return;
  second_ends_ = shard_->tick_after(kSecond);
  idle_frames_ = 0;
  resets_ = 0;
}

void Http2Session::count_idle_frame() {
  begin_second();
  if (++idle_frames_ > limits().http2.idle_frames_per_second_max) calm("more frames that ask for nothing than idle_frames_per_second_max");
}

// nghttp2 counts them too, but goes on with what has been read already.
void Http2Session::count_reset() {
  begin_second();
  if (++resets_ > limits().http2.resets_per_second_max) calm("more requests taken back than resets_per_second_max");
}

void Http2Session::calm(std::string_view why) {
  if (terminating_) return;
  log_info("an http/2 client is cut", {{"client", *peer_}, {"why", why}});
  terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

// --- Its end.

void Http2Session::end_if_over() {
  const bool is_done = nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0;
  if (!is_done && !(draining_ && open_.empty())) return;
  stream_->shut();
  close();
}

void Http2Session::terminate(std::uint32_t why) {
  if (std::exchange(terminating_, true)) return;
  HOLDFAST_CHECK(nghttp2_session_terminate_session(session_.get(), why) == 0);
  flush_later();
}

void Http2Session::on_tick() {
  if (closed_) return;
  const auto self = shared_from_this();
  const std::uint64_t now = shard_->tick();
  if (!out_.empty() && now >= out_deadline_) {
    log_info("a client that does not read its answer is cut",
             {{"client", *peer_}, {"why", "nothing was taken within write_stall_timeout"}, {"unread_bytes", unread_bytes_}});
    return close();
  }
  if (open_.empty() && now >= idle_deadline_) return drain();
  std::vector<std::int32_t> late;  // What is done about one may end others.
  for (const Exchange& each : open_)
    if (now >= each.deadline || now >= each.answer_deadline) late.push_back(each.stream);
  for (const std::int32_t stream : late) {
    Exchange* exchange = find(static_cast<std::uint64_t>(stream));
    if (exchange == nullptr) continue;
    switch (exchange->state) {
      case Exchange::State::Head: return terminate(NGHTTP2_ENHANCE_YOUR_CALM);  // No other frame may come before its rest.
      case Exchange::State::Body: refuse(*exchange, 408, "the request did not arrive in time"); break;
      case Exchange::State::Busy: break;
      case Exchange::State::Answering:
        cut_reader(*exchange, now >= exchange->answer_deadline ? "the whole answer was not taken within answer_timeout"
                                                               : "nothing was taken within write_stall_timeout");
    }
  }
  if (!late.empty()) flush_later();
}

void Http2Session::drain() {
  if (closed_ || std::exchange(draining_, true)) return;
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_.get());
  HOLDFAST_CHECK(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0) == 0);
  flush();
}

void Http2Session::close() {
  if (closed_) return;
  closed_ = true;
  place_ = nullptr;
  if (!inside_) finish();
}

void Http2Session::finish() {
  const auto self = shared_from_this();
  stream_.reset();
  session_.reset();
  std::vector<Task> gone;
  for (Exchange& each : open_) {
    if (each.gone) gone.push_back(std::move(each.gone));
    begin_answering(each);
    drop_answer(each);
  }
  open_.clear();
  spare_.clear();
  out_.clear();
  out_holds_.clear();
  if (ended_) std::exchange(ended_, nullptr)();
  for (const Task& each : gone) each();
}

}  // namespace holdfast::net
