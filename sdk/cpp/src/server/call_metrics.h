// CallMetrics: what /metrics says of calls, by function. Only functions that are bound have counters of their own, so that nobody outside
// decides how many there are.
//
// Each thread that reads requests has a shard that it alone writes; calls that end on other threads share one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "holdfast/sdk/handler.h"

namespace holdfast::sdk::server {

class CallMetrics {
 public:
  // `functions` are the labels; a function is named by its index. One more, `functions.size()`, is for requests for no function.
  CallMetrics(std::vector<std::string> functions, std::size_t threads);

  static constexpr std::size_t kElsewhere = SIZE_MAX;  // A thread without a shard.
  void count_begin(std::size_t thread, std::size_t function, std::size_t messages);
  void count_end(std::size_t thread, std::size_t function, Answer::Status status, std::uint64_t duration_us);

  // Any thread.
  void collect(MetricsSink& sink) const;

 private:
  struct PerFunction {
    Counter calls;
    Counter messages;
    Counter ended;
    Counter failed;
    LatencyHistogram duration;
  };
  struct alignas(64) Shard {
    explicit Shard(std::size_t functions) : of(std::make_unique<PerFunction[]>(functions + 1)) {}
    std::unique_ptr<PerFunction[]> of;
    Counter malformed;
    Counter not_found;
  };
  Shard& shard(std::size_t thread) { return shards_[thread == kElsewhere ? shards_.size() - 1 : thread]; }
  static void add_end(Shard& shard, std::size_t function, Answer::Status status, std::uint64_t duration_us);

  const std::vector<std::string> functions_;
  std::deque<Shard> shards_;  // Never moved. The last is that of kElsewhere.
  std::mutex elsewhere_;       // For whoever writes that one.
};

}  // namespace holdfast::sdk::server
