// What docs/sdk/cookbook.md shows does what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <holdfast/sdk/testing.h>

// Taken out of the document by examples.py.
#include "cookbook_dedup.cc"
#include "cookbook_fan_out.cc"
#include "cookbook_rate_limit.cc"
#include "cookbook_request_reply.cc"
#include "cookbook_saga.cc"
#include "cookbook_timers.cc"

namespace {

const sf::Address kSomebody{"example/somebody", "bob"};

sf::KafkaRecord to_topic(std::string topic, std::string key, std::string value) {
  return {.topic = std::move(topic), .key = std::move(key), .value = std::move(value)};
}

TEST(Timers, EachEventPushesTheEndOfTheSessionOn) {
  sf::TestContext session(session_functions(), {"example/session", "s"});
  session.call("click");
  EXPECT_THAT(session, sf::sent_after(10min, sf::CancellationToken("session/s/1"), {"example/session", "s"}, std::int64_t{1}));
  EXPECT_THAT(session, sf::sent_nothing_else());
  session.call("click");
  EXPECT_THAT(session, sf::cancelled("session/s/1"));
  EXPECT_THAT(session, sf::sent_after(10min, sf::CancellationToken("session/s/2"), {"example/session", "s"}, std::int64_t{2}));
}

TEST(Timers, OnlyTheLastTimerEndsTheSession) {
  sf::TestContext session(session_functions(), {"example/session", "s"});
  session.call_batch({sf::typed("click"), sf::typed("click")});
  session.call(std::int64_t{1});
  EXPECT_THAT(session, sf::sent_nothing());
  session.call(std::int64_t{2});
  EXPECT_THAT(session, sf::sent_egress("example/out", to_topic("sessions", "s", "2 events")));
  EXPECT_THAT(session, sf::state_is_empty(kEvents));
}

TEST(Timers, AMetronomeTicksFromItsStartToItsStop) {
  const sf::Address self{"example/metronome", "m"};
  sf::TestContext metronome(session_functions(), self);
  metronome.call("start");
  EXPECT_THAT(metronome, sf::sent(self, kTick, ""));
  metronome.call("start");
  EXPECT_THAT(metronome, sf::sent_nothing());
  metronome.call(kTick, "");
  EXPECT_THAT(metronome, sf::sent_after(1min, self, kTick, ""));
  metronome.call("stop");
  EXPECT_THAT(metronome, sf::cancelled("tick/m"));
  metronome.call(kTick, "");
  EXPECT_THAT(metronome, sf::sent_nothing());
  EXPECT_THAT(metronome, sf::state_is(kTicks, 1));
}

TEST(Deduplication, AnEventGoesOnOnce) {
  sf::TestContext once(dedup_functions(), {"example/once", "e-1"});
  once.call_batch({sf::typed("order"), sf::typed("order")});
  EXPECT_THAT(once.sent(), testing::ElementsAre(sf::SentMessage{{"example/orders", "e-1"}, sf::typed("order")}));
  once.call("order");
  EXPECT_THAT(once, sf::sent_nothing());
}

TEST(RateLimit, TheSixthCallOfAWindowIsRefused) {
  sf::TestContext limit(limit_functions(), {"example/limit", "c"});
  limit.caller(kSomebody);
  for (int i = 0; i < kCallsMax; ++i) {
    limit.call(i);
    EXPECT_THAT(limit, sf::sent({"example/service", "c"}, i));
    EXPECT_EQ(limit.delayed().size(), i == 0 ? 1U : 0U);
  }
  limit.call(5);
  EXPECT_THAT(limit, sf::replied("too many calls, try again later"));
  EXPECT_THAT(limit, sf::sent_nothing_else());
  limit.call(kWindowEnds, "");
  limit.call(6);
  EXPECT_THAT(limit, sf::sent({"example/service", "c"}, 6));
}

TEST(RateLimit, CallsThatArePutOffComeBackInWindowsOfTheirOwn) {
  sf::TestContext put_off(limit_functions(), {"example/put_off", "c"});
  put_off.call_batch(std::vector<sf::TypedValue>(11, sf::typed(1)));
  EXPECT_EQ(put_off.sent().size(), 5U);
  std::vector<std::chrono::milliseconds> delays;
  for (const auto& delayed : put_off.delayed()) delays.push_back(delayed.delay);
  EXPECT_THAT(delays, testing::ElementsAre(10s, 10s, 10s, 10s, 10s, 10s, 20s));
}

TEST(RequestReply, AQuestionIsAnsweredToWhoeverAskedIt) {
  sf::TestContext front(question_functions(), {"example/front", "f"});
  front.caller(kSomebody).call("well?");
  const sf::Address address{"example/question", "example/somebody/bob"};
  ASSERT_THAT(front.sent(), testing::ElementsAre(sf::SentMessage{address, sf::typed(kAddressType, kSomebody)},
                                                 sf::SentMessage{address, sf::typed("well?")}));

  sf::TestContext question(question_functions(), address);
  question.caller({"example/front", "f"}).call_batch({front.sent()[0].value, front.sent()[1].value});
  EXPECT_THAT(question, sf::sent({"example/oracle", "delphi"}, "well?"));
  EXPECT_THAT(question, sf::sent_after(2s, address, kTooLate, ""));

  sf::TestContext oracle(question_functions(), {"example/oracle", "delphi"});
  oracle.caller(address).call("well?");
  EXPECT_THAT(oracle, sf::replied("yes"));

  question.caller({"example/oracle", "delphi"}).call("yes");
  EXPECT_THAT(question, sf::sent(kSomebody, "yes"));
  EXPECT_THAT(question, sf::cancelled("patience/example/somebody/bob"));
  EXPECT_THAT(question, sf::state_is_empty(kAsker));
}

TEST(RequestReply, AQuestionWithoutAnAnswerInTimeIsGivenUp) {
  sf::TestContext question(question_functions(), {"example/question", "q"});
  question.storage()[kAsker] = kSomebody;
  question.caller({"example/question", "q"}).call(kTooLate, "");
  EXPECT_THAT(question, sf::sent(kSomebody, "no answer in time"));
  question.caller({"example/oracle", "delphi"}).call("yes");
  EXPECT_THAT(question, sf::sent_nothing());
}

TEST(FanOut, AReportIsTheSumOfItsSources) {
  sf::TestContext report(report_functions(), {"example/report", "r"});
  report.call(2);
  EXPECT_THAT(report, sf::sent({"example/source", "0"}, "r"));
  EXPECT_THAT(report, sf::sent({"example/source", "1"}, "r"));
  report.call(std::int64_t{10});
  EXPECT_THAT(report, sf::sent_nothing());
  report.call(std::int64_t{1});
  EXPECT_THAT(report, sf::sent_egress("example/out", to_topic("reports", "r", "11, 0 missing")));
  EXPECT_THAT(report, sf::cancelled("report/r"));
}

TEST(FanOut, AReportDoesNotWaitForStragglers) {
  sf::TestContext report(report_functions(), {"example/report", "r"});
  report.call(2);
  report.call(std::int64_t{10});
  report.call(kDeadline, "");
  EXPECT_THAT(report, sf::sent_egress("example/out", to_topic("reports", "r", "10, 1 missing")));
  report.call(std::int64_t{1});
  EXPECT_THAT(report, sf::sent_nothing());
  EXPECT_THAT(report, sf::state_is_empty(kResult));
}

// Carries messages from one address to the other until there are none left: a runtime of a few lines.
class Shop {
 public:
  sf::TestContext& at(const sf::Address& address) {
    auto& context = contexts_[address];
    if (!context) context = std::make_unique<sf::TestContext>(order_functions(), address);
    return *context;
  }
  void run(const sf::Address& target, const sf::TypedValue& value) {
    at(target).call(value);
    collect(target);
    while (!waiting_.empty()) {
      const auto [from, message] = waiting_.front();
      waiting_.erase(waiting_.begin());
      at(message.target).caller(from).call(message.value);
      collect(message.target);
    }
  }
  std::vector<std::string> records;

