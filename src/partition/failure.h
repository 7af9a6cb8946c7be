// What becomes of a batch that failed for good: it is parked, dead-lettered or dropped. And what a person may do about a parked one.
//
// A request whose message is given up is told so: by it nobody will be answered any more. Those of parked messages wait, as the messages do.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "model/endpoint.h"
#include "partition/egress.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

struct FailedBatch {
  const model::Address& address;
  std::uint32_t size = 1;      // The first `size` messages of the mailbox.
  std::uint32_t attempts = 0;
  std::string reason;
};

[[nodiscard]] Transition settle_failure(const View& view, const EgressResolver& egress, const model::FailurePolicy& policy,
                                        FailedBatch&& batch, Instant now);

// NotFound when the address is not parked. Its messages, the failed batch first, are tried again.
[[nodiscard]] Result<Transition> retry_parked(const View& view, const model::Address& address);
// Likewise; the failed batch is dropped, the messages after it go on.
[[nodiscard]] Result<Transition> skip_parked(const View& view, const model::Address& address);

}  // namespace holdfast::partition
