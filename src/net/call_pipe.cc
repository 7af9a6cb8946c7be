#include "net/call_pipe.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/client_pool.h"

namespace holdfast::net {
namespace {

constexpr int kReadsPerTurn = 8;
constexpr std::size_t kKeptBytes = 1024 * 1024;
// Whatever a server offers.
constexpr std::uint32_t kCallsMax = 65'536;
constexpr std::uint64_t kBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kTraceparentBytesMax = 1024;

}  // namespace

CallPipe::CallPipe(EventLoop& loop, CallPipeOptions options, CallReceiver& receiver)
    : loop_(loop), options_(options), receiver_(&receiver), reader_(options.answer_bytes_max), now_ms_(steady_ms()) {}

CallPipe::~CallPipe() = default;

std::shared_ptr<CallPipe> CallPipe::open(EventLoop& loop, HttpClient& client, std::string path_and_query, CallPipeOptions options,
                                         CallReceiver& receiver) {
  std::shared_ptr<CallPipe> pipe(new CallPipe(loop, options, receiver));
  client.upgrade(std::move(path_and_query), std::string(kCallProtocol), [pipe](UpgradeResult result) {
    if (pipe->state_ == State::Closed) return;
    if (result) pipe->on_stream(std::move(*result));
    else pipe->end(result.error().message);
  });
  return pipe;
}

void CallPipe::on_stream(std::unique_ptr<UpgradedStream> connection) {
  const auto self = shared_from_this();
  stream_ = std::move(connection->stream);
  now_ms_ = opening_ms_ = steady_ms();
  arm_timer(now_ms_ + options_.hello_timeout.ms);
  reader_.feed(connection->read_already);
  take_frames();
  if (state_ != State::Closed) receive();
}

void CallPipe::arm_read() {
  if (armed_read_) return;
  armed_read_ = true;
  stream_->watcher().wait_readable(shared_from_this());
}

void CallPipe::arm_write() {
  if (armed_write_) return;
  armed_write_ = true;
  stream_->watcher().wait_writable(shared_from_this());
}

void CallPipe::on_readable() {
  armed_read_ = false;
  if (state_ != State::Closed) receive();
}

void CallPipe::on_writable() {
  armed_write_ = false;
  if (state_ == State::Closed) return;
  flush();
  if (state_ != State::Closed && stream_->is_tls()) receive();  // TLS may have waited for a write to go on reading.
}

bool CallPipe::takes(std::size_t traceparent_bytes, std::size_t body_bytes) const {
  const std::size_t payload = traceparent_bytes + body_bytes;
  if (state_ != State::Open || traceparent_bytes > kTraceparentBytesMax || payload > server_.frame_bytes_max) return false;
  if (waiting_.empty() && has_window(payload)) return true;
  return waiting_.size() < options_.queue_calls_max &&
         waiting_frames_.size() - waiting_at_ + payload + kFrameHeaderBytes <= options_.queue_bytes_max;
}

bool CallPipe::has_window(std::size_t payload_bytes) const {
  return window_calls_ < server_.calls_max && window_bytes_ + payload_bytes <= server_.bytes_max;
}

std::string& CallPipe::begin_call(std::string_view traceparent, std::size_t body_bytes) {
  HOLDFAST_CHECK(begun_ == kNone && state_ == State::Open);
  if (!flush_posted_) now_ms_ = steady_ms();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  begun_ = free_.back();
  free_.pop_back();
  Slot& slot = slots_[begun_];
  const std::size_t payload = traceparent.size() + body_bytes;
  slot.traceparent_bytes = static_cast<std::uint16_t>(traceparent.size());
  slot.payload_bytes = static_cast<std::uint32_t>(payload);
  slot.reads_before = reads_;
  slot.deadline_ms = now_ms_ + options_.call_timeout.ms;
  slot.older = newest_;
  slot.newer = kNone;
  (newest_ == kNone ? oldest_ : slots_[newest_].newer) = begun_;
  newest_ = begun_;
  ++live_;
  if (waiting_.empty() && has_window(payload)) {
    slot.use = Slot::Use::Sent;
    ++window_calls_;
    window_bytes_ += payload;
    begun_in_ = &out_;
  } else {
    slot.use = Slot::Use::Waiting;
    waiting_.push_back(begun_);
    begun_in_ = &waiting_frames_;
  }
  const std::uint64_t id = static_cast<std::uint64_t>(slot.times_used) << 32 | begun_;
  append_frame_header(*begun_in_, FrameKind::Call, slot.traceparent_bytes, id, payload);
  begun_in_->append(traceparent);
  begun_end_ = begun_in_->size() + body_bytes;
  return *begun_in_;
}

std::uint32_t CallPipe::end_call() {
  HOLDFAST_CHECK(begun_ != kNone && begun_in_->size() == begun_end_);
  flush_later();
  arm_timer(slots_[begun_].deadline_ms);
  return std::exchange(begun_, kNone);
}

// Calls of one turn leave together.
void CallPipe::flush_later() {
  if (flush_posted_) return;
  flush_posted_ = true;
  loop_.post([self = shared_from_this()] {
    self->flush_posted_ = false;
    if (self->state_ != State::Closed) self->flush();
  });
}

void CallPipe::flush() {
  while (unsent() > 0) {
    const std::string_view rest = std::string_view(out_).substr(sent_);
    const IoResult put = stream_->write({&rest, 1});
    if (put.status == IoStatus::Done) {
      ++writes_;
      sent_ += put.bytes;
      progress_ms_ = 0;
      continue;
    }
    if (put.status != IoStatus::WaitRead && put.status != IoStatus::WaitWrite) {
      // The server does not want to read on. It may have said why: reading will tell.
      out_.clear();
      sent_ = 0;
      progress_ms_ = 0;
      return arm_read();
    }
    if (sent_ > kKeptBytes) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
    if (progress_ms_ == 0) {
      progress_ms_ = steady_ms();
      arm_timer(progress_ms_ + options_.write_timeout.ms);
    }
    return put.status == IoStatus::WaitRead ? arm_read() : arm_write();
  }
  sent_ = 0;
  if (out_.capacity() > kKeptBytes) out_ = {};
  out_.clear();
}

void CallPipe::receive() {
  if (paused_ms_ != 0) return;
  const auto self = shared_from_this();
  for (int round = 0;; ++round) {
    if (round == kReadsPerTurn) {
      if (!stream_->has_buffered()) {
        arm_read();  // Reports it ready again, if it is, after the others had their turn.
      } else {
        loop_.post([self] {
          if (self->state_ != State::Closed) self->receive();
        });
      }
      break;
    }
    const std::span<char> space = reader_.space();
    const IoResult got = stream_->read(space.data(), space.size());
    if (got.status == IoStatus::WaitRead) {
      arm_read();
      break;
    }
    if (got.status == IoStatus::WaitWrite) {
      arm_write();
      break;
    }
    if (got.status == IoStatus::End) return end("the server closed the connection");
    if (got.status == IoStatus::Failed) return end(stream_->error());
    if (round == 0) now_ms_ = steady_ms();
    ++reads_;
    reader_.filled(got.bytes);
    take_frames();
    if (state_ == State::Closed) return;
    if (!has_room()) break;
    if (got.bytes < space.size() && !stream_->is_tls()) {
      arm_read();
      break;
    }
  }
  if (unsent() > 0 && stream_->is_tls()) flush_later();  // TLS may have waited for a read to go on writing.
}

bool CallPipe::has_room() {
  if (options_.room == nullptr || options_.room->may_go_on(*this, reader_.held())) return true;
  paused_ms_ = now_ms_;
  return false;
}

void CallPipe::leave_room() {
  if (options_.room != nullptr) options_.room->leave(*this);
}

// It is we who did not take the answers: the calls get their time back.
void CallPipe::go_on() {
  if (state_ == State::Closed || paused_ms_ == 0) return;
  now_ms_ = steady_ms();
  for (std::uint32_t index = oldest_; index != kNone; index = slots_[index].newer) slots_[index].deadline_ms += now_ms_ - paused_ms_;
  paused_ms_ = 0;
  if (oldest_ != kNone) arm_timer(slots_[oldest_].deadline_ms);
  if (aged_ms_ != INT64_MAX) arm_timer(aged_ms_);
  loop_.post([self = shared_from_this()] {
    if (self->state_ != State::Closed) self->receive();
  });
}

void CallPipe::take_frames() {
  Frame frame;
  while (state_ != State::Closed) {
    const auto status = reader_.next(frame);
    if (status == FrameReader::Status::More) break;
    if (status == FrameReader::Status::Broken) return broken(reader_.error());
    switch (frame.kind) {
      case FrameKind::Hello: take_hello(frame); break;
      case FrameKind::Answer:
      case FrameKind::Failed: take_end(frame); break;
      case FrameKind::Goaway: take_goaway(frame); break;
      case FrameKind::Call:
      case FrameKind::Cancel: broken("a frame that only clients send"); break;
    }
  }
  if (state_ == State::Closed) return;
  send_waiting();
  if (live_ > 0) return;
  if (state_ == State::Leaving) return end_well(leaving_why_);
  idle_since_ms_ = now_ms_;
  if (state_ == State::Open) arm_timer(now_ms_ + options_.idle_timeout.ms);
}

void CallPipe::take_hello(const Frame& frame) {
  const auto hello = parse_hello(frame.payload);
  if (state_ != State::Opening || !hello || hello->calls_max == 0 || hello->bytes_max == 0 || hello->frame_bytes_max == 0)
    return broken("a hello that is malformed, or the second");
  server_.calls_max = std::min(hello->calls_max, kCallsMax);
  server_.bytes_max = std::min(hello->bytes_max, kBytesMax);
  server_.frame_bytes_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(hello->frame_bytes_max, server_.bytes_max));
  const auto answer_bytes_max = std::min<std::size_t>(options_.answer_bytes_max, std::numeric_limits<std::uint32_t>::max());
  append_hello(out_, {0, static_cast<std::uint32_t>(answer_bytes_max), 0});
  flush_later();
  state_ = State::Open;
  idle_since_ms_ = now_ms_;
  if (options_.age_max.ms > 0) {
    aged_ms_ = now_ms_ + options_.age_max.ms;
    arm_timer(aged_ms_);
  }
  receiver_->on_open();
}

