#include "codec/statefun_v2.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/wire.h"

namespace holdfast::codec {
namespace {

using model::DelayedInvocation;
using model::StateMutation;

// One field, to build answers by hand that our writer would not write.
std::string field(std::uint32_t number, const std::string& inner) {
  std::string out;
  wire::Writer w(out, wire::bytes_size(number, inner.size()));
  w.bytes(number, inner);
  return out;
}
std::string number(std::uint32_t field, std::uint64_t value) {
  std::string out;
  wire::Writer w(out, wire::varint_field_size(field, value));
  w.varint_field(field, value);
  return out;
}
std::string result_with(std::uint32_t kind, const std::string& effect) { return field(100, field(kind, effect)); }

model::InvocationResponse response_of(std::string_view bytes) {
  auto answer = v2::parse_from_function(bytes);
  EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().message);
  return answer ? std::get<model::InvocationResponse>(*answer) : model::InvocationResponse{};
}
std::string error_of(std::string_view bytes) {
  auto answer = v2::parse_from_function(bytes);
  return answer ? "none" : answer.error().message;
}

const std::string kTarget = field(1, "ns") + field(2, "fn") + field(3, "id");

TEST(FromFunctionV2, EmptyBodyAndEmptyResultHaveNoEffects) {
  for (const auto& bytes : {std::string(), field(100, "")}) {
    const auto r = response_of(bytes);
    EXPECT_TRUE(r.mutations.empty() && r.sends.empty() && r.delayed.empty() && r.egress.empty());
  }
}

TEST(FromFunctionV2, AnyBecomesATypedValueAndNoneIsNone) {
  const auto r = response_of(result_with(2, field(1, kTarget) + field(2, field(1, "type.googleapis.com/a.B") + field(2, "v"))));
  EXPECT_EQ(r.sends.at(0).argument, (model::TypedValue{"type.googleapis.com/a.B", "v", true}));
  EXPECT_EQ(response_of(result_with(2, field(1, kTarget) + field(2, field(1, "t")))).sends.at(0).argument, (model::TypedValue{"t", "", true}));
  EXPECT_EQ(response_of(result_with(2, field(1, kTarget))).sends.at(0).argument, (model::TypedValue{"", "", false}));
}

TEST(FromFunctionV2, StateIsBytesOfTheUnsetType) {
  const auto r = response_of(result_with(1, number(1, 1) + field(2, "seen") + field(3, "\x01\xff")));
  ASSERT_EQ(r.mutations.size(), 1u);
  EXPECT_EQ(r.mutations[0].kind, StateMutation::Kind::Modify);
  EXPECT_EQ(r.mutations[0].type_name, kUnsetType);
  EXPECT_EQ(r.mutations[0].value, "\x01\xff");
}

TEST(FromFunctionV2, ModifyWithoutBytesIsNoDelete) {
  const auto r = response_of(result_with(1, number(1, 1) + field(2, "seen")));
  EXPECT_EQ(r.mutations.at(0).kind, StateMutation::Kind::Modify);
  EXPECT_EQ(r.mutations[0].value, "");
  EXPECT_EQ(response_of(result_with(1, field(2, "seen"))).mutations.at(0).kind, StateMutation::Kind::Delete);
}

TEST(FromFunctionV2, NegativeDelayIsReadAsItIs) {
  const auto r = response_of(result_with(3, number(1, static_cast<std::uint64_t>(-5)) + field(2, kTarget)));
  EXPECT_EQ(r.delayed.at(0).delay.ms, -5);
}

TEST(FromFunctionV2, CancellationsAreFieldsThatNobodyKnows) {
  const auto r = response_of(result_with(3, number(1, 7) + field(2, kTarget) + number(10, 1) + field(11, "token")));
  ASSERT_EQ(r.delayed.size(), 1u);
  EXPECT_EQ(r.delayed[0].kind, DelayedInvocation::Kind::Send);
  EXPECT_EQ(r.delayed[0].token, "");
  EXPECT_EQ(error_of(result_with(3, number(10, 1) + field(11, "token"))),
            "FromFunction.InvocationResponse field 3 at byte 3: a delayed message to a target without a type");
}

TEST(FromFunctionV2, DeclarationsOfTheInterimProtocolHaveNoType) {
  const auto answer = v2::parse_from_function(
      field(101, field(1, field(1, "seen") + field(2, number(1, 2) + number(2, 60'000)) + field(3, "a/type"))));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<model::IncompleteContext>(*answer).missing.at(0),
            (model::StateSpec{"seen", std::string(kUnsetType), model::ExpireMode::AfterInvoke, {60'000}}));
}

TEST(FromFunctionV2, WhatMeansNothingIsRefusedAsInV3) {
  const std::pair<std::string, std::string> cases[] = {
      {"Internal error", "no FromFunction: neither an invocation_result nor a request for states"},
      {result_with(1, field(3, "v")), "FromFunction.InvocationResponse field 1 at byte 3: a state mutation without a state name"},
      {result_with(2, field(2, "")), "FromFunction.InvocationResponse field 2 at byte 3: an outgoing message to a target without a type"},
      {result_with(4, field(1, "ns")), "FromFunction.InvocationResponse field 4 at byte 3: an egress message to an egress without a type"},
      {field(101, field(1, field(1, "s") + field(2, number(1, 1) + number(2, static_cast<std::uint64_t>(-1))))),
       "FromFunction.IncompleteInvocationContext field 1 at byte 3: state s expires after -1 ms, which must be more than 0"},
      {result_with(2, field(1, kTarget) + field(2, field(1, "\xff"))), "Any field 1 at byte 21: a string that is not UTF-8"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(error_of(bytes), error);
}

TEST(FromFunctionV2, EveryTruncationOfAnAnswerIsRefused) {
  model::InvocationResponse r;
  r.mutations.push_back({StateMutation::Kind::Modify, "s", "", "value"});
  r.sends.push_back({{"a/b", "id"}, {"a/b", "value", true}});
  r.delayed.push_back({DelayedInvocation::Kind::Send, {1000}, {{"a/b", "id"}, {"a/b", "value", true}}, ""});
  r.egress.push_back({"a/out", {"a/b", "value", true}});
  std::string bytes;
  v2::append_from_function(bytes, r);
  for (std::size_t size = 1; size < bytes.size(); ++size) EXPECT_NE(error_of(bytes.substr(0, size)), "none") << size;
  EXPECT_EQ(error_of(bytes), "none");
}

TEST(FromFunctionV2, TooManyEffectsAndStatesAreRefused) {
  std::string effects, states;
  for (std::size_t i = 0; i <= kEffectsMax; ++i) effects += field(1, field(2, "s"));
  EXPECT_TRUE(error_of(field(100, effects)).ends_with("more than 500000 effects in one answer"));
  for (std::size_t i = 0; i <= kStatesMax; ++i) states += field(1, field(1, "s"));
  EXPECT_TRUE(error_of(field(101, states)).ends_with("more than 10000 states"));
}

TEST(FromFunctionV2, AnswersOfTheOtherProtocolAreRefusedByName) {
  model::InvocationResponse r;
  r.sends.push_back({{"a/b", "id"}, {"a/type", "value", true}});
  std::string v2_bytes, v3_bytes;
  v2::append_from_function(v2_bytes, r);
  append_from_function(v3_bytes, r);
  EXPECT_TRUE(error_of(v3_bytes).ends_with("a TypedValue: the function speaks the protocol of StateFun 3")) << error_of(v3_bytes);
  const auto answer = parse_from_function(v2_bytes);
  ASSERT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().message.ends_with("a google.protobuf.Any: the function speaks the protocol of StateFun 2")) << answer.error().message;
}

TEST(ToFunctionV2, StatesWithoutAValueAndThoseWithoutBytesAreNamesOnly) {
  const model::Address target{"ns/fn", "id"};
  const model::Message message{target, std::nullopt, {"t", "hello", true}, ""};
  const model::Message* batch[] = {&message};
  const model::StateSpec spec{"seen", std::string(kUnsetType)};
  const model::StateValue empty{"seen", "", {}}, some{"seen", "v", {}};
  const StateView states[] = {{&spec, nullptr}, {&spec, &empty}, {&spec, &some}};
  std::string bytes;
  v2::append_to_function(bytes, target, states, batch);
  EXPECT_EQ(bytes.size(), v2::to_function_size(target, states, batch));
  const std::string name = field(1, "seen");
  EXPECT_EQ(bytes, field(100, field(1, kTarget) + field(2, name) + field(2, name) + field(2, name + field(2, "v")) +
                                  field(3, field(2, field(1, "t") + field(2, "hello")))));
  const auto back = v2::parse_to_function(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_FALSE(back->states.at(0).value.has_value());
  EXPECT_FALSE(back->states.at(1).value.has_value());
  EXPECT_EQ(back->states.at(2).value, (model::TypedValue{std::string(kUnsetType), "v", true}));
}

TEST(ToFunctionV2, AbsentValueIsAnAnyWithoutOne) {
  const model::Address target{"ns/fn", "id"};
  const model::Message message{target, model::Address{"a/b", "c"}, {"t", "ignored", false}, ""};
  const model::Message* batch[] = {&message};
  std::string bytes;
  v2::append_to_function(bytes, target, {}, batch);
  const auto back = v2::parse_to_function(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->invocations.at(0).argument, (model::TypedValue{"t", "", true}));
  EXPECT_EQ(back->invocations.at(0).caller, message.caller);
}

TEST(ToFunctionV2, RequestsWithoutTargetOrInvocationsAreRefused) {
  EXPECT_FALSE(v2::parse_to_function("").has_value());
  EXPECT_EQ(v2::parse_to_function(field(100, field(3, ""))).error().message, "a ToFunction without a target type");
  EXPECT_EQ(v2::parse_to_function(field(100, field(1, field(2, "fn")))).error().message, "a ToFunction without invocations");
}

}  // namespace
}  // namespace holdfast::codec
