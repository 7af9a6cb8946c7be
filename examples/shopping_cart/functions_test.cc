#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;
using namespace shop;
using namespace std::chrono_literals;

namespace {

const sf::Address kTea{"shop/stock", "tea"};
const sf::Address kAl{"shop/basket", "al"};
const sf::Address kBo{"shop/basket", "bo"};
const Asker kAsker{"example/asker", "a"};
const sf::Address kAskerAddress{kAsker.type, kAsker.id};

struct StockOfTea : testing::Test {
  sf::TestContext test{make_functions(), kTea};
  StockOfTea() {
    test.call(Restock{.quantity = 5, .price = 250, .hold_ms = 60'000});
    test.caller(kAl);
  }
  StockView view() {
    test.caller(kAskerAddress).call(ShowStock{});
    return sf::Message(test.sent().back().value.type, test.sent().back().value.bytes).as<StockView>();
  }
};

TEST_F(StockOfTea, ReservesWhatIsThereForAWhile) {
  test.call(Reserve{2, kAsker});
  EXPECT_THAT(test, sf::replied(Reserved{.item = "tea", .quantity = 2, .available = 3, .asker = kAsker}));
  EXPECT_THAT(test, sf::sent_after(60s, sf::CancellationToken("hold/tea/al/1"), kTea, HoldEnds{"al", 1}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(StockOfTea, ReservesNothingIfThereIsNotEnough) {
  test.call(Reserve{6, kAsker});
  EXPECT_THAT(test, sf::replied(Reserved{.item = "tea", .quantity = 0, .available = 5, .asker = kAsker}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(StockOfTea, KeepsOneTimerForAHoldThatGrows) {
  test.call(Reserve{2, kAsker});
  test.call(Reserve{1, kAsker});
  EXPECT_TRUE(test.delayed().empty());
  test.call(Release{2});
  EXPECT_TRUE(test.cancelled().empty());
  test.call(Release{1});
  EXPECT_THAT(test, sf::cancelled("hold/tea/al/1"));
  EXPECT_EQ(view().available, 5);
}

TEST_F(StockOfTea, SellsWhatIsHeldAndTakesTheTimerBack) {
  test.call(Reserve{2, kAsker});
  test.call(Buy{2});
  EXPECT_THAT(test, sf::replied(Sold{.item = "tea", .quantity = 2, .price = 500}));
  EXPECT_THAT(test, sf::cancelled("hold/tea/al/1"));
  const auto now = view();
  EXPECT_EQ(now.available, 3);
  EXPECT_EQ(now.sold, 2);
}

TEST_F(StockOfTea, FreesAHoldThatHasExpiredAndTellsTheBasket) {
  test.call(Reserve{2, kAsker});
  test.caller(kTea).call(HoldEnds{"al", 1});
  EXPECT_THAT(test, sf::sent(kAl, HoldEnded{"tea", 2}));
  EXPECT_EQ(view().available, 5);
  test.caller(kAl).call(Buy{2});
  EXPECT_THAT(test, sf::replied(Sold{.item = "tea", .quantity = 0, .price = 0}));
}

TEST_F(StockOfTea, LeavesALaterHoldAloneWhenAnOldTimerComes) {
  test.call(Reserve{2, kAsker});
  test.call(Release{2});
  test.call(Reserve{1, kAsker});
  test.caller(kTea).call(HoldEnds{"al", 1});
  EXPECT_THAT(test, sf::sent_nothing());
  EXPECT_EQ(view().held, 1);
}

struct BasketOfAl : testing::Test {
  sf::TestContext test{make_functions(), kAl};
  BasketOfAl() { test.caller(kAskerAddress); }
  void has(const std::string& item, std::int64_t quantity) {
    test.caller({"shop/stock", item}).call(Reserved{.item = item, .quantity = quantity, .available = 9, .asker = {}});
    test.caller(kAskerAddress);
  }
};

TEST_F(BasketOfAl, AsksTheStockAndAnswersWhenItHasAnswered) {
  test.call(Add{"tea", 2});
  EXPECT_THAT(test, sf::sent(kTea, Reserve{2, kAsker}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  test.caller(kTea).call(Reserved{.item = "tea", .quantity = 2, .available = 3, .asker = kAsker});
  EXPECT_THAT(test, sf::sent(kAskerAddress, BasketView{{{"tea", 2}}, ""}));
  test.caller(kTea).call(Reserved{.item = "tea", .quantity = 0, .available = 3, .asker = kAsker});
  EXPECT_THAT(test, sf::sent(kAskerAddress, BasketView{{{"tea", 2}}, "of tea there are 3"}));
}

TEST_F(BasketOfAl, RefusesQuantitiesThatAreNone) {
  test.call(Add{"tea", 0});
  EXPECT_THAT(test, sf::replied(BasketView{{}, "a quantity is 1 or more, not 0"}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(BasketOfAl, GivesBackWhatIsRemoved) {
  has("tea", 2);
  test.call(Remove{"tea"});
  EXPECT_THAT(test, sf::sent(kTea, Release{2}));
  EXPECT_THAT(test, sf::state_is_empty(kBasketState));
}

TEST_F(BasketOfAl, PaysWhatItsStocksStillHoldAndSaysWhatIsGone) {
  has("tea", 2);
  has("milk", 1);
  test.call(Checkout{});
  EXPECT_THAT(test, sf::sent(kTea, Buy{2}));
  EXPECT_THAT(test, sf::sent({"shop/stock", "milk"}, Buy{1}));
  EXPECT_THAT(test, sf::sent_nothing_else());
  EXPECT_THAT(test, sf::state_is_empty(kBasketState));

  test.call(Checkout{});
  EXPECT_THAT(test, sf::replied(BasketView{{}, "the last checkout has not ended yet"}));

  test.caller(kTea).call(Sold{.item = "tea", .quantity = 2, .price = 500});
  EXPECT_THAT(test, sf::sent_nothing());
  test.caller({"shop/stock", "milk"}).call(Sold{.item = "milk", .quantity = 0, .price = 0});
  const Receipt receipt{.user = "al", .lines = {{"tea", 2, 500}}, .gone = {"milk"}, .total = 500};
  EXPECT_THAT(test, sf::sent(kAskerAddress, receipt));
  EXPECT_THAT(test, sf::sent_egress("shop/receipts", sf::KafkaRecord{.topic = "receipts", .key = "al", .value = sf::record_value(receipt)}));
  EXPECT_THAT(test, sf::sent_nothing_else());
}

TEST_F(BasketOfAl, LosesWhatItsStockNoLongerHolds) {
  has("tea", 2);
  has("milk", 1);
  test.caller(kTea).call(HoldEnded{"tea", 2});
  test.caller(kAskerAddress).call(ShowBasket{});
  EXPECT_THAT(test, sf::replied(BasketView{{{"milk", 1}}, ""}));
}

TEST(Shop, ForgetsBasketsADayAfterTheyWereTouched) {
  const auto functions = make_functions();
  for (const auto& state : functions.find("shop/basket")->states)
    if (state.name == "basket") EXPECT_EQ(state.expiration, sf::expire_after_write(24h));
}

}  // namespace
