// Sources: what is taken in from outside, and how far that is, change together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/command.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

// Takes `commands` in from `source`, which is at `from` (none: nothing is known of it) and goes to `next`. Conflict: it is not there.
[[nodiscard]] Result<Transition> take_in(const View& view, const std::string& source, std::optional<std::uint64_t> from,
                                         std::uint64_t next, std::vector<model::Command>&& commands);

}  // namespace holdfast::partition
