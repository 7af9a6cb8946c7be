// Our codec against libprotobuf: what either writes, the other reads as the same thing; and what either refuses of
// damaged bytes, the other refuses too.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"
#include "dice.h"
#include "kafka_egress.pb.h"
#include "request_reply.pb.h"
#include "types.pb.h"

namespace holdfast::codec {
namespace {

namespace pb = io::statefun::sdk::reqreply;

// --- model to protobuf. The empty namespace has no slash.
void set(pb::Address& to, const model::Address& from) {
  const auto [ns, name] = model::split_type(from.type);
  to.set_namespace_(std::string(ns));
  to.set_type(std::string(name));
  to.set_id(from.id);
}
void set(pb::TypedValue& to, const model::TypedValue& from) {
  to.set_typename_(from.type_name);
  to.set_has_value(from.has_value);
  to.set_value(from.value);
}

model::InvocationResponse random_response(Dice& dice) {
  model::InvocationResponse r;
  for (std::size_t i = dice.below(4); i-- > 0;) {
    if (dice.coin()) r.mutations.push_back({model::StateMutation::Kind::Delete, dice.text(1), "", ""});
    else r.mutations.push_back({model::StateMutation::Kind::Modify, dice.text(1), dice.text(), dice.bytes()});
  }
  for (std::size_t i = dice.below(4); i-- > 0;) r.sends.push_back({dice.address(), dice.value()});
  for (std::size_t i = dice.below(4); i-- > 0;) {
    if (dice.coin()) r.delayed.push_back({model::DelayedInvocation::Kind::Cancel, {}, {}, dice.text(1)});
    else r.delayed.push_back({model::DelayedInvocation::Kind::Send, {dice.number()}, {dice.address(), dice.value()}, dice.text()});
  }
  for (std::size_t i = dice.below(4); i-- > 0;) r.egress.push_back({dice.address().type, dice.value()});
  return r;
}

model::IncompleteContext random_incomplete(Dice& dice) {
  model::IncompleteContext c;
  for (std::size_t i = dice.below(5); i-- > 0;) {
    model::StateSpec spec{dice.text(1), dice.text(1)};
    spec.expire_mode = static_cast<model::ExpireMode>(dice.below(3));
    if (spec.expire_mode != model::ExpireMode::None) spec.expire_after.ms = static_cast<std::int64_t>(dice.below(1u << 31)) + 1;
    c.missing.push_back(spec);
  }
  return c;
}

pb::FromFunction as_protobuf(const model::InvocationResponse& r) {
  pb::FromFunction out;
  auto& to = *out.mutable_invocation_result();
  for (const auto& m : r.mutations) {
    auto& one = *to.add_state_mutations();
    one.set_state_name(m.name);
    if (m.kind == model::StateMutation::Kind::Delete) continue;
    one.set_mutation_type(pb::FromFunction::PersistedValueMutation::MODIFY);
    set(*one.mutable_state_value(), {m.type_name, m.value, true});
  }
  for (const auto& m : r.sends) {
    auto& one = *to.add_outgoing_messages();
    set(*one.mutable_target(), m.target);
    set(*one.mutable_argument(), m.argument);
  }
  for (const auto& d : r.delayed) {
    auto& one = *to.add_delayed_invocations();
    one.set_cancellation_token(d.token);
    if (d.kind == model::DelayedInvocation::Kind::Cancel) {
      one.set_is_cancellation_request(true);
      continue;
    }
    one.set_delay_in_ms(d.delay.ms);
    set(*one.mutable_target(), d.message.target);
    set(*one.mutable_argument(), d.message.argument);
  }
  for (const auto& e : r.egress) {
    auto& one = *to.add_outgoing_egresses();
    const auto [ns, name] = model::split_type(e.egress);
    one.set_egress_namespace(std::string(ns));
    one.set_egress_type(std::string(name));
    set(*one.mutable_argument(), e.argument);
  }
  return out;
}

pb::FromFunction as_protobuf(const model::IncompleteContext& c) {
  pb::FromFunction out;
  auto& to = *out.mutable_incomplete_invocation_context();
  for (const auto& s : c.missing) {
    auto& one = *to.add_missing_values();
    one.set_state_name(s.name);
    one.set_type_typename(s.type_name);
    if (s.expire_mode == model::ExpireMode::None) continue;
    one.mutable_expiration_spec()->set_mode(
        static_cast<pb::FromFunction::ExpirationSpec::ExpireMode>(static_cast<int>(s.expire_mode)));
    one.mutable_expiration_spec()->set_expire_after_millis(s.expire_after.ms);
  }
  return out;
}

// Equal bytes both ways say more than equal fields, and fail with a readable text.
template <typename T>
void expect_same(const T& answer) {
  const auto oracle = as_protobuf(answer);
  std::string ours;
  append_from_function(ours, answer);
  ASSERT_EQ(ours, oracle.SerializeAsString());
  const auto back = parse_from_function(oracle.SerializeAsString());
  ASSERT_TRUE(back.has_value()) << back.error().message << "\n" << oracle.ShortDebugString();
  ASSERT_TRUE(std::holds_alternative<T>(*back));
  ASSERT_EQ(as_protobuf(std::get<T>(*back)).SerializeAsString(), ours) << oracle.ShortDebugString();
}

TEST(WireOracle, AnswersAreTheSameForBoth) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    ASSERT_NO_FATAL_FAILURE(expect_same(random_response(dice)));
    ASSERT_NO_FATAL_FAILURE(expect_same(random_incomplete(dice)));
  }
}