void CallPipe::take_end(const Frame& frame) {
  const auto index = static_cast<std::uint32_t>(frame.call);
  const auto times_used = static_cast<std::uint32_t>(frame.call >> 32);
  const bool is_ours = index < slots_.size() && slots_[index].times_used == times_used &&
                       (slots_[index].use == Slot::Use::Sent || slots_[index].use == Slot::Use::GivenUp);
  if (!is_ours) return broken("an answer to a call that is not under way");
  Slot& slot = slots_[index];
  const bool wanted = slot.use == Slot::Use::Sent;
  if (wanted) unlink(index);
  --window_calls_;
  window_bytes_ -= slot.payload_bytes;
  free_slot(index);
  if (options_.room != nullptr) options_.room->got_whole(*this);
  if (!wanted) return;
  if (frame.kind == FrameKind::Answer) return receiver_->on_answer(index, frame.payload);
  using Kind = CallFailure::Kind;
  const Kind kind = frame.detail == kFailedTooLarge ? Kind::TooLarge : Kind::Status;
  const int status = frame.detail >= 400 && frame.detail <= 599 ? frame.detail : 500;
  receiver_->on_failed(index, {kind, status, frame.payload});
}

void CallPipe::take_goaway(const Frame& frame) {
  if (frame.detail != kGoawayGraceful) return end("the server hung up: " + std::string(frame.payload.substr(0, kSmallFrameBytes)));
  if (state_ == State::Opening) return end("the server is going away");
  state_ = State::Leaving;
  leaving_why_ = "the server asked to";
  return_waiting();
}

