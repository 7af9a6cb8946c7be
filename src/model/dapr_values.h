// How Dapr writes durations, sizes and ids: Go's durations and Kubernetes' quantities. Shared by the readers of its documents and of its
// flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/dapr_app.h"

namespace holdfast::model {

// Go's time.ParseDuration: "1h30m", "1.5s", "-200ms", "0". Rounded away from zero to milliseconds. None: no such thing, or beyond Go's 292
// years.
[[nodiscard]] std::optional<Duration> parse_go_duration(std::string_view text);
// The same, or a bare integer of milliseconds: durations of Resiliency documents.
[[nodiscard]] std::optional<Duration> parse_dapr_duration(std::string_view text);

// Kubernetes' resource.Quantity, whole numbers of bytes: "4Mi", "1.5Gi", "64k", "1e6", "-1". None: no quantity, no whole number, or too
// large for 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_quantity(std::string_view text);

// Why an app id is none, as daprd says it; empty: it is one.
[[nodiscard]] std::string app_id_fault(std::string_view app_id);

// In any case.
[[nodiscard]] std::optional<DaprAppProtocol> parse_app_protocol(std::string_view text);

}  // namespace holdfast::model
