#include "net/call_session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/client_pool.h"

namespace holdfast::net {
namespace {

constexpr int kReadsPerTurn = 8;
constexpr std::size_t kUnsentPauseBytes = 4 * 1024 * 1024;  // With more than this unread by the client, no calls are read from it.
constexpr std::size_t kKeptOutBytes = 1024 * 1024;
constexpr std::size_t kDiscardBytesMax = 64 * 1024 * 1024;

}  // namespace

CallSession::CallSession(std::shared_ptr<CallServerShared> shared, std::string path)
    : shared_(std::move(shared)), path_(std::move(path)), reader_(shared_->limits.frame_bytes_max) {
  shared_->connections.fetch_add(1);
}

CallSession::~CallSession() {
  shared_->connections.fetch_sub(state_ == State::Closed ? 0 : 1);
  shared_->under_way.fetch_sub(counted_);
}

void CallSession::begin(EventLoop& loop, UpgradedStream connection, Task ended) {
  const auto self = shared_from_this();
  loop_ = &loop;
  handle_ = loop.handle();
  stream_ = std::move(connection.stream);
  ended_ = std::move(ended);
  active_ms_ = steady_ms();
  out_ = std::move(connection.to_write);
  const CallLimits& limits = shared_->limits;
  append_hello(out_, {static_cast<std::uint32_t>(limits.calls_max), static_cast<std::uint32_t>(limits.frame_bytes_max), limits.bytes_max});
  reader_.feed(connection.read_already);
  take_frames();
  receive();
}

void CallSession::arm_read() {
  if (armed_read_) return;
  armed_read_ = true;
  stream_->watcher().wait_readable(shared_from_this());
}

void CallSession::arm_write() {
  if (armed_write_) return;
  armed_write_ = true;
  stream_->watcher().wait_writable(shared_from_this());
}

void CallSession::on_readable() {
  armed_read_ = false;
  if (state_ == State::Serving) receive();
  else if (state_ == State::Ending) discard();
}

void CallSession::on_writable() {
  armed_write_ = false;
  if (state_ == State::Closed) return;
  flush();
  if (state_ == State::Serving && stream_->is_tls()) receive();  // TLS may have waited for a write to go on reading.
}

bool CallSession::may_take() const { return running_ < shared_->limits.calls_max && unsent() < kUnsentPauseBytes; }

void CallSession::receive() {
  for (int round = 0; state_ == State::Serving; ++round) {
    if (paused_) break;
    if (round == kReadsPerTurn) {
      if (!stream_->has_buffered()) arm_read();  // Reports it ready again, if it is, after the others had their turn.
      else loop_->post([self = shared_from_this()] {
        if (self->state_ == State::Serving) self->receive();
      });
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
    if (got.status != IoStatus::Done) return close();
    reader_.filled(got.bytes);
    take_frames();
    if (state_ == State::Serving && !paused_ && got.bytes < space.size() && !stream_->is_tls()) {
      arm_read();
      break;
    }
  }
  if (state_ != State::Closed) flush();
  publish();
}

void CallSession::take_frames() {
  taking_ = true;
  Frame frame;
  while (state_ == State::Serving) {
    const auto status = reader_.next(frame);
    if (status == FrameReader::Status::More) break;
    if (status == FrameReader::Status::Broken) {
      broken(reader_.error());
      break;
    }
    if (answer_bytes_max_ == 0 && frame.kind != FrameKind::Hello && frame.kind != FrameKind::Goaway) {
      broken("a frame before hello");
      break;
    }
    switch (frame.kind) {
      case FrameKind::Hello: {
        const auto hello = parse_hello(frame.payload);
        if (!hello || hello->frame_bytes_max == 0 || answer_bytes_max_ != 0) broken("a hello that is malformed, or the second");
        else answer_bytes_max_ = hello->frame_bytes_max;
        break;
      }
      case FrameKind::Call:
        if (may_take()) {
          take_call(frame);
          break;
        }
        reader_.put_back();
        paused_ = true;
        taking_ = false;
        return;
      case FrameKind::Cancel: take_back(frame.call); break;
      case FrameKind::Goaway:
        if (frame.detail != kGoawayGraceful)
          log_warn("client of the call transport hung up", {{"path", path_}, {"why", frame.payload.substr(0, kSmallFrameBytes)}});
        break;
      case FrameKind::Answer:
      case FrameKind::Failed: broken("a frame that only servers send"); break;
    }
  }
  taking_ = false;
}

void CallSession::take_call(const Frame& frame) {
  const CallLimits& limits = shared_->limits;
  if (frame.detail > frame.payload.size()) return broken("a call whose traceparent is longer than its payload");
  if (frame.payload.size() > limits.frame_bytes_max)
    return broken("a call of " + std::to_string(frame.payload.size()) + " bytes, over frame_bytes_max=" + std::to_string(limits.frame_bytes_max));
  if (window_bytes_ + frame.payload.size() > limits.bytes_max)
    return broken("more than bytes_max=" + std::to_string(limits.bytes_max) + " bytes of calls under way");
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot] = {frame.call, static_cast<std::uint32_t>(frame.payload.size()), Slot::Use::Running};
  ++running_;
  ++window_calls_;
  window_bytes_ += frame.payload.size();
  ++taken_;
  const IncomingCall call{path_, frame.payload.substr(0, frame.detail), frame.payload.substr(frame.detail)};
  shared_->handler(call, CallToken(shared_from_this(), slot));
}

// The slot stays taken until the handler lets go of its token; the client may use its window again.
void CallSession::take_back(std::uint64_t call) {
  const auto found = std::ranges::find_if(slots_, [call](const Slot& slot) { return slot.use == Slot::Use::Running && slot.call == call; });
  if (found == slots_.end()) return;  // The answer is on its way.
  found->use = Slot::Use::TakenBack;
  end_window(*found);
  append_frame(out_, FrameKind::Failed, kFailedCancelled, call, {});
}

void CallSession::end_window(const Slot& slot) {
  --window_calls_;
  window_bytes_ -= slot.bytes;
}

// False: nobody waits for the answer any more.
bool CallSession::release(std::uint32_t slot) {
  Slot& ended = slots_[slot];
  HOLDFAST_CHECK(ended.use != Slot::Use::Free);
  const bool wanted = ended.use == Slot::Use::Running;
  if (wanted) end_window(ended);
  ended.use = Slot::Use::Free;
  free_.push_back(slot);
  --running_;
  return wanted && state_ == State::Serving;
}

void CallSession::finish(std::uint32_t slot, FrameKind kind, std::uint16_t detail, std::string_view payload) {
  std::string too_large;
  if (payload.size() > answer_bytes_max_ && payload.size() > kSmallFrameBytes) {
    too_large = "the answer of " + std::to_string(payload.size()) + " bytes is over the client's limit of " + std::to_string(answer_bytes_max_);
    kind = FrameKind::Failed;
    detail = kFailedTooLarge;
    payload = too_large;
  }
  if (handle_->is_current()) {
    const std::uint64_t call = slots_[slot].call;
    if (release(slot)) append_frame(out_, kind, detail, call, payload);
    if (state_ == State::Closed) return publish();
    return taking_ ? void() : flush_later();
  }
  const std::lock_guard lock(mutex_);
  append_frame(remote_frames_, kind, detail, 0, payload);
  remote_answers_.push_back({slot, kFrameHeaderBytes + payload.size()});
  if (!remote_posted_) handle_->post([self = shared_from_this()] { self->take_remote(); });
  remote_posted_ = true;
}

void CallSession::take_remote() {
  {
    const std::lock_guard lock(mutex_);
    remote_frames_.swap(frames_scratch_);
    remote_answers_.swap(answers_scratch_);
    remote_posted_ = false;
  }
  std::size_t at = 0;
  for (const RemoteAnswer& answer : answers_scratch_) {
    set_frame_call(frames_scratch_, at, slots_[answer.slot].call);
    if (release(answer.slot)) out_.append(frames_scratch_, at, answer.bytes);
    at += answer.bytes;
  }
  answers_scratch_.clear();
  if (frames_scratch_.capacity() > kKeptOutBytes) frames_scratch_ = {};
  frames_scratch_.clear();
  if (state_ == State::Closed) return publish();
  flush();
  resume();
}

// Answers of one turn leave together: what handlers still answer in this turn is in time.
void CallSession::flush_later() {
  if (flush_posted_) return;
  flush_posted_ = true;
  loop_->post([self = shared_from_this()] {
    self->flush_posted_ = false;
    if (self->state_ == State::Closed) return self->publish();
    self->flush();
    self->resume();
  });
}

void CallSession::resume() {
  publish();
  if (!paused_ || state_ != State::Serving || taking_ || !may_take()) return;
  paused_ = false;
  take_frames();
  if (state_ == State::Serving && !paused_) receive();
  else if (state_ != State::Closed) flush();
}

void CallSession::publish() {
  if (taken_ > 0) {
    shared_->taken.fetch_add(std::exchange(taken_, 0), std::memory_order_relaxed);
    is_active_ = true;
  }
  if (counted_ == running_) return;
  shared_->under_way.fetch_add(running_ - counted_, std::memory_order_relaxed);  // Wraps around, and back.
  counted_ = running_;
}

void CallSession::flush() {
  while (unsent() > 0) {
    const std::string_view rest = std::string_view(out_).substr(sent_);
    const IoResult put = stream_->write({&rest, 1});
    if (put.status == IoStatus::Done) {
      sent_ += put.bytes;
      progress_ms_ = 0;
      continue;
    }
    if (put.status != IoStatus::WaitRead && put.status != IoStatus::WaitWrite) return close();
    if (unsent() > shared_->limits.answers_bytes_max) {
      log_warn("client of the call transport does not read its answers", {{"path", path_}, {"unread_bytes", unsent()}});
      return close();
    }
    if (progress_ms_ == 0) progress_ms_ = steady_ms();
    if (sent_ > kKeptOutBytes) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
    return put.status == IoStatus::WaitRead ? arm_read() : arm_write();
  }
  sent_ = 0;
  if (out_.capacity() > kKeptOutBytes) out_ = {};
  out_.clear();
  if (paused_ && !taking_ && may_take()) flush_later();  // To resume().
}

void CallSession::go_away() {
  if (said_goaway_) return;
  said_goaway_ = true;
  active_ms_ = steady_ms();
  append_frame(out_, FrameKind::Goaway, kGoawayGraceful, 0, {});
  if (!taking_) flush_later();
}

void CallSession::drain() {
  if (state_ == State::Serving) go_away();
}

void CallSession::broken(const std::string& why) {
  log_warn("client of the call transport broke its rules", {{"path", path_}, {"why", why}});
  append_frame(out_, FrameKind::Goaway, kGoawayBroken, 0, why);
  state_ = State::Ending;
  active_ms_ = steady_ms();
  loop_->post([self = shared_from_this()] {  // Who reads frames just now flushes, too.
    if (self->state_ == State::Ending) self->discard();
  });
}

// Closing with unread bytes would reset the connection, and our last words with it.
void CallSession::discard() {
  for (int round = 0; round < kReadsPerTurn; ++round) {
    const std::span<char> space = reader_.space();
    const IoResult got = stream_->read(space.data(), space.size());
    if (got.status == IoStatus::WaitRead) {
      if (unsent() == 0) stream_->shut();
      return arm_read();
    }
    if (got.status == IoStatus::WaitWrite) return arm_write();
    if (got.status != IoStatus::Done) return close();
    discarded_bytes_ += got.bytes;
    if (discarded_bytes_ > kDiscardBytesMax) return close();
  }
  if (stream_->has_buffered()) return close();
  arm_read();
}

void CallSession::on_tick() {
  const auto self = shared_from_this();
  const std::int64_t now = steady_ms();
  if (std::exchange(is_active_, false) || (running_ > 0 && state_ == State::Serving)) active_ms_ = now;
  if (unsent() > 0 && progress_ms_ != 0 && now - progress_ms_ >= shared_->limits.write_stall_timeout.ms) return close();
  if (state_ == State::Ending && now - active_ms_ >= shared_->limits.goodbye_timeout.ms) return close();
  if (state_ != State::Serving || running_ > 0) return;
  if (said_goaway_ && now - active_ms_ >= shared_->limits.goodbye_timeout.ms) return close();
  if (now - active_ms_ >= shared_->limits.idle_timeout.ms) go_away();
}

void CallSession::close() {
  if (state_ == State::Closed) return;
  const auto self = shared_from_this();
  state_ = State::Closed;
  shared_->connections.fetch_sub(1);
  stream_.reset();
  out_ = {};
  sent_ = 0;
  publish();
  if (ended_) std::exchange(ended_, nullptr)();
}

}  // namespace holdfast::net
