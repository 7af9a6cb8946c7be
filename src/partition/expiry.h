// Expiry of state, after the last write or after the last invocation (StateFun, ExpirationSpec).
//
// A value past its time is as good as gone from that moment: readers skip it (is_expired). Its bytes go when the address's one
// ExpireStates timer fires, or with the next call. That timer is set when the first value that can expire appears and, on firing, is set
// again for the earliest value left; refreshing a value does not touch it, so a busy address costs no timer writes. So the bytes of a value
// that expires sooner than the timer is due (a state with a shorter time beside one with a longer, or declared with a shorter one since)
// stay until then at most; nobody sees them.
//
// A value expires as its state was declared when it was written. Another declaration counts from the next write on, and where it says
// AfterInvoke, from the next call. What has become an orphan keeps its time.
#pragma once

#include "base/time.h"
#include "model/rows.h"
#include "model/state.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

[[nodiscard]] inline bool is_expired(const model::StateValue& value, Instant now) {
  return value.expires_at.unix_ms != 0 && value.expires_at <= now;
}

// When a value written (or, for AfterInvoke, used) now expires; 0: never.
[[nodiscard]] Instant expiry_after(const model::StateSpec& spec, Instant now);

// Completes a change to an address that was just invoked: values that live by their last invocation are given new time, values that
// have expired leave, and the timer is set if one is needed and none is.
void watch_over_expiry(const View& view, const model::Address& address, Instant now, SequenceCounter& sequence,
                       ChangeAddress& change, Transition& next);

// What the ExpireStates timer does when it fires.
[[nodiscard]] Transition fire_expire_states(const View& view, const model::TimerKey& key, const model::Address& address,
                                            Instant now, SequenceCounter& sequence);

}  // namespace holdfast::partition
