// Sources: what is taken in from outside, and how far that is, change together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

// What taking something in from `source`, which is at `from` (none: nothing is known of it) and goes to `next`, changes; the commands
// that are taken in are carried out with it. Conflict: it is not there, or of another incarnation. Where either does not say which one
// it is, it is the other's.
[[nodiscard]] Result<PutSource> take_in(const View& view, const std::string& source, std::optional<std::uint64_t> from, std::uint64_t next,
                                        const std::string& incarnation = {});

}  // namespace holdfast::partition
