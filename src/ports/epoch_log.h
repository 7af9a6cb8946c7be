// EpochLog: the truth. One record per epoch, in order, durable when append() returns.
//
// A record that was not acknowledged may or may not be found again after a crash, whole or not at all; one that was
// acknowledged is. Calls come from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/rows.h"

namespace holdfast::ports {

class EpochLog {
 public:
  // Gets each stored record; an error of its stops the replay and is passed on. A large epoch comes in several pieces, cut anywhere, one
  // after the other: a piece of another epoch, or the end, says that it is whole.
  using Replayed = std::function<Result<void>(model::Epoch, std::string_view payload)>;

  virtual ~EpochLog() = default;

  // Hands every stored record with an epoch above `after` to `replayed`, oldest first. Call it once, before the first append; a torn
  // last record is cut away, anything else that is not as it was written is ErrorCode::Damaged. So is a log that does not go with
  // the view: one whose records above `after` were trimmed, or that ends before `after`.
  [[nodiscard]] virtual Result<void> replay(model::Epoch after, const Replayed& replayed) = 0;

  // Appends the concatenation of `parts`, however large, as the record of `epoch` (which is above all before it), and makes it durable.
  // ErrorCode::NoSpace: nothing was written, the same call may be made again. Any other error: the log must not be used any
  // more, what the disk holds is unknown until the next replay.
  [[nodiscard]] virtual Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) = 0;

  // Records up to and including `epoch` are not needed any more. Frees what it can, which may be less.
  [[nodiscard]] virtual Result<void> trim(model::Epoch epoch) = 0;

  // Bytes that a replay would have to read.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

}  // namespace holdfast::ports
