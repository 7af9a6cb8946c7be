#include "net/http2_session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kWriteBytesMax = 64 * 1024;  // Made into frames before the system is asked to take them.
constexpr std::int32_t kStreamWindow = 1024 * 1024;
constexpr std::int32_t kConnectionWindow = 4 * 1024 * 1024;
constexpr std::size_t kSpareMax = 32;
constexpr std::size_t kQueuedFramesMax = 1000;     // Beside those of the streams there may be.
constexpr std::size_t kExplainedByRequest = 8;     // Frames that ask for nothing: a request's, and those around a frame of its answer.
constexpr std::size_t kExplainedByData = 4;
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

// --- Answers.

Http2Session::Exchange* Http2Session::find(std::uint64_t exchange) const {
  if (closed_ || !session_) return nullptr;
  return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session_.get(), static_cast<std::int32_t>(exchange)));
}

template <typename F>
void Http2Session::on_loop(F&& f) {
  if (shard_->handle().is_current()) f();
  else shard_->handle().post([self = shared_from_this(), f = std::forward<F>(f)]() mutable { f(); });
}

void Http2Session::refuse(Exchange& exchange, int status, const std::string& message) {
  HttpResponse response = shard_->shared().format_error(status, message);
  if (status == 503) response.headers.set("retry-after", "1");
  answer(exchange, response, nullptr);
}

void Http2Session::begin_answering(Exchange& exchange) {
  release_request(exchange);
  exchange.request.body = {};
  exchange.state = Exchange::State::Answering;
  exchange.gone = nullptr;
  exchange.deadline = UINT64_MAX;
  if (exchange.expiry != 0) shard_->loop().cancel(std::exchange(exchange.expiry, 0));
}

void Http2Session::submit(Exchange& exchange, int status, const HeaderList& headers, std::optional<std::size_t> content_length, Body body) {
  HOLDFAST_CHECK(status >= 200 && status <= 599);
  fields_.clear();
  if (status == 200) fields_.add_own(":status", "200");
  else fields_.add_own(":status", std::to_string(status));
  fields_.add_all(headers);
  if (!headers.get("content-type").starts_with("application/grpc")) {  // Whose clients show everything to their users.
    if (content_length) fields_.add_own("content-length", std::to_string(*content_length));
    fields_.add("date", shard_->date_value());
  }
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read_data;
  HOLDFAST_CHECK(nghttp2_submit_response(session_.get(), exchange.stream, fields_.data(), fields_.size(),
                                         body == Body::Follows ? &provider : nullptr) == 0);
}

void Http2Session::answer(Exchange& exchange, HttpResponse& response, std::shared_ptr<void> hold) {
  begin_answering(exchange);
  exchange.answer_ended = true;
  const bool bodiless = response.status == 204 || response.status == 304 || exchange.is_head_method;
  std::optional<std::size_t> content_length;
  if (response.trailers.empty() && response.status != 204 && response.status != 304) content_length = response.body.size();
  if (bodiless) response.body.clear();
  const bool has_trailers = !response.trailers.empty() && !bodiless;
  submit(exchange, response.status, response.headers, content_length,
         response.body.empty() && !has_trailers ? Body::None : Body::Follows);
  if (has_trailers) exchange.trailers = std::move(response.trailers);
  if (response.body.empty()) return;
  exchange.deadline = shard_->tick_after(limits().write_stall_timeout);
  exchange.answer_deadline = shard_->tick_after(limits().answer_timeout);
  exchange.out_bytes = response.body.size();
  unread_bytes_ += exchange.out_bytes;
  exchange.out.push_back({std::move(response.body), std::move(hold)});
}

void Http2Session::send(std::uint64_t number, HttpResponse response, std::shared_ptr<void> hold) {
  on_loop([this, number, response = std::move(response), hold = std::move(hold)]() mutable {
    Exchange* exchange = find(number);
    if (exchange == nullptr || exchange->state != Exchange::State::Busy) return;  // Gone, or expired.
    answer(*exchange, response, std::move(hold));
    flush_later();
  });
}

void Http2Session::send_error(std::uint64_t number, int status, std::string_view message) {
  send(number, shard_->shared().format_error(status, message), nullptr);
}

void Http2Session::upgrade(std::uint64_t /*exchange*/, std::string_view /*protocol*/, std::shared_ptr<UpgradedSession> /*session*/) {
  HOLDFAST_CHECK(false);  // No request of HTTP/2 has an `upgrade` field: nghttp2 refuses it (RFC 9113 section 8.2.2).
}

void Http2Session::when_gone(std::uint64_t number, Task gone) {
  on_loop([this, number, gone = std::move(gone)]() mutable {
    Exchange* exchange = find(number);
    if (exchange == nullptr || (exchange->state == Exchange::State::Answering && !exchange->buffered)) gone();
    else exchange->gone = std::move(gone);
  });
}

