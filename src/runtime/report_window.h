// ReportWindow: keeps what happens often from drowning the log: a few lines in each stretch of time, and how many were left out.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace holdfast::runtime {

class ReportWindow {
 public:
  // Whether to say it now. A new stretch begins with what the one before left out.
  [[nodiscard]] bool may_report(Moment now) {
    if (!since_ || now - *since_ >= kLength) {
      since_ = now;
      reported_ = 0;
    }
    if (reported_ < kReportsMax) {
      ++reported_;
      return true;
    }
    ++left_out_;
    return false;
  }
  // Since the last time that this was asked.
  [[nodiscard]] std::uint64_t take_left_out() {
    const std::uint64_t count = left_out_;
    left_out_ = 0;
    return count;
  }

 private:
  static constexpr Duration kLength{10'000};
  static constexpr std::uint32_t kReportsMax = 10;

  std::optional<Moment> since_;
  std::uint32_t reported_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace holdfast::runtime
