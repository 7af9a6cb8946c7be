// StateFun request-reply v3: ToFunction and FromFunction, to and from bytes.
//
// The runtime writes requests and reads answers; a function (the SDK, a stub, the simulator) reads requests and writes
// answers. All four are here. Requests are written from borrowed data in one pass into memory of exactly the right size.
// Only what the bytes mean is judged here; whether the function may do it (unknown state, negative delay) is
// partition's affair.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/address.h"
#include "model/invocation.h"
#include "model/message.h"
#include "model/state.h"

namespace holdfast::codec {

// Effects of one answer (mutations, sends, delayed sends and egress together), and messages of one request.
inline constexpr std::size_t kEffectsMax = 500'000;
// States of one function type.
inline constexpr std::size_t kStatesMax = 10'000;

// The type of a state whose declaration names none.
using model::kUnsetType;

// A declared state of a request, borrowed.
struct StateView {
  const model::StateSpec* spec = nullptr;
  const model::StateValue* value = nullptr;  // Null: it has none.
};

// Adds a ToFunction.InvocationBatchRequest. States are written in the order given. An empty type name of a state is
// written as kUnsetType.
void append_to_function(std::string& out, const model::Address& target, std::span<const StateView> states,
                        std::span<const model::Message* const> batch);
// How many bytes that will add: to refuse what is too large before it is written.
[[nodiscard]] std::size_t to_function_size(const model::Address& target, std::span<const StateView> states,
                                           std::span<const model::Message* const> batch);

using FunctionAnswer = std::variant<model::InvocationResponse, model::IncompleteContext>;

// An empty body is an answer without effects. Refused: bytes that are no FromFunction or have neither of its answers, strings that are not UTF-8, sends
// without a target, egress without an id, cancellations without a token, mutations and declarations without a name,
// expirations after no time at all, and more than the limits above. Damaged: no function said that, its answer was cut or another one was
// given in its place; Invalid: an answer that makes no sense.
[[nodiscard]] Result<FunctionAnswer> parse_from_function(std::string_view bytes);

// --- The function's side.

struct RequestedState {
  std::string name;
  std::optional<model::TypedValue> value;  // None: registered, but empty.
  bool operator==(const RequestedState&) const = default;
};
struct RequestedInvocation {
  std::optional<model::Address> caller;
  model::TypedValue argument;
  bool operator==(const RequestedInvocation&) const = default;
};
struct InvocationBatch {
  model::Address target;
  std::vector<RequestedState> states;
  std::vector<RequestedInvocation> invocations;
  bool operator==(const InvocationBatch&) const = default;
};

// Refused: anything but an InvocationBatchRequest with a target and at least one invocation.
[[nodiscard]] Result<InvocationBatch> parse_to_function(std::string_view bytes);

void append_from_function(std::string& out, const model::InvocationResponse& response);
void append_from_function(std::string& out, const model::IncompleteContext& incomplete);

}  // namespace holdfast::codec
