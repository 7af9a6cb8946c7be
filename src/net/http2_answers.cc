// Http2Session: answers, and the frames that carry them out.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/http2_session.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kSpareMax = 32;
constexpr std::size_t kExplainedByData = 4;  // Frames that ask for nothing: those around one of an answer.

}  // namespace

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
  std::string().swap(exchange.request.body);  // What it holds is not ours any more.
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
  const nghttp2_data_provider provider = body_provider();
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

}  // namespace holdfast::net