void CallPipe::leave() {
  HOLDFAST_CHECK(state_ == State::Open);
  state_ = State::Leaving;
  leaving_why_ = "it has had its time";
  // Not from within: the receiver may be what goes.
  if (live_ > 0) return;
  loop_.post([self = shared_from_this()] {
    if (self->state_ == State::Leaving && self->live_ == 0) self->end_well(self->leaving_why_);
  });
}

void CallPipe::unlink(std::uint32_t index) {
  const Slot& slot = slots_[index];
  (slot.older == kNone ? oldest_ : slots_[slot.older].newer) = slot.newer;
  (slot.newer == kNone ? newest_ : slots_[slot.newer].older) = slot.older;
  --live_;
}

void CallPipe::free_slot(std::uint32_t index) {
  slots_[index].use = Slot::Use::Free;
  ++slots_[index].times_used;
  free_.push_back(index);
}

void CallPipe::send_waiting() {
  if (waiting_.empty()) return;
  const std::size_t from = waiting_at_;
  while (!waiting_.empty() && has_window(slots_[waiting_.front()].payload_bytes)) {
    Slot& slot = slots_[waiting_.front()];
    slot.use = Slot::Use::Sent;
    ++window_calls_;
    window_bytes_ += slot.payload_bytes;
    waiting_at_ += kFrameHeaderBytes + slot.payload_bytes;
    waiting_.pop_front();
  }
  if (waiting_at_ == from) return;
  out_.append(waiting_frames_, from, waiting_at_ - from);
  if (waiting_.empty()) {
    if (waiting_frames_.capacity() > kKeptBytes) waiting_frames_ = {};
    waiting_frames_.clear();
    waiting_at_ = 0;
  } else if (waiting_at_ > kKeptBytes && waiting_at_ > waiting_frames_.size() / 2) {
    waiting_frames_.erase(0, waiting_at_);
    waiting_at_ = 0;
  }
  flush_later();
}

