#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;
using namespace std::chrono_literals;

namespace {

const sf::Address kAsker{"example/asker", "a"};

struct Types : testing::Test {
  sf::TestContext test{make_functions(), {"showcase/types", "t"}};
  Types() { test.caller(kAsker); }
};

TEST_F(Types, StandardTypesGoWithTheTypesOfCpp) {
  test.call("four");
  EXPECT_THAT(test, sf::replied("a string of 4 bytes"));
  test.call(true);
  EXPECT_THAT(test, sf::replied("a bool: true"));
  test.call(std::int32_t{-7});
  EXPECT_THAT(test, sf::replied("an int: -7"));
  test.call(std::int64_t{1} << 40);
  EXPECT_THAT(test, sf::replied("a long: 1099511627776"));
  test.call(1.5F);
  EXPECT_THAT(test, sf::replied("a float: 1.500000"));
  test.call(2.5);
  EXPECT_THAT(test, sf::replied("a double: 2.500000"));
}

TEST_F(Types, JsonAndCustomTypesAreKnownByTheirNames) {
  test.call(sf::bytes_type("showcase/Order"), R"({"item": "tea", "quantity": 2})");
  EXPECT_THAT(test, sf::replied("an order: 2 of tea"));
  test.call(sf::bytes_type("showcase/Point"), "3 4");
  EXPECT_THAT(test, sf::replied("a point, so far from the origin: 5.000000"));
  test.call(sf::bytes_type("other/Thing"), "12345");
  EXPECT_THAT(test, sf::replied("a other/Thing of 5 bytes"));
}

TEST_F(Types, BytesThatAreNoneOfTheirTypeFailTheCall) {
  EXPECT_THROW(test.call(sf::bytes_type("showcase/Point"), "north"), std::exception);
  EXPECT_THROW(test.call(sf::bytes_type("showcase/Order"), "{"), std::exception);
}

TEST(Messages, AnAlarmRingsItsBellLaterUnlessItIsStopped) {
  sf::TestContext test(make_functions(), {"showcase/alarm", "tea"});
  test.call("set");
  EXPECT_THAT(test, sf::sent_after(1500ms, sf::CancellationToken("alarm/tea"), {"showcase/alarm", "tea"}, "ring"));
  test.call("set");
  EXPECT_THAT(test, sf::sent_nothing());  // It is set already: its token is in use.
  test.call("stop");
  EXPECT_THAT(test, sf::cancelled("alarm/tea"));

  test.call("set");
  test.call("ring");
  EXPECT_THAT(test, sf::sent({"showcase/bell", "tea"}, "ding"));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST(Egress, APressSendsTheStoryAndItsLength) {
  sf::TestContext test(make_functions(), {"showcase/press", "daily"});
  test.call("man bites dog");
  ASSERT_EQ(test.egress().size(), 2U);
  const auto record = test.egress()[0].kafka();
  EXPECT_EQ(record.topic, "stories");
  EXPECT_EQ(record.key, "daily");
  EXPECT_EQ(record.value, "man bites dog");
  EXPECT_THAT(test, sf::sent_egress("showcase/news", std::int64_t{3}));
}

constexpr sf::State<std::int64_t> kEver{"ever"};
constexpr sf::State<std::int64_t> kSession{"session", sf::expire_after_call(2s)};

TEST(States, AStateThatHasExpiredBeginsAgain) {
  sf::TestContext test(make_functions(), {"showcase/visits", "v"});
  test.caller(kAsker);
  test.call("al");
  test.call("bo");
  EXPECT_THAT(test, sf::replied("ever: 2, in this session: 2, first of the last seconds: al"));
  test.storage()[kSession].remove();  // As the runtime does it.
  test.call("cy");
  EXPECT_THAT(test, sf::replied("ever: 3, in this session: 1, first of the last seconds: al"));
  test.call("forget");
  EXPECT_THAT(test, sf::state_is_empty(kEver));
}

TEST(Async, AQuoteIsAnsweredWhenThePriceIsThere) {
  sf::TestContext test(make_functions(), {"showcase/quote", "q"});
  test.caller(kAsker);
  test.call_batch({sf::typed("tea"), sf::typed("milk")});
  EXPECT_THAT(test, sf::replied("price 0.750000, asked 1 times"));
  EXPECT_THAT(test, sf::replied("price 1.000000, asked 2 times"));
}

TEST(Async, AQuoteWithoutAPriceFails) {
  sf::TestContext test(make_functions(), {"showcase/quote", "q"});
  EXPECT_THROW(test.call("moon"), sf::CallFailed);
}

}  // namespace