void Http2Session::expire_after(std::uint64_t number, Duration time, HttpResponse late) {
  on_loop([this, number, time, late = std::move(late)]() mutable {
    Exchange* exchange = find(number);
    if (exchange == nullptr || exchange->state != Exchange::State::Busy) return;
    exchange->expiry = shard_->loop().after(time, [weak = weak_from_this(), number, late = std::move(late)]() mutable {
      const auto self = weak.lock();
      Exchange* expired = self ? self->find(number) : nullptr;
      if (expired == nullptr || expired->state != Exchange::State::Busy) return;
      expired->expiry = 0;
      const Task gone = std::exchange(expired->gone, nullptr);
      self->answer(*expired, late, nullptr);
      self->flush_later();
      if (gone) gone();
    });
  });
}

std::shared_ptr<std::atomic<std::size_t>> Http2Session::begin_stream(std::uint64_t number, int status, HeaderList headers) {
  auto buffered = std::make_shared<std::atomic<std::size_t>>(0);
  on_loop([this, number, status, buffered, headers = std::move(headers)] {
    Exchange* exchange = find(number);
    if (exchange == nullptr || exchange->state != Exchange::State::Busy) return;
    begin_answering(*exchange);
    exchange->buffered = buffered;
    exchange->answer_ended = exchange->is_head_method;
    submit(*exchange, status, headers, std::nullopt, exchange->is_head_method ? Body::None : Body::Follows);
    flush_later();
  });
  return buffered;
}

void Http2Session::write_stream(std::uint64_t number, std::string bytes, std::shared_ptr<void> hold) {
  on_loop([this, number, bytes = std::move(bytes), hold = std::move(hold)]() mutable {
    Exchange* exchange = find(number);
    if (exchange == nullptr || !exchange->buffered) return;
    if (exchange->answer_ended) {
      exchange->buffered->fetch_sub(bytes.size(), std::memory_order_relaxed);
      return;
    }
    if (exchange->out.empty()) exchange->deadline = shard_->tick_after(limits().write_stall_timeout);
    exchange->out_bytes += bytes.size();
    unread_bytes_ += bytes.size();
    exchange->out.push_back({std::move(bytes), std::move(hold)});
    nghttp2_session_resume_data(session_.get(), exchange->stream);  // An error: it has not come to a stop.
    if (exchange->out_bytes > limits().stream_buffer_bytes_max) cut_if_behind(number);
    flush_later();
  });
}

// Only after all has been offered that the client takes.
void Http2Session::cut_if_behind(std::uint64_t number) {
  if (inside_) return shard_->loop().post([self = shared_from_this(), number] { self->cut_if_behind(number); });
  flush();
  Exchange* exchange = find(number);
  if (exchange == nullptr || exchange->out_bytes <= limits().stream_buffer_bytes_max) return;
  cut_reader(*exchange, "it is more than stream_buffer_bytes_max behind");
  flush_later();
}

void Http2Session::end_stream(std::uint64_t number, HeaderList trailers) {
  on_loop([this, number, trailers = std::move(trailers)]() mutable {
    Exchange* exchange = find(number);
    if (exchange == nullptr || !exchange->buffered || exchange->answer_ended) return;
    exchange->answer_ended = true;
    exchange->gone = nullptr;
    exchange->trailers = std::move(trailers);
    nghttp2_session_resume_data(session_.get(), exchange->stream);
    flush_later();
  });
}

void Http2Session::cut(std::uint64_t number) {
  on_loop([this, number] {
    Exchange* exchange = find(number);
    if (exchange == nullptr || exchange->answer_ended) return;
    exchange->gone = nullptr;
    drop_answer(*exchange);
    reset(exchange->stream, NGHTTP2_INTERNAL_ERROR);
    flush_later();
  });
}

// The client cannot be told why: what it has not read is in the way.
void Http2Session::cut_reader(Exchange& exchange, std::string_view why) {
  log_info("a client that does not read its answer is cut", {{"client", *peer_}, {"why", why}, {"unread_bytes", exchange.out_bytes}});
  const Task gone = std::exchange(exchange.gone, nullptr);
  exchange.answer_ended = true;
  exchange.deadline = exchange.answer_deadline = UINT64_MAX;
  drop_answer(exchange);
  reset(exchange.stream, NGHTTP2_CANCEL);
  if (gone) gone();
}

void Http2Session::drop_answer(Exchange& exchange) {
  unread_bytes_ -= std::exchange(exchange.out_bytes, 0);
  if (exchange.buffered) exchange.buffered->store(0, std::memory_order_relaxed);
  exchange.out_at = 0;
  const auto dropped = std::move(exchange.out);  // What hangs on it goes last.
  exchange.out.clear();
}

void Http2Session::reset(std::int32_t stream, std::uint32_t why) {
  HOLDFAST_CHECK(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, why) == 0);
}

