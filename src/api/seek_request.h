// The body of POST /v1/ingresses/{namespace}/{name}/seek: {"source": "…", "to": 123 | "earliest" | "latest" | "2026-11-21T10:00:00Z"}.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ports/edges.h"

namespace holdfast::api {

inline constexpr std::size_t kSeekBytesMax = 16u << 10;

struct SeekRequest {
  std::string source;  // Empty: all. Never empty beside a position, which means something else in each source.
  ports::SeekTo to;
};

[[nodiscard]] Result<SeekRequest> parse_seek(std::string_view body);

}  // namespace holdfast::api