TEST(WireOracle, RequestsAreTheSameForBoth) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const model::Address target = dice.address();
    std::vector<model::StateSpec> specs(dice.below(4));
    std::vector<model::StateValue> values(specs.size());
    std::vector<StateView> states;
    std::vector<model::Message> messages(1 + dice.below(4));
    std::vector<const model::Message*> batch;
    pb::ToFunction oracle;
    auto& to = *oracle.mutable_invocation();
    set(*to.mutable_target(), target);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      specs[i] = {dice.text(), dice.text()};
      values[i] = {specs[i].name, dice.bytes(), {}};
      states.push_back({&specs[i], dice.coin() ? &values[i] : nullptr});
      auto& one = *to.add_state();
      one.set_state_name(specs[i].name);
      if (states[i].value == nullptr) continue;
      set(*one.mutable_state_value(), {specs[i].type_name.empty() ? std::string(kUnsetType) : specs[i].type_name,
                                       values[i].value, true});
    }
    for (auto& m : messages) {
      m.argument = dice.value();
      if (dice.coin()) m.caller = dice.address();
      batch.push_back(&m);
      auto& one = *to.add_invocations();
      set(*one.mutable_argument(), m.argument);
      if (m.caller) set(*one.mutable_caller(), *m.caller);
    }

    std::string ours;
    append_to_function(ours, target, states, batch);
    ASSERT_EQ(ours, oracle.SerializeAsString());
    ASSERT_EQ(ours.size(), to_function_size(target, states, batch));

    const auto back = parse_to_function(ours);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(back->target, target);
    ASSERT_EQ(back->states.size(), states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      EXPECT_EQ(back->states[i].name, specs[i].name);
      ASSERT_EQ(back->states[i].value.has_value(), states[i].value != nullptr);
      if (states[i].value != nullptr) {
        EXPECT_EQ(back->states[i].value->value, values[i].value);
      }
    }
    ASSERT_EQ(back->invocations.size(), messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i)
      EXPECT_EQ(back->invocations[i], (RequestedInvocation{messages[i].caller, messages[i].argument}));
  }
}

