// What SDKs of StateFun 2 answered, byte for byte (recorded_v2/*.txt): PyPI apache-flink-statefun 2.2.2, and the Go SDK of December 2020,
// which speaks the interim protocol. The requests are what each SDK's own protobuf messages make of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "codec/egress_records.h"
#include "codec/statefun_v2.h"

namespace holdfast::codec {
namespace {

constexpr const char* kPython = "python-apache-flink-statefun-2.2.2.txt";
constexpr const char* kGo = "go-statefun-sdk-2020-12-01.txt";
const std::string kInt32 = "type.googleapis.com/google.protobuf.Int32Value";

struct Exchange {
  std::string request;
  std::string answer;
};

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

// REQ, its bytes in hex, RESP, its bytes in hex, an empty line.
std::vector<Exchange> recorded(const std::string& name) {
  std::vector<Exchange> out;
  std::ifstream file(std::string(RECORDED_V2_DIR) + "/" + name);
  std::string line;
  while (std::getline(file, line)) {
    std::string hex;
    if (line == "REQ" && std::getline(file, hex)) out.emplace_back().request = unhex(hex);
    else if (line == "RESP" && std::getline(file, hex)) out.back().answer = unhex(hex);
  }
  return out;
}

model::InvocationResponse response_of(const Exchange& exchange) {
  const auto answer = v2::parse_from_function(exchange.answer);
  EXPECT_TRUE(answer.has_value()) << answer.error().message;
  return std::get<model::InvocationResponse>(*answer);
}

// A serialized Any, as the SDKs keep in states.
std::string any_bytes(const std::string& type_url, const std::string& value) {
  return "\x0a" + std::string(1, static_cast<char>(type_url.size())) + type_url + "\x12" +
         std::string(1, static_cast<char>(value.size())) + value;
}

class RecordedV2 : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Sdks, RecordedV2, testing::Values(kPython, kGo),
                         [](const auto& info) { return std::string(info.param).substr(0, std::string(info.param).find('-')); });

TEST_P(RecordedV2, RequestsAreReadAndWrittenAgainToTheSameBytes) {
  const auto all = recorded(GetParam());
  ASSERT_GE(all.size(), 2u);
  for (const auto& e : all) {
    const auto batch = v2::parse_to_function(e.request);
    ASSERT_TRUE(batch.has_value()) << batch.error().message;
    EXPECT_EQ(batch->target, (model::Address{"example/greeter", "bob"}));
    EXPECT_EQ(batch->invocations.size(), 2u);
    std::vector<model::StateSpec> specs;
    std::vector<model::StateValue> values;
    for (const auto& s : batch->states) {
      specs.push_back({s.name, std::string(kUnsetType)});
      values.push_back({s.name, s.value ? s.value->value : "", {}});
    }
    std::vector<StateView> states;
    for (std::size_t i = 0; i < specs.size(); ++i)
      states.push_back({&specs[i], batch->states[i].value ? &values[i] : nullptr});
    std::vector<model::Message> messages;
    for (const auto& i : batch->invocations) messages.push_back({batch->target, i.caller, i.argument, ""});
    std::vector<const model::Message*> pointers;
    for (const auto& m : messages) pointers.push_back(&m);
    std::string out;
    v2::append_to_function(out, batch->target, states, pointers);
    EXPECT_EQ(out, e.request);
  }
}

TEST_P(RecordedV2, AnswersAreReadAndWrittenAgainToTheSameBytes) {
  for (const auto& e : recorded(GetParam())) {
    const auto answer = v2::parse_from_function(e.answer);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    std::string out;
    std::visit([&](const auto& a) { v2::append_from_function(out, a); }, *answer);
    EXPECT_EQ(out, e.answer);
  }
}

TEST_P(RecordedV2, AsAnswersOfV3TheyAreRefused) {
  for (const auto& e : recorded(GetParam())) {
    const auto answer = parse_from_function(e.answer);
    const bool declares = std::holds_alternative<model::IncompleteContext>(*v2::parse_from_function(e.answer));
    EXPECT_EQ(answer.has_value(), declares);  // Declarations alone are the same in both.
  }
}

TEST(RecordedV2Python, CountsOnFromTheStateAndRemovesTheOther) {
  const auto all = recorded(kPython);
  ASSERT_EQ(all.size(), 2u);
  const auto batch = v2::parse_to_function(all[1].request);
  ASSERT_EQ(batch->states.size(), 2u);
  EXPECT_EQ(batch->states[0].value->value, any_bytes(kInt32, "\x08\x04"));

  for (const auto& [exchange, count] : {std::pair{all[0], "\x08\x02"}, std::pair{all[1], "\x08\x06"}}) {
    const auto response = response_of(exchange);
    ASSERT_EQ(response.mutations.size(), 2u);
    EXPECT_EQ(response.mutations[0].name, "seen");
    EXPECT_EQ(response.mutations[0].value, any_bytes(kInt32, count));
    EXPECT_EQ(response.mutations[1].kind, model::StateMutation::Kind::Delete);
    ASSERT_EQ(response.delayed.size(), 2u);
    EXPECT_EQ(response.delayed[0].delay.ms, 5000);
    ASSERT_EQ(response.egress.size(), 4u);
    EXPECT_TRUE(is_kafka_record(response.egress[0].argument.type_name));
    EXPECT_EQ(parse_kafka_record(response.egress[0].argument.value), (KafkaRecord{"Bob", "\x0a\x09Hello Bob", "greetings", {}}));
    EXPECT_TRUE(is_kinesis_record(response.egress[1].argument.type_name));
  }
}

TEST(RecordedV2Go, FirstAnswerDeclaresItsStatesWithTheirExpirations) {
  const auto all = recorded(kGo);
  ASSERT_EQ(all.size(), 3u);
  auto missing = std::get<model::IncompleteContext>(*v2::parse_from_function(all[0].answer)).missing;
  ASSERT_EQ(missing.size(), 3u);
  const std::string unset(kUnsetType);
  const model::StateSpec expected[] = {{"seen", unset, model::ExpireMode::AfterInvoke, {60'000}},
                                       {"last", unset, model::ExpireMode::AfterWrite, {3'600'000}},
                                       {"gone", unset}};
  for (const auto& spec : expected) EXPECT_NE(std::find(missing.begin(), missing.end(), spec), missing.end()) << spec.name;

  const auto response = response_of(all[2]);
  const auto seen = std::find_if(response.mutations.begin(), response.mutations.end(), [](const auto& m) { return m.name == "seen"; });
  ASSERT_NE(seen, response.mutations.end());
  EXPECT_EQ(seen->value, any_bytes(kInt32, "\x08\x02"));  // From zero again: this SDK never reads the values it is sent.
  ASSERT_EQ(response.egress.size(), 2u);
  // Its Kafka values are serialized Anys.
  EXPECT_EQ(parse_kafka_record(response.egress[0].argument.value),
            (KafkaRecord{"bob", any_bytes(kInt32, "\x08\x01"), "greetings", {}}));
}

}  // namespace
}  // namespace holdfast::codec
