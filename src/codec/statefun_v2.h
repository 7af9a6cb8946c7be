// The protocol of StateFun 2.0 to 2.2 (http-function.proto), to and from bytes; and the interim one that came before v3, which adds
// FromFunction.IncompleteInvocationContext to it and is otherwise the same (the early Go SDK). In the terms of statefun_v3.h,
// whose limits, refusals and order of writing are these, too. What differs:
//
//   - A value is a google.protobuf.Any. A TypedValue is one whose type name is the type_url; the value is there whenever the Any
//     is. An absent value is written as an Any without one, which reads as an empty value: an Any cannot say more.
//   - A state is bytes (SDKs put a serialized Any there), of type model::kUnsetType whatever its declaration says. A state without a value
//     and one of no bytes are the same.
//   - There are no cancellations and no tokens.
//   - Declarations have no type. A function of StateFun 2.0 to 2.2 makes none: its states are in the configuration.
//
// The bytes of one protocol pass for the other's, with their values lost. Where it shows, they are refused, by both.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/statefun_v3.h"

namespace holdfast::codec::v2 {

void append_to_function(std::string& out, const model::Address& target, std::span<const StateView> states,
                        std::span<const model::Message* const> batch);
[[nodiscard]] std::size_t to_function_size(const model::Address& target, std::span<const StateView> states,
                                           std::span<const model::Message* const> batch);

[[nodiscard]] Result<FunctionAnswer> parse_from_function(std::string_view bytes);

// --- The function's side.

// RequestedState::value is none if the bytes are.
[[nodiscard]] Result<InvocationBatch> parse_to_function(std::string_view bytes);

// Without cancellations and tokens. Types of states are left out.
void append_from_function(std::string& out, const model::InvocationResponse& response);
void append_from_function(std::string& out, const model::IncompleteContext& incomplete);

}  // namespace holdfast::codec::v2
