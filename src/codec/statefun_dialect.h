// What statefun_v3.h and statefun_v2.h have in common: both protocols are one tree of messages with the same numbers, and
// differ in how a value is written and in a few fields. Each is made from the same code, at compile time. Private to codec/.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "codec/statefun_v3.h"

namespace holdfast::codec {

enum class Dialect {
  V3,
  V2,  // And the interim form: what it adds, no function of StateFun 2 says.
};

template <Dialect D>
Result<FunctionAnswer> read_answer(std::string_view bytes);
template <Dialect D>
Result<InvocationBatch> read_request(std::string_view bytes);

template <Dialect D>
std::size_t request_size(const model::Address& target, std::span<const StateView> states,
                         std::span<const model::Message* const> batch);
template <Dialect D>
void write_request(std::string& out, const model::Address& target, std::span<const StateView> states,
                   std::span<const model::Message* const> batch);
template <Dialect D>
void write_answer(std::string& out, const model::InvocationResponse& response);
template <Dialect D>
void write_answer(std::string& out, const model::IncompleteContext& incomplete);

}  // namespace holdfast::codec
