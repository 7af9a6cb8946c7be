#pragma once

#include <holdfast/sdk.h>

inline constexpr holdfast::sdk::State<std::int64_t> kSeen{"seen"};

holdfast::sdk::Functions make_functions();
