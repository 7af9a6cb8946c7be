// The SDK against libprotobuf: what libprotobuf writes, functions see as it is; what they do, libprotobuf reads as they did it; and damaged
// requests are refused by both or by none.
#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "holdfast/sdk.h"
#include "kafka_egress.pb.h"
#include "request_reply.pb.h"
#include "types.pb.h"

namespace holdfast::sdk {
namespace {

namespace pb = io::statefun::sdk::reqreply;
namespace pb_types = io::statefun::sdk::types;

constexpr int kRounds = 1000;

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool coin() { return below(2) == 0; }
  std::string text(std::size_t least = 0) {
    static const std::string kPieces[] = {"a", "Z", "0", "_", ".", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    std::string out;
    // Now and then long enough for a length of two and of three bytes.
    for (std::size_t i = least + (below(40) == 0 ? 100 + below(20'000) : below(12)); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }
  std::string bytes() {
    std::string out = text();
    for (std::size_t i = below(6); i-- > 0;) out.push_back(static_cast<char>(below(256)));
    return out;
  }
  Address address() { return {text(1) + "/" + text(1), text(1)}; }
  TypedValue value() { return {text(1) + "/" + text(1), coin() ? "" : bytes()}; }

 private:
  std::mt19937_64 random_;
};

void write(pb::Address& to, const Address& from) {
  const auto slash = from.type.rfind('/');
  to.set_namespace_(from.type.substr(0, slash));
  to.set_type(from.type.substr(slash + 1));
  to.set_id(from.id);
}
void write(pb::TypedValue& to, const TypedValue& from) {
  to.set_typename_(from.type);
  to.set_has_value(true);
  to.set_value(from.bytes);
}
Address read(const pb::Address& from) { return {from.namespace_() + "/" + from.type(), from.id()}; }
TypedValue read(const pb::TypedValue& from) { return {from.typename_(), from.value()}; }

// States of several expirations, and functions that are told by a script.
constexpr auto kRaw = bytes_type("example/raw");
constexpr State<std::string> kFirst{"first", kRaw};
constexpr State<std::int64_t> kSecond{"second", expire_after_write(std::chrono::hours(24))};
constexpr State<bool> kThird{"third", expire_after_call(std::chrono::milliseconds(1))};

struct Seen {
  Address self;
  std::optional<Address> caller;
  TypedValue value;
  std::optional<std::string> first;
  bool operator==(const Seen&) const = default;
};

TEST(Oracle, FunctionsSeeWhatLibprotobufWrote) {
  Dice dice(1);
  std::vector<Seen> seen;
  for (int round = 0; round < kRounds; ++round) {
    const Address self = dice.address();
    pb::ToFunction request;
    auto& batch = *request.mutable_invocation();
    write(*batch.mutable_target(), self);
    std::optional<std::string> first;
    for (const char* name : {"other", "first"}) {
      auto& state = *batch.add_state();
      state.set_state_name(name);
      if (dice.coin()) continue;
      const TypedValue value{"example/raw", dice.bytes()};
      write(*state.mutable_state_value(), value);
      if (name == std::string("first")) first = value.bytes;
    }
    std::vector<Seen> expected;
    for (std::size_t i = 1 + dice.below(5); i > 0; --i) {
      Seen one{self, std::nullopt, dice.value(), first};
      auto& invocation = *batch.add_invocations();
      if (dice.coin()) write(*invocation.mutable_caller(), *(one.caller = dice.address()));
      write(*invocation.mutable_argument(), one.value);
      expected.push_back(std::move(one));
    }
    seen.clear();
    Functions functions;
    functions.bind({self.type, {kFirst}, [&](Context& ctx, const Message& message) {
                      seen.push_back({ctx.self(), ctx.caller(), message.typed(), ctx.storage().get(kFirst)});
                    }});
    const auto answer = Handler(functions).handle(request.SerializeAsString());
    ASSERT_EQ(answer.status, Answer::Status::Ok) << answer.body;
    ASSERT_EQ(seen, expected);
  }
}

TEST(Oracle, LibprotobufReadsWhatFunctionsDid) {
  Dice dice(2);
  for (int round = 0; round < kRounds; ++round) {
    pb::FromFunction expected;
    auto& result = *expected.mutable_invocation_result();
    const auto act = [&](Context& ctx, const Message&) {
      const auto mutation = [&](std::string_view name) {
        auto& out = *result.add_state_mutations();
        out.set_state_name(std::string(name));
        return &out;
      };
      if (dice.coin()) {
        const auto value = dice.bytes();
        ctx.storage().set(kFirst, value);
        auto& out = *mutation("first");
        out.set_mutation_type(pb::FromFunction::PersistedValueMutation::MODIFY);
        write(*out.mutable_state_value(), {"example/raw", value});
      }
      if (dice.coin()) {
        ctx.storage().remove(kSecond);
        mutation("second");
      }
      if (dice.coin()) {
        const bool value = dice.coin();
        ctx.storage()[kThird] = value;
        pb_types::BooleanWrapper wrapper;
        wrapper.set_value(value);
        auto& out = *mutation("third");
        out.set_mutation_type(pb::FromFunction::PersistedValueMutation::MODIFY);
        write(*out.mutable_state_value(), {"io.statefun.types/bool", wrapper.SerializeAsString()});
      }
      for (std::size_t i = dice.below(12); i > 0; --i) {
        const auto target = dice.address();
        const auto value = dice.value();
        switch (dice.below(4)) {
          case 0: {
            ctx.send(target, value);
            auto& out = *result.add_outgoing_messages();
            write(*out.mutable_target(), target);
            write(*out.mutable_argument(), value);
            break;
          }
          case 1: {
            const std::chrono::milliseconds delay(dice.coin() ? 0 : dice.below(1ull << (1 + dice.below(62))));
            const auto token = dice.coin() ? "" : dice.text(1);
            if (token.empty()) ctx.send_after(delay, target, value);
            else ctx.send_after(delay, CancellationToken(token), target, value);
            auto& out = *result.add_delayed_invocations();
            out.set_delay_in_ms(delay.count());
            out.set_cancellation_token(token);
            write(*out.mutable_target(), target);
            write(*out.mutable_argument(), value);
            break;
          }
          case 2: {
            const auto token = dice.text(1);
            ctx.cancel_delayed_message(CancellationToken(token));
            auto& out = *result.add_delayed_invocations();
            out.set_is_cancellation_request(true);
            out.set_cancellation_token(token);
            break;
          }
          default: {
            const KafkaRecord record{.topic = dice.text(1), .key = dice.text(), .value = dice.bytes()};
            ctx.send_egress(target.type, record);
            io::statefun::sdk::egress::KafkaProducerRecord kafka;
            kafka.set_topic(record.topic);
            kafka.set_key(record.key);
            kafka.set_value_bytes(record.value);
            auto& out = *result.add_outgoing_egresses();
            const auto slash = target.type.rfind('/');
            out.set_egress_namespace(target.type.substr(0, slash));
            out.set_egress_type(target.type.substr(slash + 1));
            write(*out.mutable_argument(),
                  {"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", kafka.SerializeAsString()});
            break;
          }
        }
      }
    };
    Functions functions;
    functions.bind({"example/f", {kFirst, kSecond, kThird}, act});
    pb::ToFunction request;
    auto& batch = *request.mutable_invocation();
    write(*batch.mutable_target(), Address{"example/f", "1"});
    for (const char* name : {"first", "second", "third"}) batch.add_state()->set_state_name(name);
    write(*batch.add_invocations()->mutable_argument(), typed("x"));
    const auto answer = Handler(functions).handle(request.SerializeAsString());
    ASSERT_EQ(answer.status, Answer::Status::Ok) << answer.body;
    // To the byte: fields are in the order of their numbers, and defaults are left out.
    ASSERT_EQ(answer.body, expected.SerializeAsString());
  }
}

TEST(Oracle, LibprotobufReadsWhichStatesAreAskedFor) {
  Functions functions;
  functions.bind({"example/f", {kFirst, kSecond, kThird}, [](Context&, const Message&) {}});
  pb::ToFunction request;
  write(*request.mutable_invocation()->mutable_target(), Address{"example/f", "1"});
  write(*request.mutable_invocation()->add_invocations()->mutable_argument(), typed("x"));
  pb::FromFunction answer;
  ASSERT_TRUE(answer.ParseFromString(Handler(functions).handle(request.SerializeAsString()).body));
  const auto& missing = answer.incomplete_invocation_context().missing_values();
  ASSERT_EQ(missing.size(), 3);
  EXPECT_EQ(missing[0].state_name(), "first");
  EXPECT_EQ(missing[0].type_typename(), "example/raw");
  EXPECT_FALSE(missing[0].has_expiration_spec());
  EXPECT_EQ(missing[1].expiration_spec().mode(), pb::FromFunction::ExpirationSpec::AFTER_WRITE);
  EXPECT_EQ(missing[1].expiration_spec().expire_after_millis(), 24 * 3600 * 1000);
  EXPECT_EQ(missing[2].expiration_spec().mode(), pb::FromFunction::ExpirationSpec::AFTER_INVOKE);
  EXPECT_EQ(missing[2].expiration_spec().expire_after_millis(), 1);
}

template <typename Wrapper, typename T>
void expect_wrapped(const T& value) {
  Wrapper wrapper;
  wrapper.set_value(value);
  EXPECT_EQ(typed(value).bytes, wrapper.SerializeAsString());
  EXPECT_EQ(type_of<T>.read(wrapper.SerializeAsString()), value);
}

TEST(Oracle, StandardTypesAreItsWrappers) {
  Dice dice(3);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t bits = dice.below(SIZE_MAX) >> dice.below(64);
    expect_wrapped<pb_types::BooleanWrapper>(dice.coin());
    expect_wrapped<pb_types::IntWrapper>(static_cast<std::int32_t>(bits));
    expect_wrapped<pb_types::LongWrapper>(static_cast<std::int64_t>(bits));
    expect_wrapped<pb_types::FloatWrapper>(static_cast<float>(bits));
    expect_wrapped<pb_types::DoubleWrapper>(static_cast<double>(bits));
    expect_wrapped<pb_types::StringWrapper>(dice.text());
  }
}

// Bits turned, bytes lost, and pieces doubled, which libprotobuf merges; or nothing.
void damage(std::string& bytes, Dice& dice) {
  for (std::size_t i = dice.below(3); i-- > 0 && !bytes.empty();) {
    const auto at = dice.below(bytes.size());
    switch (dice.below(4)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << dice.below(8)); break;
      case 1: bytes.resize(at); break;
      case 2: bytes.erase(at, 1 + dice.below(3)); break;
      default: bytes += std::string(bytes); break;
    }
  }
}

TEST(Oracle, DamagedRequestsAreRefusedByBothOrReadAlike) {
  google::protobuf::LogSilencer quiet;
  Dice dice(4);
  int refused = 0;
  int read_alike = 0;
  for (int round = 0; round < 20 * kRounds; ++round) {
    pb::ToFunction request;
    auto& batch = *request.mutable_invocation();
    write(*batch.mutable_target(), Address{"a/f", "1"});
    if (dice.coin()) write(*batch.add_state()->mutable_state_value(), {"example/raw", "v"});
    for (std::size_t i = dice.below(3); i-- > 0;) {
      if (dice.coin()) write(*batch.add_invocations()->mutable_caller(), Address{"c/d", "2"});
      else write(*batch.add_invocations()->mutable_argument(), TypedValue{"t/u", "xy"});
    }
    std::string bytes = request.SerializeAsString();
    damage(bytes, dice);

    std::vector<Seen> seen;
    pb::ToFunction theirs;
    const bool is_read = theirs.ParseFromString(bytes);
    const auto& read_batch = theirs.invocation();
    const Address self = read(read_batch.target());
    Functions functions;
    if (is_read && is_type_name(self.type)) {
      functions.bind({self.type, [&](Context& ctx, const Message& message) {
                        seen.push_back({ctx.self(), ctx.caller(), message.typed(), std::nullopt});
                      }});
    }
    const auto answer = Handler(functions).handle(bytes);
    if (!is_read) {
      EXPECT_EQ(answer.status, Answer::Status::Malformed) << testing::PrintToString(bytes);
      ++refused;
      continue;
    }
    if (answer.status == Answer::Status::Malformed) {
      // libprotobuf skips groups; a batch that says nothing it reads as one that is empty.
      EXPECT_THAT(answer.body, testing::AnyOf(testing::HasSubstr("wire type that proto3"), testing::HasSubstr("has no target"),
                                              testing::HasSubstr("has no invocation"), testing::HasSubstr("not a ToFunction")));
      continue;
    }
    std::vector<Seen> expected;
    for (const auto& one : read_batch.invocations()) {
      auto caller = std::optional(read(one.caller()));
      if (*caller == Address{"/", ""}) caller.reset();
      expected.push_back({self, caller, read(one.argument()), std::nullopt});
    }
    ASSERT_EQ(seen, expected) << testing::PrintToString(bytes);
    ++read_alike;
  }
  EXPECT_GT(refused, kRounds);
  EXPECT_GT(read_alike, kRounds);
}

}  // namespace
}  // namespace holdfast::sdk
