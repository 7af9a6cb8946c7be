// Metrics: counters that one thread writes and any thread reads, and the way they are handed to whoever shows them.
//
// A module keeps its Counters in a struct of its own and shows them through a MetricsSource; telemetry/ sums equal names
// and labels over all sources and renders the Prometheus text. Names: holdfast_<module>_<noun>_<unit>[_total].
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// One writer thread, any readers. Adding costs a plain load and store.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Durations in microseconds, in buckets of powers of two from 16 us to 67 s. One writer thread.
class LatencyHistogram {
 public:
  static constexpr int kFirstShift = 4;
  static constexpr int kBuckets = 23;
  void record_us(std::uint64_t us) {
    int bucket = 0;
    while (bucket < kBuckets - 1 && us > (1ull << (kFirstShift + bucket))) ++bucket;
    buckets_[static_cast<std::size_t>(bucket)].add();
    sum_us_.add(us);
  }
  [[nodiscard]] std::uint64_t bucket(int i) const { return buckets_[static_cast<std::size_t>(i)].get(); }
  [[nodiscard]] std::uint64_t sum_us() const { return sum_us_.get(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_us_;
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void counter(std::string_view name, std::string_view help, MetricLabels labels, std::uint64_t value) = 0;
  virtual void gauge(std::string_view name, std::string_view help, MetricLabels labels, double value) = 0;
  virtual void histogram(std::string_view name, std::string_view help, MetricLabels labels,
                         const LatencyHistogram& value) = 0;
};

class MetricsSource {
 public:
  virtual ~MetricsSource() = default;
  // Any thread; reads Counters only.
  virtual void collect(MetricsSink& sink) const = 0;
};

}  // namespace holdfast
