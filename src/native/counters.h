// Counters: what happened in the functions of one endpoint, over all shards. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::native {

struct Counters {
  std::atomic<std::uint64_t> slow_calls{0};      // Quick ones that kept their shard for longer than kSlowCall.
  std::atomic<std::uint64_t> given_up{0};        // Without an answer within the call timeout.
  std::atomic<std::uint64_t> unwanted_answers{0};  // To calls that were given up, or had been answered.
};

}  // namespace holdfast::native
