// StreamWalk: takes away what a stream keeps when the walk begins, a page at a time, each page in one epoch with what becomes of it: after
// a crash between two the rest is still there. What is appended while the walk runs is left for the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/command.h"
#include "ports/streams.h"

namespace holdfast::connect {

// Runs a task on a thread of the walk's owner; may drop it when that thread ends, and with it the answer.
using PostTask = std::function<void(std::function<void()>)>;
// Appends what becomes of a record to `instead`; nothing, if it is dropped.
using Become = std::function<void(model::StreamRecord&& record, std::vector<model::Command>& instead)>;

// One at a time for a stream, as two could look at the same records. `streams` outlives it; `become` and `done` are called by way of `post`.
// Answers how many records are in the stream no more: those that became records of the same stream do not count.
void take_away(ports::Streams& streams, std::string stream, Become become, PostTask post, std::function<void(Result<std::uint64_t>)> done);

}  // namespace holdfast::connect