// They were not sent: the receiver makes them in another way.
void CallPipe::return_waiting() {
  const std::deque<std::uint32_t> calls = std::exchange(waiting_, {});
  const std::string frames = std::exchange(waiting_frames_, {});
  std::size_t at = std::exchange(waiting_at_, 0);
  std::vector<std::pair<std::uint32_t, std::string_view>> returned;
  for (const std::uint32_t index : calls) {
    const std::size_t size = slots_[index].payload_bytes;
    returned.emplace_back(index, std::string_view(frames).substr(at + kFrameHeaderBytes, size));
    at += kFrameHeaderBytes + size;
    unlink(index);
    free_slot(index);
  }
  for (const auto& [index, payload] : returned) {
    if (receiver_ == nullptr) return;
    const std::size_t traceparent = slots_[index].traceparent_bytes;
    receiver_->on_unsent(index, payload.substr(0, traceparent), payload.substr(traceparent));
  }
}

void CallPipe::arm_timer(std::int64_t due_ms) {
  if (timer_ != 0) {
    if (timer_due_ms_ <= due_ms) return;
    loop_.cancel(timer_);
  }
  timer_due_ms_ = due_ms;
  timer_ = loop_.after(Duration{due_ms - steady_ms()}, [self = shared_from_this()] {
    self->timer_ = 0;
    self->on_timer();
  });
}

void CallPipe::on_timer() {
  const auto self = shared_from_this();
  if (state_ == State::Closed) return;
  now_ms_ = steady_ms();
  if (state_ == State::Opening && now_ms_ - opening_ms_ >= options_.hello_timeout.ms) return end("no hello from the server");
  if (progress_ms_ != 0 && now_ms_ - progress_ms_ >= options_.write_timeout.ms)
    return end("nothing moved within write_timeout=" + std::to_string(options_.write_timeout.ms) + " ms");
  if (paused_ms_ != 0) return arm_timer(now_ms_ + options_.call_timeout.ms);
  if (oldest_ != kNone && slots_[oldest_].deadline_ms <= now_ms_) give_up_late_calls();
  if (state_ == State::Closed) return;
  if (live_ == 0 && state_ == State::Leaving) return end_well(leaving_why_);
  if (live_ == 0 && state_ == State::Open && now_ms_ - idle_since_ms_ >= options_.idle_timeout.ms) return end_well("idle");
  if (state_ == State::Open && now_ms_ >= aged_ms_) {
    aged_ms_ = now_ms_ + std::max<std::int64_t>(options_.age_max.ms / 8, 1);
    receiver_->on_aged();
    if (state_ == State::Closed) return;
  }
  if (state_ == State::Open && aged_ms_ != INT64_MAX) arm_timer(aged_ms_);
  if (progress_ms_ != 0) arm_timer(progress_ms_ + options_.write_timeout.ms);
  if (oldest_ != kNone) arm_timer(slots_[oldest_].deadline_ms);
  else if (state_ == State::Open) arm_timer(idle_since_ms_ + options_.idle_timeout.ms);
  else if (state_ == State::Opening) arm_timer(opening_ms_ + options_.hello_timeout.ms);
}

