// The codec of StateFun 2 against libprotobuf, as oracle_test.cc does it for v3: once with the messages of 2.0 to 2.2, once with
// those of the interim protocol.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/statefun_v2.h"
#include "dice.h"
#include "http_function.pb.h"
#include "request_reply_interim.pb.h"

namespace holdfast::codec {
namespace {

namespace polyglot = org::apache::flink::statefun::flink::core::polyglot;

struct Released {
  using Address = polyglot::Address;
  using ToFunction = polyglot::ToFunction;
  using FromFunction = polyglot::FromFunction;
};
struct Interim {
  using Address = polyglot::interim::Address;
  using ToFunction = polyglot::interim::ToFunction;
  using FromFunction = polyglot::interim::FromFunction;
};

// An Any that is there always says so; what it stands for has a value.
model::TypedValue any_of(Dice& dice) {
  auto value = dice.value();
  value.has_value = true;
  return value;
}

template <typename Address>
void set_address(Address& to, const model::Address& from) {
  const auto [ns, name] = model::split_type(from.type);
  to.set_namespace_(std::string(ns));
  to.set_type(std::string(name));
  to.set_id(from.id);
}
void set_any(google::protobuf::Any& to, const model::TypedValue& from) {
  to.set_type_url(from.type_name);
  if (from.has_value) to.set_value(from.value);
}

model::InvocationResponse random_response(Dice& dice) {
  model::InvocationResponse r;
  for (std::size_t i = dice.below(4); i-- > 0;) {
    if (dice.coin()) r.mutations.push_back({model::StateMutation::Kind::Delete, dice.text(1), "", ""});
    else r.mutations.push_back({model::StateMutation::Kind::Modify, dice.text(1), std::string(kUnsetType), dice.bytes()});
  }
  for (std::size_t i = dice.below(4); i-- > 0;) r.sends.push_back({dice.address(), any_of(dice)});
  for (std::size_t i = dice.below(4); i-- > 0;)
    r.delayed.push_back({model::DelayedInvocation::Kind::Send, {dice.number()}, {dice.address(), any_of(dice)}, ""});
  for (std::size_t i = dice.below(4); i-- > 0;) r.egress.push_back({dice.address().type, any_of(dice)});
  return r;
}

model::IncompleteContext random_incomplete(Dice& dice) {
  model::IncompleteContext c;
  for (std::size_t i = dice.below(5); i-- > 0;) {
    model::StateSpec spec{dice.text(1), std::string(kUnsetType)};
    spec.expire_mode = static_cast<model::ExpireMode>(dice.below(3));
    if (spec.expire_mode != model::ExpireMode::None) spec.expire_after.ms = static_cast<std::int64_t>(dice.below(1u << 31)) + 1;
    c.missing.push_back(spec);
  }
  return c;
}

template <typename Protocol>
typename Protocol::FromFunction as_protobuf(const model::InvocationResponse& r) {
  typename Protocol::FromFunction out;
  auto& to = *out.mutable_invocation_result();
  for (const auto& m : r.mutations) {
    auto& one = *to.add_state_mutations();
    one.set_state_name(m.name);
    if (m.kind == model::StateMutation::Kind::Delete) continue;
    one.set_mutation_type(Protocol::FromFunction::PersistedValueMutation::MODIFY);
    one.set_state_value(m.value);
  }
  for (const auto& m : r.sends) {
    auto& one = *to.add_outgoing_messages();
    set_address(*one.mutable_target(), m.target);
    set_any(*one.mutable_argument(), m.argument);
  }
  for (const auto& d : r.delayed) {
    auto& one = *to.add_delayed_invocations();
    one.set_delay_in_ms(d.delay.ms);
    set_address(*one.mutable_target(), d.message.target);
    set_any(*one.mutable_argument(), d.message.argument);
  }
  for (const auto& e : r.egress) {
    auto& one = *to.add_outgoing_egresses();
    const auto [ns, name] = model::split_type(e.egress);
    one.set_egress_namespace(std::string(ns));
    one.set_egress_type(std::string(name));
    set_any(*one.mutable_argument(), e.argument);
  }
  return out;
}

Interim::FromFunction as_protobuf(const model::IncompleteContext& c) {
  Interim::FromFunction out;
  auto& to = *out.mutable_incomplete_invocation_context();
  for (const auto& s : c.missing) {
    auto& one = *to.add_missing_values();
    one.set_state_name(s.name);
    if (s.expire_mode == model::ExpireMode::None) continue;
    one.mutable_expiration_spec()->set_mode(
        static_cast<Interim::FromFunction::ExpirationSpec::ExpireMode>(static_cast<int>(s.expire_mode)));
    one.mutable_expiration_spec()->set_expire_after_millis(s.expire_after.ms);
  }
  return out;
}

std::string written(const FunctionAnswer& answer) {
  std::string out;
  std::visit([&](const auto& a) { v2::append_from_function(out, a); }, answer);
  return out;
}

// Both write the same bytes, and what is read of them is what they were written from: written again they are the same.
void expect_same(const FunctionAnswer& answer, const std::string& oracle) {
  ASSERT_EQ(written(answer), oracle);
  const auto back = v2::parse_from_function(oracle);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  ASSERT_EQ(back->index(), answer.index());
  ASSERT_EQ(written(*back), oracle);
}

template <typename Protocol>
class WireOracleV2 : public testing::Test {};
using Protocols = testing::Types<Released, Interim>;
TYPED_TEST_SUITE(WireOracleV2, Protocols);

TYPED_TEST(WireOracleV2, AnswersAreTheSameForBoth) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const auto response = random_response(dice);
    ASSERT_NO_FATAL_FAILURE(expect_same(response, as_protobuf<TypeParam>(response).SerializeAsString()));
  }
}

