#include "interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "holdfast/sdk.h"
#include "holdfast/sdk/testing.h"

namespace holdfast::test {
namespace {

namespace sf = sdk;
using nlohmann::json;
using testing::ElementsAre;

constexpr auto kCommand = sf::json_type<json, json>("test/Command");
constexpr auto kSentType = sf::json_type<json, json>("test/Sent");
constexpr sf::State<std::int32_t> kCount{"count"};
constexpr sf::State<std::int32_t> kDigest{"digest"};
constexpr sf::State<std::int32_t> kTotal{"total"};
constexpr sf::State<json> kSent{"sent", kSentType};
constexpr sf::State<std::string> kFlag{"flag"};

json command(std::int64_t node, const char* ops) {
  return {{"node", node}, {"seq", 1}, {"from", "client"}, {"ops", json::parse(ops)}};
}

// "topic value" of each Kafka record, "int N" of each value.
std::vector<std::string> records(const sf::TestContext& test) {
  std::vector<std::string> out;
  for (const auto& record : test.egress()) {
    EXPECT_EQ(record.egress, "test/out");
    if (record.value.type == sf::types::int32.name()) {
      out.push_back("int " + std::to_string(record.value.as<std::int32_t>()));
    } else {
      const auto kafka = record.kafka();
      EXPECT_EQ(kafka.key, test.egress().empty() ? "" : "a");
      out.push_back(kafka.topic + " " + kafka.value);
    }
  }
  return out;
}

// Of each way to run it.
class Interpreter : public testing::TestWithParam<const char*> {
 protected:
  sf::TestContext test{interpreters("cpp"), {GetParam(), "a"}};
};
INSTANTIATE_TEST_SUITE_P(Forms, Interpreter, testing::Values("cpp/quick", "cpp/pool", "cpp/later"));

TEST_P(Interpreter, StatesAreWhatItsFormulasSay) {
  test.call(kCommand, command(5, R"([{"op": "add", "n": 10}, {"op": "add", "n": 1}, {"op": "flag", "text": "☃"}])"));
  EXPECT_EQ(test.storage()[kTotal].value(), 31);
  EXPECT_EQ(test.storage()[kFlag].value(), "☃");
  test.call(kCommand, command(6, R"([{"op": "unflag"}])"));
  EXPECT_EQ(test.storage()[kCount].value(), 2);
  EXPECT_EQ(test.storage()[kDigest].value(), (5 * 7 + 1) * 31 + 6 * 7 + 1);
  EXPECT_FALSE(test.storage()[kFlag].has_value());
  EXPECT_FALSE(test.storage()[kSent].has_value());
}

TEST_P(Interpreter, WhatItSendsIsNumberedForEachReceiverAndDelayedMessagesAreNot) {
  test.call(kCommand, command(1, R"([{"op": "send", "to": "js/x", "id": "b", "command": {"node": 2, "ops": []}},
                                     {"op": "after", "delay": 7, "token": "t", "to": "js/x", "id": "b", "command": {"node": 3, "ops": []}},
                                     {"op": "after", "delay": 8, "token": "", "to": "js/x", "id": "b", "command": {"node": 4, "ops": []}},
                                     {"op": "cancel", "token": "u"},
                                     {"op": "send", "to": "js/x", "id": "b", "command": {"node": 5, "ops": []}}])"));
  const auto child = [](int node, int seq) { return sf::typed(kCommand, json{{"node", node}, {"seq", seq}, {"ops", json::array()}}); };
  EXPECT_THAT(test.sent(), ElementsAre(sf::SentMessage{{"js/x", "b"}, child(2, 1)}, sf::SentMessage{{"js/x", "b"}, child(5, 2)}));
  EXPECT_THAT(test.delayed(),
              ElementsAre(sf::DelayedMessage{{"js/x", "b"}, child(3, 0), std::chrono::milliseconds(7), "t"},
                          sf::DelayedMessage{{"js/x", "b"}, child(4, 0), std::chrono::milliseconds(8), ""}));
  EXPECT_THAT(test.cancelled(), ElementsAre("u"));
  EXPECT_EQ(test.storage()[kSent].value(), (json{{"js/x/b", 2}}));
}

TEST_P(Interpreter, RecordsSayWhatWasHandledAndSeen) {
  test.call(kCommand, command(1, R"([{"op": "add", "n": 4}, {"op": "saw"}, {"op": "record", "n": 8, "form": "kafka"},
                                     {"op": "record", "n": 9, "form": "value"}])"));
  EXPECT_THAT(records(test), ElementsAre(R"(handled {"from":"client","node":1,"seq":1})", R"(saw {"count":1,"flag":null,"node":1,"total":4})",
                                         "records 8", "int 9"));
}

TEST_P(Interpreter, AnAnswerIsNumberedForAFunctionAndNotForARequest) {
  const auto answer = [](int seq) { return sf::typed(kCommand, json{{"node", 2}, {"seq", seq}, {"got", 4}, {"ops", json::array()}}); };
  const auto asked = command(1, R"([{"op": "add", "n": 4}, {"op": "reply", "node": 2}])");
  test.caller({"js/x", "b"}).call(kCommand, asked);
  EXPECT_THAT(test.sent(), ElementsAre(sf::SentMessage{{"js/x", "b"}, answer(1)}));
  EXPECT_THAT(records(test), ElementsAre(R"(handled {"from":"js/x/b","node":1,"seq":1})"));

  sf::TestContext other(interpreters("cpp"), {GetParam(), "a"});
  other.caller({"holdfast/request", "r"}).call(kCommand, asked);
  EXPECT_THAT(other.sent(), ElementsAre(sf::SentMessage{{"holdfast/request", "r"}, answer(0)}));
}

TEST_P(Interpreter, AnAnswerCountsBeforeAllOps) {
  json got = command(1, R"([{"op": "saw"}])");
  got["got"] = 6;
  test.call(kCommand, got);
  EXPECT_THAT(records(test),
              ElementsAre(R"(handled {"from":"client","got":6,"node":1,"seq":1})", R"(saw {"count":1,"flag":null,"node":1,"total":6})"));
}

TEST_P(Interpreter, FailsSoManyTimesAndPoisonAlways) {
  const auto fails = command(1, R"([{"op": "add", "n": 4}, {"op": "fail", "times": 2}])");
  EXPECT_THROW(test.call(kCommand, fails), std::runtime_error);
  EXPECT_THROW(test.call(kCommand, fails), std::runtime_error);
  EXPECT_FALSE(test.storage()[kTotal].has_value());
  test.call(kCommand, fails);
  EXPECT_EQ(test.storage()[kTotal].value(), 4);
  for (int i = 0; i < 3; ++i) EXPECT_THROW(test.call(kCommand, command(2, R"([{"op": "poison"}])")), std::runtime_error);
}

}  // namespace
}  // namespace holdfast::test
