#include "telemetry/prometheus.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/check.h"

namespace holdfast::telemetry {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && quotes) out += "\\\"";
    else out.push_back(c);
  }
}

std::string label_text(MetricLabels labels) {
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out.push_back(',');
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out.push_back('"');
  }
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    std::snprintf(buffer, sizeof buffer, "%.0f", value);
  } else {
    std::snprintf(buffer, sizeof buffer, "%.9g", value);
  }
  return buffer;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                   std::string_view extra_label, std::string_view value) {
  out += name;
  out += suffix;
  if (!labels.empty() || !extra_label.empty()) {
    out.push_back('{');
    out += labels;
    if (!labels.empty() && !extra_label.empty()) out.push_back(',');
    out += extra_label;
    out.push_back('}');
  }
  out.push_back(' ');
  out += value;
  out.push_back('\n');
}

// The upper bound of a bucket in seconds; the last one holds everything above, too.
std::string bucket_label(int bucket) {
  if (bucket == LatencyHistogram::kBuckets - 1) return "le=\"+Inf\"";
  const double seconds = static_cast<double>(1ull << (LatencyHistogram::kFirstShift + bucket)) / 1e6;
  return "le=\"" + number_text(seconds) + "\"";
}

}  // namespace

PrometheusText::Series& PrometheusText::series(Kind kind, std::string_view name, std::string_view help,
                                               const MetricLabels& labels) {
  auto family = families_.find(name);
  if (family == families_.end()) {
    family = families_.emplace(std::string(name), Family{.kind = kind, .help = std::string(help), .series = {}}).first;
  }
  HOLDFAST_CHECK(family->second.kind == kind);
  return family->second.series[label_text(labels)];
}

void PrometheusText::counter(std::string_view name, std::string_view help, MetricLabels labels, std::uint64_t value) {
  series(Kind::Counter, name, help, labels).count += value;
}

void PrometheusText::counter_fraction(std::string_view name, std::string_view help, MetricLabels labels, double value) {
  series(Kind::CounterFraction, name, help, labels).number += value;
}

void PrometheusText::gauge(std::string_view name, std::string_view help, MetricLabels labels, double value) {
  series(Kind::Gauge, name, help, labels).number += value;
}

void PrometheusText::histogram(std::string_view name, std::string_view help, MetricLabels labels,
                               const LatencyHistogram& value) {
  Series& into = series(Kind::Histogram, name, help, labels);
  for (int i = 0; i < LatencyHistogram::kBuckets; ++i) into.buckets[static_cast<std::size_t>(i)] += value.bucket(i);
  into.sum_us += value.sum_us();
}

std::string PrometheusText::render() const {
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + " ";
    append_escaped(out, family.help, false);
    out += "\n# TYPE " + name;
    out += family.kind == Kind::Gauge ? " gauge\n" : family.kind == Kind::Histogram ? " histogram\n" : " counter\n";
    for (const auto& [labels, series] : family.series) {
      switch (family.kind) {
        case Kind::Counter: append_sample(out, name, "", labels, "", std::to_string(series.count)); break;
        case Kind::CounterFraction:
        case Kind::Gauge: append_sample(out, name, "", labels, "", number_text(series.number)); break;
        case Kind::Histogram: {
          std::uint64_t below = 0;
          for (int i = 0; i < LatencyHistogram::kBuckets; ++i) {
            below += series.buckets[static_cast<std::size_t>(i)];
            append_sample(out, name, "_bucket", labels, bucket_label(i), std::to_string(below));
          }
          append_sample(out, name, "_sum", labels, "", number_text(static_cast<double>(series.sum_us) / 1e6));
          append_sample(out, name, "_count", labels, "", std::to_string(below));
          break;
        }
      }
    }
  }
  return out;
}

}  // namespace holdfast::telemetry
