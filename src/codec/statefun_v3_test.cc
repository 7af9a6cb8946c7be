#include "codec/statefun_v3.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/wire.h"

namespace holdfast::codec {
namespace {

using model::DelayedInvocation;
using model::StateMutation;

// One field of bytes, to build answers by hand that our writer would not write.
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
  auto answer = parse_from_function(bytes);
  EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().message);
  return answer ? std::get<model::InvocationResponse>(*answer) : model::InvocationResponse{};
}
std::string error_of(std::string_view bytes) {
  auto answer = parse_from_function(bytes);
  return answer ? "none" : answer.error().message;
}

TEST(FromFunction, EmptyBodyHasNoEffects) {
  const auto r = response_of("");
  EXPECT_TRUE(r.mutations.empty() && r.sends.empty() && r.delayed.empty() && r.egress.empty());
}

TEST(FromFunction, EmptyResultHasNoEffects) {
  const auto r = response_of(field(100, ""));
  EXPECT_TRUE(r.mutations.empty() && r.sends.empty() && r.delayed.empty() && r.egress.empty());
}

TEST(FromFunction, TextThatHappensToBeUnknownFieldsIsNoAnswer) {
  EXPECT_EQ(error_of("Internal error"), "no FromFunction: neither an invocation_result nor a request for states");
}

TEST(FromFunction, MutationWithoutATypeIsADelete) {
  const auto r = response_of(result_with(1, field(2, "seen")));
  ASSERT_EQ(r.mutations.size(), 1u);
  EXPECT_EQ(r.mutations[0].kind, StateMutation::Kind::Delete);
  EXPECT_EQ(r.mutations[0].name, "seen");
}

TEST(FromFunction, ModifyWithoutHasValueStoresTheBytes) {
  const auto r = response_of(result_with(1, number(1, 1) + field(2, "seen") + field(3, field(1, "a/b"))));
  ASSERT_EQ(r.mutations.size(), 1u);
  EXPECT_EQ(r.mutations[0].kind, StateMutation::Kind::Modify);
  EXPECT_EQ(r.mutations[0].type_name, "a/b");
  EXPECT_EQ(r.mutations[0].value, "");
}

TEST(FromFunction, ZeroLengthValueIsNotTheSameAsNone) {
  const std::string target = field(1, field(1, "ns") + field(2, "fn") + field(3, "id"));
  const auto with = response_of(result_with(2, target + field(2, field(1, "a/b") + number(2, 1))));
  EXPECT_TRUE(with.sends.at(0).argument.has_value);
  const auto without = response_of(result_with(2, target + field(2, field(1, "a/b"))));
  EXPECT_FALSE(without.sends.at(0).argument.has_value);
}

TEST(FromFunction, CancellationNeedsOnlyItsToken) {
  const auto r = response_of(result_with(3, number(10, 1) + field(11, "t")));
  ASSERT_EQ(r.delayed.size(), 1u);
  EXPECT_EQ(r.delayed[0].kind, DelayedInvocation::Kind::Cancel);
  EXPECT_EQ(r.delayed[0].token, "t");
}

TEST(FromFunction, NegativeDelayIsReadAsItIs) {
  const std::string target = field(2, field(1, "ns") + field(2, "fn"));
  const auto r = response_of(result_with(3, number(1, static_cast<std::uint64_t>(-5)) + target));
  EXPECT_EQ(r.delayed.at(0).delay.ms, -5);
}

TEST(FromFunction, DeclaredStateDefaultsToNoExpirationAndTheUnsetType) {
  const auto answer = parse_from_function(field(101, field(1, field(1, "seen"))));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<model::IncompleteContext>(*answer).missing.at(0),
            (model::StateSpec{"seen", "io.statefun.types/unset", model::ExpireMode::None, {}}));
}

TEST(FromFunction, UnknownExpireModeIsNone) {
  const auto answer = parse_from_function(field(101, field(1, field(1, "seen") + field(2, number(1, 9) + number(2, 5)))));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<model::IncompleteContext>(*answer).missing.at(0).expire_mode, model::ExpireMode::None);
}

TEST(FromFunction, LastAnswerOfTheOneofStands) {
  const std::string incomplete = field(101, field(1, field(1, "seen")));
  const std::string result = result_with(1, field(2, "seen"));
  EXPECT_EQ(parse_from_function(result + incomplete)->index(), 1u);
  EXPECT_EQ(response_of(incomplete + result).mutations.size(), 1u);
  EXPECT_EQ(response_of(result + result).mutations.size(), 2u);
}

TEST(FromFunction, UnknownFieldsAndUnknownWireTypesOfKnownOnesArePassedOver) {
  const std::string bytes = number(7, 1) + field(100, field(9, "new") + field(1, number(2, 4) + field(2, "seen") + field(77, "x")));
  EXPECT_EQ(response_of(bytes).mutations.at(0).name, "seen");
}