void CallPipe::give_up_late_calls() {
  std::vector<std::uint32_t> told;
  std::vector<std::uint32_t> unsent_late;
  bool is_silent = false;
  while (oldest_ != kNone && slots_[oldest_].deadline_ms <= now_ms_) {
    const std::uint32_t index = oldest_;
    Slot& slot = slots_[index];
    unlink(index);
    told.push_back(index);
    if (slot.use == Slot::Use::Waiting) {
      unsent_late.push_back(index);
      continue;
    }
    slot.use = Slot::Use::GivenUp;
    append_frame(out_, FrameKind::Cancel, 0, static_cast<std::uint64_t>(slot.times_used) << 32 | index, {});
    is_silent = is_silent || slot.reads_before == reads_;
  }
  if (!unsent_late.empty()) drop_timed_out_from_queue(unsent_late);
  if (live_ == 0) idle_since_ms_ = now_ms_;
  flush_later();
  const std::string why = "no answer within " + std::string(options_.timeout_name) + "=" + std::to_string(options_.call_timeout.ms) + " ms";
  for (const std::uint32_t index : told) {
    if (receiver_ == nullptr) return;
    receiver_->on_failed(index, {CallFailure::Kind::Timeout, 0, why});
  }
  if (is_silent && state_ != State::Closed) end("nothing came within " + std::string(options_.timeout_name) + "=" + std::to_string(options_.call_timeout.ms) + " ms");
}

void CallPipe::drop_timed_out_from_queue(const std::vector<std::uint32_t>& late) {
  for (const std::uint32_t index : late) slots_[index].use = Slot::Use::GivenUp;
  std::string kept_frames;
  std::deque<std::uint32_t> kept;
  std::size_t at = waiting_at_;
  for (const std::uint32_t index : waiting_) {
    const std::size_t size = kFrameHeaderBytes + slots_[index].payload_bytes;
    if (slots_[index].use == Slot::Use::Waiting) {
      kept.push_back(index);
      kept_frames.append(waiting_frames_, at, size);
    }
    at += size;
  }
  waiting_ = std::move(kept);
  waiting_frames_ = std::move(kept_frames);
  waiting_at_ = 0;
  for (const std::uint32_t index : late) free_slot(index);
}

void CallPipe::broken(const std::string& why) {
  log_warn("server of the call transport broke its rules", {{"why", why}});
  append_frame(out_, FrameKind::Goaway, kGoawayBroken, 0, why);
  flush();
  end("the server sent " + why);
}

void CallPipe::end(std::string why) {
  if (state_ == State::Closed) return;
  const auto self = shared_from_this();
  state_ = State::Closed;
  leave_room();
  loop_.cancel(timer_);
  timer_ = 0;
  if (stream_ && unsent() == 0) stream_->shut();
  stream_.reset();
  std::vector<std::uint32_t> lost;
  for (std::uint32_t index = oldest_; index != kNone; index = slots_[index].newer)
    if (slots_[index].use == Slot::Use::Sent) lost.push_back(index);
  return_waiting();
  for (const std::uint32_t index : lost) {
    if (receiver_ == nullptr) return;
    unlink(index);
    free_slot(index);
    receiver_->on_failed(index, {CallFailure::Kind::Lost, 0, why});
  }
  if (receiver_ != nullptr) std::exchange(receiver_, nullptr)->on_closed(why);
}

void CallPipe::end_well(std::string why) {
  ended_well_ = true;
  end(std::move(why));
}

void CallPipe::shut() {
  receiver_ = nullptr;
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  leave_room();
  loop_.cancel(timer_);
  timer_ = 0;
  stream_.reset();
}

}  // namespace holdfast::net