TEST(WireOracleInterim, DeclarationsAreTheSameForBoth) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const auto incomplete = random_incomplete(dice);
    ASSERT_NO_FATAL_FAILURE(expect_same(incomplete, as_protobuf(incomplete).SerializeAsString()));
    const auto back = v2::parse_from_function(as_protobuf(incomplete).SerializeAsString());
    ASSERT_EQ(std::get<model::IncompleteContext>(*back).missing, incomplete.missing);
  }
}

TYPED_TEST(WireOracleV2, RequestsAreTheSameForBoth) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const model::Address target = dice.address();
    std::vector<model::StateSpec> specs(dice.below(4));
    std::vector<model::StateValue> values(specs.size());
    std::vector<StateView> states;
    std::vector<model::Message> messages(1 + dice.below(4));
    std::vector<const model::Message*> batch;
    typename TypeParam::ToFunction oracle;
    auto& to = *oracle.mutable_invocation();
    set_address(*to.mutable_target(), target);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      specs[i] = {dice.text(), dice.text()};
      values[i] = {specs[i].name, dice.bytes(), {}};
      states.push_back({&specs[i], dice.coin() ? &values[i] : nullptr});
      auto& one = *to.add_state();
      one.set_state_name(specs[i].name);
      if (states[i].value != nullptr) one.set_state_value(values[i].value);
    }
    for (auto& m : messages) {
      m.argument = dice.value();
      if (dice.coin()) m.caller = dice.address();
      batch.push_back(&m);
      auto& one = *to.add_invocations();
      set_any(*one.mutable_argument(), m.argument);
      if (m.caller) set_address(*one.mutable_caller(), *m.caller);
    }

    std::string ours;
    v2::append_to_function(ours, target, states, batch);
    ASSERT_EQ(ours, oracle.SerializeAsString());
    ASSERT_EQ(ours.size(), v2::to_function_size(target, states, batch));

    const auto back = v2::parse_to_function(ours);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(back->target, target);
    ASSERT_EQ(back->states.size(), states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      EXPECT_EQ(back->states[i].name, specs[i].name);
      const bool has_value = states[i].value != nullptr && !values[i].value.empty();
      ASSERT_EQ(back->states[i].value.has_value(), has_value);
      if (has_value) {
        EXPECT_EQ(back->states[i].value->value, values[i].value);
      }
    }
    ASSERT_EQ(back->invocations.size(), messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
      auto argument = messages[i].argument;
      if (!argument.has_value) argument.value.clear();
      argument.has_value = true;
      EXPECT_EQ(back->invocations[i], (RequestedInvocation{messages[i].caller, argument}));
    }
  }
}

// What libprotobuf refuses, we refuse; what both read, they read alike, be it whole or damaged.
TYPED_TEST(WireOracleV2, DamagedAnswersAreReadAlikeOrRefused) {
  google::protobuf::SetLogHandler(nullptr);  // It prints a line for every string that is not UTF-8.
  std::size_t same = 0, refused_by_both = 0, refused_for_meaning = 0;
  for (unsigned seed = 0; seed < 4 * kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    std::string bytes = as_protobuf<TypeParam>(random_response(dice)).SerializeAsString();
    if (bytes.size() > 2000) continue;
    damage(bytes, dice);
    typename TypeParam::FromFunction oracle;
    const bool oracle_reads = oracle.ParseFromString(bytes);
    const auto ours = v2::parse_from_function(bytes);
    if (!oracle_reads) {
      ASSERT_FALSE(ours.has_value()) << "libprotobuf refuses these bytes";
      ++refused_by_both;
      continue;
    }
    if (!ours) {
      ++refused_for_meaning;
      continue;
    }
    ++same;
    const auto* response = std::get_if<model::InvocationResponse>(&*ours);
    if (bytes.empty() || response == nullptr) continue;
    const auto& theirs = oracle.invocation_result();
    ASSERT_EQ(static_cast<int>(response->mutations.size()), theirs.state_mutations_size());
    for (std::size_t i = 0; i < response->mutations.size(); ++i) {
      const auto& m = theirs.state_mutations(static_cast<int>(i));
      ASSERT_EQ(response->mutations[i].name, m.state_name());
      if (response->mutations[i].kind == model::StateMutation::Kind::Modify) {
        ASSERT_EQ(response->mutations[i].value, m.state_value());
      }
    }
    ASSERT_EQ(static_cast<int>(response->sends.size()), theirs.outgoing_messages_size());
    for (std::size_t i = 0; i < response->sends.size(); ++i) {
      const auto& m = theirs.outgoing_messages(static_cast<int>(i));
      ASSERT_EQ(response->sends[i].target.id, m.target().id());
      ASSERT_EQ(response->sends[i].argument,
                (model::TypedValue{m.argument().type_url(), m.argument().value(), m.has_argument()}));
    }
    ASSERT_EQ(static_cast<int>(response->delayed.size()), theirs.delayed_invocations_size());
    for (std::size_t i = 0; i < response->delayed.size(); ++i) {
      const auto& d = theirs.delayed_invocations(static_cast<int>(i));
      ASSERT_EQ(response->delayed[i].delay.ms, d.delay_in_ms());
      ASSERT_EQ(response->delayed[i].message.target.id, d.target().id());
    }
    ASSERT_EQ(static_cast<int>(response->egress.size()), theirs.outgoing_egresses_size());
  }
  EXPECT_GT(same, 500u);
  EXPECT_GT(refused_by_both, 500u);
  EXPECT_GT(refused_for_meaning, 10u);
}

}  // namespace
}  // namespace holdfast::codec