 private:
  void collect(const sf::Address& address) {
    for (const auto& message : at(address).sent()) waiting_.emplace_back(address, message);
    for (const auto& record : at(address).egress()) records.push_back(record.kafka().value);
  }
  std::map<sf::Address, std::unique_ptr<sf::TestContext>> contexts_;
  std::vector<std::pair<sf::Address, sf::SentMessage>> waiting_;
};

struct Case {
  std::int64_t money;
  std::int32_t items;
  std::string outcome;
  std::int64_t money_left;
  std::int32_t items_left;
};

TEST(Saga, AnOrderIsDoneAsAWholeOrLeavesEverythingAsItWas) {
  for (const auto& [money, items, outcome, money_left, items_left] :
       {Case{50, 1, "done", 30, 0}, Case{50, 0, "refused", 50, 0}, Case{19, 1, "refused", 19, 1}, Case{19, 0, "refused", 19, 0}}) {
    Shop shop;
    shop.at({"example/account", "bob"}).storage()[kBalance] = money;
    shop.at({"example/stock", "lamp"}).storage()[kItems] = items;
    shop.run({"example/order", "1"}, sf::typed("bob lamp"));
    shop.run({"example/order", "1"}, sf::typed("bob lamp"));  // Twice changes nothing.
    EXPECT_THAT(shop.records, testing::ElementsAre(outcome));
    EXPECT_THAT(shop.at({"example/account", "bob"}), sf::state_is(kBalance, money_left));
    EXPECT_THAT(shop.at({"example/stock", "lamp"}), sf::state_is(kItems, items_left));
  }
}

}  // namespace
