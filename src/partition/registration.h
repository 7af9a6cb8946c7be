// Registration: which states a function type has declared (StateFun request-reply v3, IncompleteInvocationContext). Declarations are
// kept for ever: functions are asked once, not after every restart.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/rows.h"
#include "partition/transition.h"

namespace holdfast::partition {

// At most this many states per function type.
inline constexpr std::size_t kStatesMax = 1'000;

// Adds what is missing from `current` (null: nothing declared yet). A name that is there keeps its expiration; with another type it
// is refused, because values of the old type may be stored.
[[nodiscard]] Result<model::RegistrationRow> declare_states(std::string_view type, const model::RegistrationRow* current,
                                                            std::vector<model::StateSpec>&& states);

}  // namespace holdfast::partition
