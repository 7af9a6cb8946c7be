// What StateFun 3.3.0 and npm apache-flink-statefun 3.3.0 said to each other, byte for byte (recorded/*.txt).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"

namespace holdfast::codec {
namespace {

struct Exchange {
  std::string request;
  std::string response;
};

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

// Three lines each way: a title, the headers, the body in hex.
std::vector<Exchange> recorded() {
  std::vector<Exchange> out;
  for (const auto& entry : std::filesystem::directory_iterator(RECORDED_DIR)) {
    std::ifstream file(entry.path());
    std::string line;
    bool request = false;
    while (std::getline(file, line)) {
      if (line.starts_with("REQ ")) {
        request = true;
        out.emplace_back();
      } else if (line.starts_with("RESP ")) {
        request = false;
      } else if (!line.empty() && line.find_first_not_of("0123456789abcdef") == std::string::npos) {
        (request ? out.back().request : out.back().response) = unhex(line);
      }
    }
  }
  return out;
}

// A request as the runtime holds it, written again.
std::string rewrite(const InvocationBatch& batch) {
  std::vector<model::StateSpec> specs;
  std::vector<model::StateValue> values;
  specs.reserve(batch.states.size());
  values.reserve(batch.states.size());
  std::vector<StateView> states;
  for (const auto& s : batch.states) {
    specs.push_back({s.name, s.value ? s.value->type_name : ""});
    values.push_back({s.name, s.value ? s.value->value : "", {}});
    states.push_back({&specs.back(), s.value ? &values.back() : nullptr});
  }
  std::vector<model::Message> messages;
  for (const auto& i : batch.invocations) messages.push_back({batch.target, i.caller, i.argument, ""});
  std::vector<const model::Message*> pointers;
  for (const auto& m : messages) pointers.push_back(&m);
  std::string out = "before";
  append_to_function(out, batch.target, states, pointers);
  EXPECT_EQ(out.size(), 6 + to_function_size(batch.target, states, pointers));
  return out.substr(6);
}

TEST(RecordedWire, ThereAreSixExchangesWithBothBodies) {
  const auto all = recorded();
  ASSERT_EQ(all.size(), 6u);
  for (const auto& e : all) {
    EXPECT_FALSE(e.request.empty());
    EXPECT_FALSE(e.response.empty());
  }
}

TEST(RecordedWire, RequestsAreReadAndWrittenAgainToTheSameBytes) {
  for (const auto& e : recorded()) {
    const auto batch = parse_to_function(e.request);
    ASSERT_TRUE(batch.has_value()) << batch.error().message;
    EXPECT_EQ(batch->target.type, "bench/greeter");
    EXPECT_EQ(rewrite(*batch), e.request);
  }
}

TEST(RecordedWire, AnswersAreReadAndWrittenAgainToTheSameBytes) {
  for (const auto& e : recorded()) {
    const auto answer = parse_from_function(e.response);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    std::string out;
    std::visit([&](const auto& a) { append_from_function(out, a); }, *answer);
    EXPECT_EQ(out, e.response);
  }
}

TEST(RecordedWire, FirstAnswerAsksForTheStateOfTheFunction) {
  const auto answer = parse_from_function(recorded()[0].response);
  ASSERT_TRUE(answer.has_value());
  const auto& missing = std::get<model::IncompleteContext>(*answer).missing;
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0], (model::StateSpec{"seen", "io.statefun.types/int"}));
}

TEST(RecordedWire, BatchOfFourMovesTheCounterByFourAndEmitsFourRecords) {
  const auto exchange = recorded()[4];
  const auto batch = parse_to_function(exchange.request);
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(batch->invocations.size(), 4u);
  EXPECT_FALSE(batch->invocations[0].caller.has_value());
  ASSERT_TRUE(batch->states.at(0).value.has_value());
  EXPECT_EQ(decode_int(batch->states[0].value->value).value(), 1);

  const auto answer = parse_from_function(exchange.response);
  ASSERT_TRUE(answer.has_value());
  const auto& response = std::get<model::InvocationResponse>(*answer);
  ASSERT_EQ(response.mutations.size(), 1u);
  EXPECT_EQ(response.mutations[0].kind, model::StateMutation::Kind::Modify);
  EXPECT_EQ(response.mutations[0].type_name, "io.statefun.types/int");
  EXPECT_EQ(decode_int(response.mutations[0].value).value(), 5);
  ASSERT_EQ(response.egress.size(), 4u);
  EXPECT_EQ(response.egress[3].egress, "bench/out");
  EXPECT_EQ(response.egress[3].argument.type_name, kKafkaRecordType);
  const auto record = parse_kafka_record(response.egress[3].argument.value);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->key, "k1");
  EXPECT_EQ(record->topic, "out");
  EXPECT_EQ(record->value, R"({"t":1795247989488792,"n":5,"g":"Hello k1"})");
  EXPECT_EQ(encode_kafka_record(*record), response.egress[3].argument.value);
}

}  // namespace
}  // namespace holdfast::codec
