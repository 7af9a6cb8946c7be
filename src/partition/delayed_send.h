// Delayed sends: messages a function asks us to deliver later, if it wants under a cancellation token by which it may
// take them back. The decision which of them to accept is taken with the rest of the answer, in response.h.
//
// A delayed send is one row in the timer table of its sender's partition, ordered by (due, sequence). If it carries a token
// there is a second row, from (owner, token) to the first.
//
// Invariants
//   - A token row always leads to a timer row that exists.
//   - A timer row goes away in the very Transition that emits its message: one delivery, not two.
//   - `due` is computed from the time handed in. Nothing here reads a clock.
//
// Not here: waking up when a timer falls due (runtime/timer_queue.h).
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/invocation.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

// Of a cancellation token: it is part of a key, as ids are (model::kIdBytesMax).
inline constexpr std::size_t kCancellationTokenBytesMax = 4096;

// Appends to `next` what a function's delayed sends and cancellations do, in their order. Refuses – leaving `next` as it
// may be by then, so the caller drops it – a negative delay, a token over its bound and one that is pending. Re-use is refused, not
// overwritten: a caller that believes it can still cancel the first send must not lose that power without being told
// (StateFun: duplicate cancellation token). Cancelling what was delivered or never sent does nothing: the two race by nature.
[[nodiscard]] Result<void> apply_delayed(const View& view, const model::Address& owner, std::string_view traceparent,
                                         std::vector<model::DelayedInvocation>&& delayed, Instant now,
                                         SequenceCounter& sequence, Transition& next);

// What a delayed send does when it falls due.
[[nodiscard]] Transition fire_delayed_send(const model::TimerKey& key, model::DelayedSend&& send);

}  // namespace holdfast::partition
