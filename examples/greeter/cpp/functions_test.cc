#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;

namespace {

constexpr sf::State<std::int32_t> kSeen{"seen"};
constexpr auto kGreetRequest = sf::bytes_type("example/GreetRequest");
constexpr auto kEgressRecord = sf::bytes_type("io.statefun.playground/EgressRecord");

struct Greeter : testing::Test {
  sf::TestContext test{make_functions(), {"example/greeter", "bob"}};
  Greeter() { test.caller({"example/asker", "a"}); }
};

TEST_F(Greeter, WelcomesWhoComesForTheFirstTimeAndRemembers) {
  test.call("Bob");
  EXPECT_EQ(test.storage()[kSeen].value(), 1);
  EXPECT_THAT(test, sf::replied("Welcome Bob!"));
  EXPECT_THAT(test, sf::sent_egress("io.statefun.playground/egress", kEgressRecord, R"({"payload":"Welcome Bob!","topic":"greetings"})"));
  test.call("Bob");
  EXPECT_THAT(test, sf::replied("Welcome back Bob!"));
}

TEST_F(Greeter, CountsOnFromWhatIsInItsState) {
  test.storage()[kSeen] = 41;
  test.call(kGreetRequest, R"({"name": "Bob"})");
  EXPECT_THAT(test, sf::replied("Hello Bob, visit number 42!"));
}

TEST_F(Greeter, CallsThoseWithoutANameByTheirId) {
  test.call(kGreetRequest, "{}");
  EXPECT_THAT(test, sf::replied("Welcome bob!"));
}

TEST_F(Greeter, AnswersNobodyWhenNobodyAsked) {
  test.no_caller();
  test.call("Bob");
  EXPECT_TRUE(test.sent().empty());
}

TEST_F(Greeter, FailsOnAMessageOfAnotherType) {
  EXPECT_THROW(test.call(std::int32_t{7}), std::exception);
  EXPECT_FALSE(test.storage()[kSeen].has_value());
}

}  // namespace