TEST(FromFunction, WhatMeansNothingIsRefusedWithItsPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {result_with(1, ""), "FromFunction.InvocationResponse field 1 at byte 3: a state mutation without a state name"},
      {result_with(1, number(1, 2) + field(2, "s")),
       "FromFunction.InvocationResponse field 1 at byte 3: mutation type 2, which is neither DELETE nor MODIFY"},
      {result_with(2, field(2, "")), "FromFunction.InvocationResponse field 2 at byte 3: an outgoing message to a target without a type"},
      {result_with(3, number(1, 5)), "FromFunction.InvocationResponse field 3 at byte 3: a delayed message to a target without a type"},
      {result_with(3, number(10, 1)),
       "FromFunction.InvocationResponse field 3 at byte 3: a cancellation without a cancellation token"},
      {result_with(4, field(1, "ns")), "FromFunction.InvocationResponse field 4 at byte 3: an egress message to an egress without a type"},
      {result_with(2, field(1, field(1, "ns") + field(2, "a/b"))),
       "FromFunction.InvocationResponse field 2 at byte 3: an outgoing message to a target with a slash in its type's name"},
      {result_with(2, field(1, field(2, "\xff"))), "Address field 2 at byte 7: a string that is not UTF-8"},
      {field(101, field(1, "")), "FromFunction.IncompleteInvocationContext field 1 at byte 3: a state without a name"},
      {field(101, field(1, field(1, "s") + field(2, number(1, 1)))),
       "FromFunction.IncompleteInvocationContext field 1 at byte 3: state s expires after 0 ms, which must be more than 0"},
      {"\xa2\x06\x05\x0a", "FromFunction field 100 at byte 0: the length is beyond the end"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(error_of(bytes), error);
}

TEST(FromFunction, EveryTruncationOfAnAnswerIsRefused) {
  model::InvocationResponse r;
  r.mutations.push_back({StateMutation::Kind::Modify, "s", "a/b", "value"});
  r.sends.push_back({{"a/b", "id"}, {"a/b", "value", true}});
  r.delayed.push_back({DelayedInvocation::Kind::Send, {1000}, {{"a/b", "id"}, {"a/b", "value", true}}, "token"});
  r.egress.push_back({"a/out", {"a/b", "value", true}});
  std::string bytes;
  append_from_function(bytes, r);
  for (std::size_t size = 1; size < bytes.size(); ++size) EXPECT_NE(error_of(bytes.substr(0, size)), "none") << size;
  EXPECT_EQ(error_of(bytes), "none");
}

TEST(FromFunction, TooManyEffectsAreRefused) {
  const std::string one = field(1, field(2, "s"));
  std::string inner;
  for (std::size_t i = 0; i < kEffectsMax; ++i) inner += one;
  EXPECT_EQ(response_of(field(100, inner)).mutations.size(), kEffectsMax);
  EXPECT_TRUE(error_of(field(100, inner + one)).ends_with("more than 500000 effects in one answer"));
  EXPECT_TRUE(error_of(field(100, inner) + field(100, one)).ends_with("more than 500000 effects in one answer"));
}

TEST(FromFunction, TooManyStatesAreRefused) {
  std::string inner;
  for (std::size_t i = 0; i <= kStatesMax; ++i) inner += field(1, field(1, "s"));
  EXPECT_TRUE(error_of(field(101, inner)).ends_with("more than 10000 states"));
}

TEST(ToFunction, TypeWithoutANamespaceComesBack) {
  const model::Address target{"plain", "id"};
  const model::Message message{target, model::Address{"other", "x"}, {"t", "", true}, ""};
  const model::Message* batch[] = {&message};
  std::string bytes;
  append_to_function(bytes, target, {}, batch);
  const auto back = parse_to_function(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->target, target);
  EXPECT_EQ(back->invocations.at(0).caller, message.caller);
}

TEST(ToFunction, CallerThatIsEmptyThroughoutIsNone) {
  const std::string target = field(1, field(2, "fn"));
  const auto back = parse_to_function(field(100, target + field(3, field(1, "") + field(2, field(1, "t")))));
  ASSERT_TRUE(back.has_value());
  EXPECT_FALSE(back->invocations.at(0).caller.has_value());
}

TEST(ToFunction, RequestsWithoutTargetOrInvocationsAreRefused) {
  EXPECT_FALSE(parse_to_function("").has_value());
  EXPECT_EQ(parse_to_function(field(100, field(3, ""))).error().message, "a ToFunction without a target type");
  EXPECT_EQ(parse_to_function(field(100, field(1, field(2, "fn")))).error().message, "a ToFunction without invocations");
}

}  // namespace
}  // namespace holdfast::codec
