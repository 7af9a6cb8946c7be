// A function's answer to a batch: its effects, all or none of them.
//
// Order of effects (StateFun request-reply v3): messages, delayed sends and cancellations, egress, state. The batch leaves
// the mailbox in the same Transition, so an answer counts once however often the function was asked.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "model/invocation.h"
#include "partition/egress.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

struct AnsweredBatch {
  const model::Address& address;
  std::uint32_t size = 1;       // The first `size` messages of the mailbox were handed to the function.
  std::string_view traceparent; // What the batch was called with; everything it caused carries it on.
  const model::RegistrationRow* sent = nullptr;  // The declaration whose states went along; null: none did.
};

// Refuses, with the reason and leaving no trace, an answer that names a function or egress there is none of, mutates a state that is
// not declared, nor was when the batch was sent, or with another type, delays by a negative time, or uses a cancellation token that is pending.
[[nodiscard]] Result<Transition> apply_response(const View& view, const EgressResolver& egress,
                                                const FunctionDirectory& functions, const AnsweredBatch& batch,
                                                model::InvocationResponse&& response, Instant now,
                                                SequenceCounter& sequence);

}  // namespace holdfast::partition
