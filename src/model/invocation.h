// What a function may answer, independent of the protocol it said it in. The names are those of StateFun request-reply v3.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/address.h"
#include "model/message.h"
#include "model/state.h"

namespace holdfast::model {

// FromFunction.PersistedValueMutation.
struct StateMutation {
  enum class Kind : std::uint8_t { Delete, Modify };
  Kind kind = Kind::Modify;
  std::string name;
  std::string type_name;  // Modify only.
  std::string value;      // Modify only.
};

// FromFunction.Invocation.
struct OutgoingMessage {
  Address target;
  TypedValue argument;
};

// FromFunction.DelayedInvocation: a send for later, or the taking back of one.
struct DelayedInvocation {
  enum class Kind : std::uint8_t { Send, Cancel };
  Kind kind = Kind::Send;
  Duration delay;            // Send only. Negative ones come from functions, and are refused by the partition.
  OutgoingMessage message;   // Send only.
  std::string token;         // Empty: none.
};

// FromFunction.EgressMessage.
struct EgressMessage {
  std::string egress;  // "namespace/type" of the egress id.
  TypedValue argument;
};

// FromFunction.InvocationResponse: the effects of a whole batch. Applied in this order: sends, delayed, egress, mutations.
struct InvocationResponse {
  std::vector<StateMutation> mutations;
  std::vector<OutgoingMessage> sends;
  std::vector<DelayedInvocation> delayed;
  std::vector<EgressMessage> egress;
};

// What an answer is charged while it is in memory and not yet part of an epoch, about.
[[nodiscard]] inline std::size_t size_in_memory(const InvocationResponse& r) {
  const auto value = [](const TypedValue& v) { return v.type_name.size() + v.value.size(); };
  const auto message = [&](const OutgoingMessage& m) { return m.target.type.size() + m.target.id.size() + value(m.argument); };
  std::size_t size = sizeof(InvocationResponse);
  for (const auto& m : r.mutations) size += sizeof m + m.name.size() + m.type_name.size() + m.value.size();
  for (const auto& s : r.sends) size += sizeof s + message(s);
  for (const auto& d : r.delayed) size += sizeof d + d.token.size() + message(d.message);
  for (const auto& e : r.egress) size += sizeof e + e.egress.size() + value(e.argument);
  return size;
}

// FromFunction.IncompleteInvocationContext: states the function needs declared before it can run.
struct IncompleteContext {
  std::vector<StateSpec> missing;
};

struct InvocationFailure {
  enum class Kind : std::uint8_t {
    Unreachable,  // Never got to the function: the endpoint is waited for, the batch is innocent.
    Away,         // Something before the function answered in its place that it cannot be reached now: waited for, likewise.
    Failed,       // The function, or the way to it, answered with a failure or not in time: retried by policy.
    Refused,      // An answer that makes no sense: asking again would not help.
  };
  Kind kind = Kind::Failed;
  std::string message;
  Duration retry_after{};  // Away: not before.
  bool counts = true;      // Away: whether it may be about this batch alone. Not so where the caller is only to be slower.
};

using InvocationOutcome = std::variant<InvocationResponse, IncompleteContext, InvocationFailure>;

}  // namespace holdfast::model
