// JSON from outside, through Boost.JSON with our bounds. Private to codec/.
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.h"

namespace holdfast::codec {

// Nesting of arrays and objects.
inline constexpr std::size_t kJsonDepthMax = 128;

[[nodiscard]] Result<boost::json::value> parse_json(std::string_view text);

}  // namespace holdfast::codec
