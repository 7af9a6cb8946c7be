#include "log/memory_log.h"

#include "base/check.h"
#include "log/replay_bounds.h"

namespace holdfast::log {

Result<void> MemoryLog::replay(model::Epoch after, const Replayed& replayed) {
  if (auto fits = check_replay_bounds(after, trimmed_, last_); !fits) return fits;
  for (const auto& record : records_) {
    if (record.epoch <= after) continue;
    if (auto taken = replayed(record.epoch, record.payload); !taken) return taken;
  }
  return {};
}

Result<void> MemoryLog::append(model::Epoch epoch, std::span<const std::string_view> parts) {
  HOLDFAST_CHECK(epoch > last_);
  std::string payload;
  for (const auto part : parts) payload += part;
  bytes_ += payload.size();
  records_.push_back({epoch, std::move(payload)});
  last_ = epoch;
  return {};
}

Result<void> MemoryLog::trim(model::Epoch epoch) {
  while (!records_.empty() && records_.front().epoch <= epoch) {
    trimmed_ = records_.front().epoch;
    bytes_ -= records_.front().payload.size();
    records_.pop_front();
  }
  return {};
}

}  // namespace holdfast::log
