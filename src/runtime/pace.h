// Pace: how fast the functions of one upstream handle messages lately, and from that how many are taken in for it during one epoch from sources that
// can wait. See shard_intake.cc. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace holdfast::runtime {

class Pace {
 public:
  struct Limits {
    std::uint64_t burst_min = 20'000;  // Messages.
    std::uint64_t burst_max = 50'000;
    Duration burst_time{1'500};        // What is handled in this time is a burst.
  };

  // Messages taken in for it during the open epoch.
  void note_taken_in(std::uint64_t count) {
    taken_in_ += count;
    left_ += count;
  }
  // `waiting`: messages that wait for the upstream, wherever they came from.
  void epoch_closed(std::uint64_t waiting) {
    taken_in_ = 0;
    left_ = std::min(left_, waiting);
  }
  [[nodiscard]] std::uint64_t taken_in() const { return taken_in_; }
  // What is left of what was taken in, about.
  [[nodiscard]] std::uint64_t left() const { return left_; }

  // A call that took so long has handled `count` messages.
  void note_handled(std::uint64_t count, Duration took, Moment now) {
    if (!is_moving(now)) {  // A pause says nothing of how fast it is.
      counted_since_ = now + Duration{-took.ms};
      counted_ = 0;
    }
    call_ms_ += (static_cast<double>(took.ms) - call_ms_) / (last_.ms == 0 ? 1 : kCallsRemembered);
    left_ -= std::min(left_, count);
    counted_ += count;
    last_ = now;
    const std::int64_t past = (now - counted_since_).ms;
    // Calls that began together end together: no less than some of their time tells how many there are.
    if (past < std::clamp<std::int64_t>(static_cast<std::int64_t>(3 * call_ms_), kWindowMin_ms, kWindowMax_ms)) return;
    const double weight = per_ms_ == 0 ? 1 : static_cast<double>(past) / static_cast<double>(past + kRemembered_ms);
    per_ms_ += (static_cast<double>(counted_) / static_cast<double>(past) - per_ms_) * weight;
    counted_ = 0;
    counted_since_ = now;
  }

  // Whether it is at work: it has answered a moment ago, as far as its calls let expect that.
  [[nodiscard]] bool is_moving(Moment now) const {
    return last_.ms != 0 && (now - last_).ms < std::max<std::int64_t>(kStill_ms, static_cast<std::int64_t>(2 * call_ms_));
  }
  [[nodiscard]] std::uint64_t handled_in(Duration time) const { return static_cast<std::uint64_t>(per_ms_ * static_cast<double>(time.ms)); }
  [[nodiscard]] std::uint64_t burst(const Limits& limits) const {
    return std::clamp(handled_in(limits.burst_time), limits.burst_min, std::max(limits.burst_min, limits.burst_max));
  }

 private:
  static constexpr std::int64_t kWindowMin_ms = 50;
  static constexpr std::int64_t kWindowMax_ms = 1'000;
  static constexpr std::int64_t kRemembered_ms = 100;
  static constexpr std::int64_t kStill_ms = 300;
  static constexpr double kCallsRemembered = 16;

  std::uint64_t taken_in_ = 0;
  std::uint64_t left_ = 0;
  double per_ms_ = 0;
  double call_ms_ = 0;
  std::uint64_t counted_ = 0;
  Moment counted_since_;
  Moment last_;
};

}  // namespace holdfast::runtime
