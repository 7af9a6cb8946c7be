#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;
using namespace bank;

namespace {

const sf::Address kAnna{"bank/account", "anna"};
const sf::Address kBert{"bank/account", "bert"};
const sf::Address kT1{"bank/transfer", "t1"};
const sf::Address kAsker{"example/asker", "a"};

sf::KafkaRecord entry(const Entry& entry) { return {.topic = "entries", .key = entry.account, .value = sf::record_value(entry)}; }

struct Account : testing::Test {
  sf::TestContext test{make_functions(), kAnna};
  Account() { test.caller(kT1); }
};

TEST_F(Account, IsOpenedOnceWithWhatIsPutIn) {
  test.caller(kAsker).call(Open{100});
  EXPECT_THAT(test, sf::sent_egress("bank/ledger", entry({"anna", 100, 100, ""})));
  test.call(Open{500});
  EXPECT_THAT(test, sf::changed_no_state());
  EXPECT_THAT(test, sf::replied(AccountView{"anna", true, 100}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  EXPECT_THROW(test.call(Open{-1}), sf::InvalidArgument);
}

TEST_F(Account, GivesWhatItHasAndWritesItDown) {
  test.storage()[kBalance] = 100;
  test.call(Withdraw{100});
  EXPECT_THAT(test, sf::replied(Moved{true, ""}));
  EXPECT_THAT(test, sf::sent_egress("bank/ledger", entry({"anna", -100, 0, "t1"})));
  EXPECT_THAT(test, sf::state_is(kBalance, 0));
}

TEST_F(Account, RefusesToBeOverdrawn) {
  test.storage()[kBalance] = 99;
  test.call(Withdraw{100});
  EXPECT_THAT(test, sf::replied(Moved{false, "anna has 99, not 100"}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  EXPECT_THAT(test, sf::changed_no_state());
}

TEST_F(Account, ThatIsNotOpenTakesAndGivesNothing) {
  test.call_batch({sf::typed(Withdraw{1}), sf::typed(Deposit{1})});
  EXPECT_EQ(test.sent().size(), 2U);
  EXPECT_THAT(test, sf::replied(Moved{false, "there is no account anna"}));
  EXPECT_THAT(test, sf::changed_no_state());
}

TEST_F(Account, ThatIsFullTakesOnlyWhatComesBack) {
  test.storage()[kBalance] = 1'000'000'000'000'001;
  test.call(Deposit{1});
  EXPECT_THAT(test, sf::replied(Moved{false, "anna has 1000000000000001, and takes no more"}));
  EXPECT_THAT(test, sf::changed_no_state());
  test.call(Deposit{.amount = 1, .refund = true});
  EXPECT_THAT(test, sf::replied(Moved{true, ""}));
  EXPECT_THROW(test.caller(kAsker).call(Open{std::numeric_limits<std::int64_t>::max()}), sf::InvalidArgument);
}

TEST_F(Account, MovesMoneyForTransfersOnly) {
  test.storage()[kBalance] = 100;
  EXPECT_THROW(test.caller(kAsker).call(Deposit{1}), sf::InvalidArgument);
  EXPECT_THROW(test.no_caller().call(Withdraw{1}), sf::InvalidArgument);
  EXPECT_THAT(test, sf::state_is(kBalance, 100));
}

struct Transferring : testing::Test {
  sf::TestContext test{make_functions(), kT1};
  const Transfer order{"anna", "bert", 30};
  void ask(const Transfer& what) { test.caller(kAsker).call(what); }
  void moved(const sf::Address& who, bool ok, std::string reason = "") { test.caller(who).call(Moved{ok, std::move(reason)}); }
};

TEST_F(Transferring, TakesThenGivesThenAnswers) {
  ask(order);
  EXPECT_THAT(test, sf::sent(kAnna, Withdraw{30}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  moved(kAnna, true);
  EXPECT_THAT(test, sf::sent(kBert, Deposit{30}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  moved(kBert, true);
  EXPECT_THAT(test, sf::sent(kAsker, Outcome{"t1", true, ""}));
  EXPECT_THAT(test, sf::state_is_empty(kUnderWay));
}

TEST_F(Transferring, EndsWhenTheFirstAccountRefuses) {
  ask(order);
  moved(kAnna, false, "anna has 1, not 30");
  EXPECT_THAT(test, sf::sent(kAsker, Outcome{"t1", false, "anna has 1, not 30"}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(Transferring, GivesBackWhatTheSecondAccountRefuses) {
  ask(order);
  moved(kAnna, true);
  moved(kBert, false, "there is no account bert");
  EXPECT_THAT(test, sf::sent(kAnna, Deposit{30, true}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  moved(kAnna, true);
  EXPECT_THAT(test, sf::sent(kAsker, Outcome{"t1", false, "there is no account bert"}));
}

TEST_F(Transferring, SaidAgainHappensOnceAndAnswersAllWhoAsked) {
  ask(order);
  test.caller({"example/asker", "b"}).call(order);
  EXPECT_THAT(test, sf::sent_nothing());
  moved(kAnna, true);
  moved(kBert, true);
  EXPECT_THAT(test, sf::sent(kAsker, Outcome{"t1", true, ""}));
  EXPECT_THAT(test, sf::sent({"example/asker", "b"}, Outcome{"t1", true, ""}));
  ask(order);
  EXPECT_THAT(test, sf::replied(Outcome{"t1", true, ""}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(Transferring, AnotherOneUnderTheSameIdIsRefused) {
  ask(order);
  ask({"anna", "bert", 31});
  EXPECT_THAT(test, sf::replied(Outcome{"t1", false, "this id is that of another transfer"}));
  moved(kAnna, true);
  moved(kBert, true);
  ask({"bert", "anna", 30});
  EXPECT_THAT(test, sf::replied(Outcome{"t1", false, "this id is that of another transfer"}));
}

TEST_F(Transferring, OfNothingOrToItselfIsRefusedAtOnce) {
  ask({"anna", "bert", 0});
  EXPECT_THAT(test, sf::replied(Outcome{"t1", false, "an amount is 1 to 1000000000000, not 0"}));
  EXPECT_THROW(test.call(sf::TypedValue{"bank/Transfer", R"({"from":"anna","to":"bert","amount":1.5})"}), sf::WrongType);
  ask({"anna", "anna", 5});
  EXPECT_THAT(test, sf::replied(Outcome{"t1", false, "a transfer has two accounts"}));
  EXPECT_THAT(test, sf::changed_no_state());
}

}  // namespace
