// MemoryLog: the twin of SegmentLog that forgets with the process. For tests, and for `--data memory`.
//
// A replay may be made again at any time, as if the program had been restarted.
#pragma once

#include <deque>
#include <string>

#include "ports/epoch_log.h"

namespace holdfast::log {

class MemoryLog final : public ports::EpochLog {
 public:
  [[nodiscard]] Result<void> replay(model::Epoch after, const Replayed& replayed) override;
  [[nodiscard]] Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) override;
  [[nodiscard]] Result<void> trim(model::Epoch epoch) override;
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  struct Record {
    model::Epoch epoch;
    std::string payload;
  };
  std::deque<Record> records_;
  model::Epoch trimmed_;  // Of the newest record that is gone.
  model::Epoch last_;
  std::uint64_t bytes_ = 0;
};

}  // namespace holdfast::log
