// Points in time as text: RFC 3339, "2026-11-21T11:37:44.123Z".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace holdfast::codec {

// In UTC, with milliseconds. Instants before the year 0 or after 9999 are the nearest that is in it.
[[nodiscard]] std::string rfc3339(Instant at);

// Any offset is taken, none is not: a time without one means something else on every machine. What is finer than a millisecond is
// cut off. None: it is not a time.
[[nodiscard]] std::optional<Instant> parse_rfc3339(std::string_view text);

}  // namespace holdfast::codec
