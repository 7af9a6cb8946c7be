// The version, as people and programs are told.
#pragma once

namespace holdfast::app {

inline constexpr const char* kVersionNumber = "0.1.0";
inline constexpr const char* kVersion = "holdfast 0.1.0";

}  // namespace holdfast::app
