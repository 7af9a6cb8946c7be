// Whether a log and the view in front of it belong together.
#pragma once

#include <string>

#include "base/result.h"
#include "model/rows.h"

namespace holdfast::log {

// A log that holds the epochs in (trimmed, last] is to be replayed after `after`. What lies before must be in the view, and the view
// cannot have come further than the log; otherwise one of the two is not the one that was written, and going on would lose or undo
// what was acknowledged.
[[nodiscard]] inline Result<void> check_replay_bounds(model::Epoch after, model::Epoch trimmed, model::Epoch last) {
  if (after < trimmed)
    return fail(ErrorCode::Damaged, "the log begins after epoch " + std::to_string(trimmed.value) +
                                        ", but the view has only reached " + std::to_string(after.value));
  if (after > last)
    return fail(ErrorCode::Damaged, "the log ends at epoch " + std::to_string(last.value) + ", but the view has reached " +
                                        std::to_string(after.value));
  return {};
}

}  // namespace holdfast::log
