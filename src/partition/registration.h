// Registration: which states a function type declares (StateFun request-reply v3, IncompleteInvocationContext). The newest declaration
// counts. A function answers a call without states with all that it declares, and one with states with what it lacks besides; so the first
// replaces what was known and the second adds to it.
//
// A state that a declaration no longer names becomes an orphan: its values are kept, but not sent, until it is declared again or a person
// has them dropped. A type of a state is never changed while values may be stored under it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/rows.h"
#include "partition/transition.h"

namespace holdfast::partition {

// At most this many states are declared by a function type, and at most this many of its states are orphans.
inline constexpr std::size_t kStatesMax = 1'000;
inline constexpr std::size_t kOrphansMax = 1'000;

enum class Declaration : std::uint8_t {
  Whole,  // All that the function declares.
  More,   // What it needs beside the states it was sent.
};

struct Declared {
  model::RegistrationRow row;     // What is known now: `current`, with the same revision, if nothing has changed.
  std::optional<Error> refusal;   // Why the declaration does not count.
};

// What a declaration makes of `current` (null: nothing declared yet). Refused: a name that is known with another type, a state without a
// name, an expiry without a time, more than the bounds. A refusal changes nothing, but for the state whose type is another now: nobody
// declares that any more, so it is an orphan, and can be dropped to make room for the new one.
[[nodiscard]] Declared declare_states(std::string_view type, const model::RegistrationRow* current,
                                      std::vector<model::StateSpec>&& states, Declaration kind);

// Whether one of these states is being dropped: it cannot be declared until that is done.
[[nodiscard]] bool waits_for_drop(const model::RegistrationRow* current, const std::vector<model::StateSpec>& states);

// Marks an orphan as to be dropped. NotFound: there is no such orphan; Conflict: the state is declared.
[[nodiscard]] Result<model::RegistrationRow> begin_drop(std::string_view type, const model::RegistrationRow* current,
                                                        std::string_view name);
// All of its values are gone.
[[nodiscard]] model::RegistrationRow end_drop(const model::RegistrationRow& current, std::string_view name);

// By which declaration a function may change a state: that of now, else, for one that is an orphan since the call was sent, that by which
// it was `sent` (null: the call had no states). Null: by none, or its values are being dropped.
[[nodiscard]] const model::StateSpec* find_declared(const model::RegistrationRow* current, const model::RegistrationRow* sent,
                                                    std::string_view name);

}  // namespace holdfast::partition