void Http2Session::on_stream_close(std::int32_t stream) {
  Exchange* exchange = find(static_cast<std::uint64_t>(stream));
  if (exchange == nullptr) return;
  nghttp2_session_set_stream_user_data(session_.get(), stream, nullptr);
  Task gone = std::move(exchange->gone);
  begin_answering(*exchange);
  drop_answer(*exchange);
  const auto node = exchange->self;
  *exchange = Exchange{};
  if (spare_.size() < kSpareMax) spare_.splice(spare_.end(), open_, node);
  else open_.erase(node);
  if (open_.empty()) {
    idle_deadline_ = shard_->tick_after(limits().idle_timeout);
    if (place_ != nullptr) place_->set_idle();
  }
  if (gone) gone();
}

// --- What goes out.

ssize_t Http2Session::on_wanted(Exchange& exchange, std::size_t bytes_max, std::uint32_t& flags) {
  if (exchange.out_bytes == 0 && !exchange.answer_ended) return NGHTTP2_ERR_DEFERRED;
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  const std::size_t bytes = std::min(bytes_max, exchange.out_bytes);
  if (bytes < exchange.out_bytes || !exchange.answer_ended) return static_cast<ssize_t>(bytes);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!exchange.trailers.empty()) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    fields_.clear();
    fields_.add_all(exchange.trailers);
    HOLDFAST_CHECK(nghttp2_submit_trailer(session_.get(), exchange.stream, fields_.data(), fields_.size()) == 0);
  }
  return static_cast<ssize_t>(bytes);
}

void Http2Session::on_data(Exchange& exchange, const std::uint8_t* frame_head, std::size_t bytes) {
  constexpr std::size_t kFrameHeadBytes = 9;
  idle_frames_ -= std::min(idle_frames_, kExplainedByData);
  filling_->append(reinterpret_cast<const char*>(frame_head), kFrameHeadBytes);
  HOLDFAST_CHECK(bytes <= exchange.out_bytes);
  exchange.out_bytes -= bytes;
  unread_bytes_ -= bytes;
  if (exchange.buffered) exchange.buffered->fetch_sub(bytes, std::memory_order_relaxed);
  while (bytes > 0) {
    Piece& piece = exchange.out.front();
    const std::size_t some = std::min(bytes, piece.bytes.size() - exchange.out_at);
    filling_->append(piece.bytes, exchange.out_at, some);
    bytes -= some;
    exchange.out_at += some;
    if (exchange.out_at < piece.bytes.size()) break;
    if (piece.hold) out_holds_.push_back(std::move(piece.hold));
    exchange.out.pop_front();
    exchange.out_at = 0;
  }
  exchange.deadline = exchange.out.empty() ? UINT64_MAX : shard_->tick_after(limits().write_stall_timeout);
  if (exchange.out.empty()) exchange.answer_deadline = UINT64_MAX;
}

// A request that is answered before it has come whole is taken no further (RFC 9113 section 8.1).
void Http2Session::on_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Exchange* exchange = find(static_cast<std::uint64_t>(frame.hd.stream_id));
  if (exchange != nullptr && !exchange->request_ended) reset(frame.hd.stream_id, NGHTTP2_NO_ERROR);
}

void Http2Session::flush_later() {
  if (inside_ || flush_posted_ || closed_) return;
  flush_posted_ = true;
  shard_->loop().post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Http2Session::flush() {
  if (inside_ || closed_) return;
  const auto self = shared_from_this();
  while (!closed_) {
    if (!out_.empty()) {
      if (!write_out(std::string_view(out_).substr(out_at_))) return;
      out_.clear();
      out_at_ = 0;
    }
    out_deadline_ = UINT64_MAX;
    out_holds_.clear();
    std::string& frames = shard_->frame_buffer;
    frames.clear();
    bool failed = false;
    filling_ = &frames;
    inside_ = true;
    while (frames.size() < kWriteBytesMax) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
      failed = size < 0;
      if (size <= 0) break;
      frames.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    inside_ = false;
    filling_ = nullptr;
    if (closed_) return finish();
    if (failed) return close();
    if (frames.empty()) return end_if_over();
    if (!write_out(frames)) return;
  }
}

// True: the system has all of it. Else it waits in `out_`, or the connection is closed.
bool Http2Session::write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const IoResult put = stream_->write({&bytes, 1});
    if (put.status == IoStatus::Done) {
      bytes.remove_prefix(put.bytes);
      out_deadline_ = shard_->tick_after(limits().write_stall_timeout);
      continue;
    }
    if (put.status != IoStatus::WaitWrite && put.status != IoStatus::WaitRead) {
      close();
      return false;
    }
    if (out_.empty()) out_.assign(bytes);
    else out_at_ = out_.size() - bytes.size();
    if (out_deadline_ == UINT64_MAX) out_deadline_ = shard_->tick_after(limits().write_stall_timeout);
    if (put.status == IoStatus::WaitWrite) arm_write();
    else arm_read();
    return false;
  }
  return true;
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
