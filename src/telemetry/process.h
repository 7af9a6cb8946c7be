// What the operating system says of this process: memory, processor time, files, threads. Names are those that Prometheus
// clients agree on (process_*), so that existing dashboards find them.
#pragma once

#include "telemetry/prometheus.h"

namespace holdfast::telemetry {

// Adds what can be read now; what cannot is left out.
void add_process_metrics(PrometheusText& text);

// Resident memory in bytes; 0 if it cannot be read.
[[nodiscard]] std::uint64_t resident_bytes();

}  // namespace holdfast::telemetry
