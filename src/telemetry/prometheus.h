// PrometheusText: what the metrics sources say, as the text that Prometheus scrapes (exposition format 0.0.4).
//
// Values with the same name and labels are added up, so that each shard can keep counters of its own and nobody has to
// know how many there are. One per scrape, one thread; the sources it is handed to are read while they count on.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/metrics.h"

namespace holdfast::telemetry {

inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

class PrometheusText final : public MetricsSink {
 public:
  void counter(std::string_view name, std::string_view help, MetricLabels labels, std::uint64_t value) override;
  void gauge(std::string_view name, std::string_view help, MetricLabels labels, double value) override;
  void histogram(std::string_view name, std::string_view help, MetricLabels labels, const LatencyHistogram& value) override;
  // For what is counted in fractions, as seconds of processor time are.
  void counter_fraction(std::string_view name, std::string_view help, MetricLabels labels, double value);

  // Families by name, series by labels: two scrapes of the same values are the same bytes.
  [[nodiscard]] std::string render() const;

 private:
  struct Series {
    std::uint64_t count = 0;
    double number = 0;
    std::array<std::uint64_t, LatencyHistogram::kBuckets> buckets{};
    std::uint64_t sum_us = 0;
  };
  enum class Kind { Counter, CounterFraction, Gauge, Histogram };
  struct Family {
    Kind kind = Kind::Counter;
    std::string help;
    std::map<std::string, Series> series;  // By labels as they are rendered, without braces.
  };
  Series& series(Kind kind, std::string_view name, std::string_view help, const MetricLabels& labels);

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace holdfast::telemetry
