// The known name that somebody who wrote an unknown one probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast::config {

// Empty when none is near. Case, "_" and "-" hardly count.
[[nodiscard]] std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

// `did you mean "x"?`, or the list of what is known when nothing is near (or nothing when that would be
// long).
[[nodiscard]] std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace holdfast::config