// Where both read damaged bytes, they read the same; where libprotobuf refuses, so do we. We also refuse what means nothing,
// which is why the reverse does not hold.
TEST(WireOracle, DamagedAnswersAreReadAlikeOrRefused) {
  google::protobuf::SetLogHandler(nullptr);  // It prints a line for every string that is not UTF-8.
  std::size_t same = 0, refused_by_both = 0, refused_for_meaning = 0;
  for (unsigned seed = 0; seed < 4 * kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    std::string bytes = dice.below(4) == 0 ? as_protobuf(random_incomplete(dice)).SerializeAsString()
                                           : as_protobuf(random_response(dice)).SerializeAsString();
    if (bytes.size() > 2000) continue;
    damage(bytes, dice);
    pb::FromFunction oracle;
    const bool oracle_reads = oracle.ParseFromString(bytes);
    const auto ours = parse_from_function(bytes);
    if (!oracle_reads) {
      ASSERT_FALSE(ours.has_value()) << "libprotobuf refuses these bytes";
      ++refused_by_both;
    } else if (!ours) {
      ++refused_for_meaning;
    } else {
      ++same;
      oracle.DiscardUnknownFields();
      if (bytes.empty()) continue;
      const auto* response = std::get_if<model::InvocationResponse>(&*ours);
      ASSERT_EQ(response != nullptr, oracle.has_invocation_result());
      if (response == nullptr) {
        ASSERT_EQ(static_cast<int>(std::get<model::IncompleteContext>(*ours).missing.size()),
                  oracle.incomplete_invocation_context().missing_values_size());
        continue;
      }
      const auto& theirs = oracle.invocation_result();
      ASSERT_EQ(static_cast<int>(response->mutations.size()), theirs.state_mutations_size());
      for (std::size_t i = 0; i < response->mutations.size(); ++i) {
        const auto& m = theirs.state_mutations(static_cast<int>(i));
        ASSERT_EQ(response->mutations[i].name, m.state_name());
        if (response->mutations[i].kind == model::StateMutation::Kind::Delete) continue;
        ASSERT_EQ(response->mutations[i].value, m.state_value().value());
        ASSERT_EQ(response->mutations[i].type_name, m.state_value().typename_());
      }
      ASSERT_EQ(static_cast<int>(response->sends.size()), theirs.outgoing_messages_size());
      for (std::size_t i = 0; i < response->sends.size(); ++i) {
        const auto& m = theirs.outgoing_messages(static_cast<int>(i));
        ASSERT_EQ(response->sends[i].target.id, m.target().id());
        ASSERT_EQ(response->sends[i].argument,
                  (model::TypedValue{m.argument().typename_(), m.argument().value(), m.argument().has_value()}));
      }
      ASSERT_EQ(static_cast<int>(response->delayed.size()), theirs.delayed_invocations_size());
      for (std::size_t i = 0; i < response->delayed.size(); ++i) {
        const auto& d = theirs.delayed_invocations(static_cast<int>(i));
        ASSERT_EQ(response->delayed[i].token, d.cancellation_token());
        ASSERT_EQ(response->delayed[i].kind == model::DelayedInvocation::Kind::Cancel, d.is_cancellation_request());
        if (!d.is_cancellation_request()) {
          ASSERT_EQ(response->delayed[i].delay.ms, d.delay_in_ms());
        }
      }
      ASSERT_EQ(static_cast<int>(response->egress.size()), theirs.outgoing_egresses_size());
    }
  }
  // Each of the three happens often enough for this to say something.
  EXPECT_GT(same, 500u);
  EXPECT_GT(refused_by_both, 500u);
  EXPECT_GT(refused_for_meaning, 10u);
}

TEST(WireOracle, StandardTypesAreTheSameForBoth) {
  namespace types = io::statefun::sdk::types;
  const auto expect = [](auto wrapper, auto value, auto encode, auto decode) {
    wrapper.set_value(value);
    ASSERT_EQ(encode(value), wrapper.SerializeAsString());
    const auto back = decode(wrapper.SerializeAsString());
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(encode(*back), wrapper.SerializeAsString());
  };
  Dice dice(7);
  for (int i = 0; i < kRounds; ++i) {
    const auto n = i == 0 ? 0 : dice.number();
    expect(types::BooleanWrapper(), n % 2 != 0, encode_bool, decode_bool);
    expect(types::IntWrapper(), static_cast<std::int32_t>(n), encode_int, decode_int);
    expect(types::LongWrapper(), n, encode_long, decode_long);
    expect(types::FloatWrapper(), static_cast<float>(n) / 3, encode_float, decode_float);
    expect(types::DoubleWrapper(), static_cast<double>(n) / 3, encode_double, decode_double);
    expect(types::StringWrapper(), dice.text(), encode_string, decode_string);
  }
  expect(types::DoubleWrapper(), -0.0, encode_double, decode_double);
  expect(types::FloatWrapper(), -0.0f, encode_float, decode_float);
}

TEST(WireOracle, KafkaRecordsAreTheSameForBoth) {
  Dice dice(8);
  for (int i = 0; i < kRounds; ++i) {
    KafkaRecord record{dice.text(), dice.bytes(), dice.text(), {}};
    for (std::size_t n = dice.below(4); n-- > 0;) record.headers.push_back({dice.text(), dice.bytes()});
    io::statefun::sdk::egress::KafkaProducerRecord oracle;
    oracle.set_key(record.key);
    oracle.set_value_bytes(record.value);
    oracle.set_topic(record.topic);
    for (const auto& header : record.headers) {
      auto& one = *oracle.add_headers();
      one.set_key(header.key);
      one.set_value(header.value);
    }
    ASSERT_EQ(encode_kafka_record(record), oracle.SerializeAsString());
    ASSERT_EQ(parse_kafka_record(oracle.SerializeAsString()).value(), record);
  }
}

}  // namespace
}  // namespace holdfast::codec
