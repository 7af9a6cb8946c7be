#include "telemetry/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "telemetry/process.h"

namespace holdfast::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PrometheusText, AddsUpEqualNamesAndLabelsOfSeveralSources) {
  PrometheusText text;
  text.counter("holdfast_x_total", "Things.", {{"b", "2"}, {"a", "1"}}, 3);
  text.counter("holdfast_x_total", "Things.", {{"a", "1"}, {"b", "2"}}, 4);
  text.counter("holdfast_x_total", "Things.", {{"a", "other"}}, 1);
  text.gauge("holdfast_depth", "Depth.", {}, 1.5);
  text.gauge("holdfast_depth", "Depth.", {}, 2);
  EXPECT_EQ(text.render(),
            "# HELP holdfast_depth Depth.\n# TYPE holdfast_depth gauge\nholdfast_depth 3.5\n"
            "# HELP holdfast_x_total Things.\n# TYPE holdfast_x_total counter\n"
            "holdfast_x_total{a=\"1\",b=\"2\"} 7\nholdfast_x_total{a=\"other\"} 1\n");
}

TEST(PrometheusText, EscapesLabelValuesAndHelp) {
  PrometheusText text;
  text.counter("x", "two\nlines \\ \"q\"", {{"v", "a\"b\\c\nd"}}, 1);
  EXPECT_EQ(text.render(), "# HELP x two\\nlines \\\\ \"q\"\n# TYPE x counter\nx{v=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(PrometheusText, HistogramsAreCumulativeInSecondsAndEndAtInfinity) {
  auto first = std::make_unique<LatencyHistogram>();
  auto second = std::make_unique<LatencyHistogram>();
  first->record_us(16);           // The first bucket, its bound included.
  first->record_us(17);           // The second.
  second->record_us(90'000'000);  // Above every bound.
  PrometheusText text;
  text.histogram("t_seconds", "Time.", {{"f", "x"}}, *first);
  text.histogram("t_seconds", "Time.", {{"f", "x"}}, *second);
  const std::string out = text.render();
  EXPECT_THAT(out, HasSubstr("t_seconds_bucket{f=\"x\",le=\"1.6e-05\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("t_seconds_bucket{f=\"x\",le=\"3.2e-05\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("t_seconds_bucket{f=\"x\",le=\"33.554432\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("t_seconds_bucket{f=\"x\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("t_seconds_sum{f=\"x\"} 90.000033\n"));
  EXPECT_THAT(out, HasSubstr("t_seconds_count{f=\"x\"} 3\n"));
  EXPECT_THAT(out, Not(HasSubstr("67.108864")));
}

TEST(ProcessMetrics, SayWhatTheSystemKnowsOfThisProcess) {
  EXPECT_GT(resident_bytes(), 1u << 20);
  PrometheusText text;
  add_process_metrics(text);
  const std::string out = text.render();
  for (const char* name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds ",
                           "process_start_time_seconds ", "process_threads ", "process_max_fds "}) {
    EXPECT_THAT(out, HasSubstr(std::string("\n") + name));
  }
}

}  // namespace
}  // namespace holdfast::telemetry
