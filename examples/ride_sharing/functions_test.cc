#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;
using namespace rides;

namespace {

const sf::Address kPam{"rides/passenger", "pam"};
const sf::Address kPam1{"rides/ride", "pam-1"};
const sf::Address kDan{"rides/driver", "dan"};
const sf::Address kCell3{"rides/cell", "3"};

sf::KafkaRecord update(const Update& update) { return {.topic = "rides", .key = update.ride, .value = sf::record_value(update)}; }

TEST(Passenger, BooksOneRideAtATime) {
  sf::TestContext test(make_functions(), kPam);
  test.call(Book{3, 4});
  EXPECT_THAT(test, sf::sent(kPam1, Requested{3, 4}));
  test.caller({"example/asker", "a"}).call(Book{5, 6});
  EXPECT_THAT(test, sf::replied("pam-1"));
  EXPECT_THAT(test, sf::sent_nothing_else());
  test.caller(kPam1).call(Ended{"arrived"});
  EXPECT_THAT(test, sf::state_is(kArrived, 1));
  test.no_caller().call(Book{5, 6});
  EXPECT_THAT(test, sf::sent({"rides/ride", "pam-2"}, Requested{5, 6}));
}

struct Riding : testing::Test {
  sf::TestContext test{make_functions(), kPam1};
  template <typename T>
  void from(const sf::Address& who, const T& what) {
    test.caller(who).call(what);
  }
  void is_over(const std::string& how, const std::string& driver) {
    EXPECT_THAT(test, sf::sent(kPam, Ended{how}));
    EXPECT_THAT(test, sf::sent_egress("rides/updates", update({"pam-1", "pam", how, driver})));
    EXPECT_THAT(test, sf::state_is_empty(kTrip));
  }
};

TEST_F(Riding, FindsADriverAndArrives) {
  from(kPam, Requested{3, 4});
  EXPECT_THAT(test, sf::sent(kCell3, FindDriver{}));
  from(kCell3, DriverFound{"dan"});
  EXPECT_THAT(test, sf::sent(kDan, PickUp{4}));
  from(kDan, PickedUp{});
  EXPECT_THAT(test, sf::sent(kPam, Started{"dan"}));
  from(kDan, Arrived{});
  is_over("arrived", "dan");
}

TEST_F(Riding, AsksAgainLaterWhenThereIsNobodyOrTheyAreBusy) {
  from(kPam, Requested{3, 4});
  from(kCell3, NoDriver{});
  EXPECT_THAT(test, sf::sent_after(kLookAgainAfter, sf::CancellationToken("look-again/pam-1/1"), kPam1, LookAgain{}));
  from(kPam1, LookAgain{});
  EXPECT_THAT(test, sf::sent(kCell3, FindDriver{}));
  from(kCell3, DriverFound{"dan"});
  from(kDan, Busy{});
  EXPECT_THAT(test, sf::sent_after(kLookAgainAfter, sf::CancellationToken("look-again/pam-1/2"), kPam1, LookAgain{}));
}

TEST_F(Riding, GivesUpInTheEnd) {
  from(kPam, Requested{3, 4});
  for (int i = 1; i < kLooksMax; ++i) {
    from(kCell3, NoDriver{});
    from(kPam1, LookAgain{});
  }
  from(kCell3, NoDriver{});
  is_over("no driver", "");
}

TEST_F(Riding, CancelledWhileItWaitsTakesItsTimerBack) {
  from(kPam, Requested{3, 4});
  from(kCell3, NoDriver{});
  from(kPam, CancelRide{});
  EXPECT_THAT(test, sf::cancelled("look-again/pam-1/1"));
  is_over("cancelled", "");
  from(kPam1, LookAgain{});  // It was on its way already.
  EXPECT_THAT(test, sf::sent_nothing());
}

TEST_F(Riding, CancelledWhileSomebodyIsAskedGivesTheDriverBack) {
  from(kPam, Requested{3, 4});
  from(kPam, CancelRide{});
  EXPECT_THAT(test, sf::sent_nothing());
  from(kCell3, DriverFound{"dan"});
  EXPECT_THAT(test, sf::sent(kDan, DropFare{}));
  is_over("cancelled", "dan");
}

TEST_F(Riding, CancelledInTheCarGoesOn) {
  from(kPam, Requested{3, 4});
  from(kCell3, DriverFound{"dan"});
  from(kDan, PickedUp{});
  from(kPam, CancelRide{});
  EXPECT_THAT(test, sf::sent_nothing());
  from(kDan, Arrived{});
  is_over("arrived", "dan");
}

struct Driving : testing::Test {
  sf::TestContext test{make_functions(), kDan};
  void is_at(std::int64_t cell) { test.no_caller().call(DriverAt{cell}); }
};

TEST_F(Driving, WaitsInTheCellWhereItIs) {
  is_at(3);
  EXPECT_THAT(test, sf::sent(kCell3, Join{}));
  is_at(4);
  EXPECT_THAT(test, sf::sent(kCell3, Leave{}));
  EXPECT_THAT(test, sf::sent({"rides/cell", "4"}, Join{}));
}

TEST_F(Driving, TakesOneFareAtATimeToWhereItWantsToBe) {
  is_at(3);
  test.caller(kPam1).call(PickUp{5});
  EXPECT_THAT(test, sf::replied(PickedUp{}));
  test.caller({"rides/ride", "quentin-1"}).call(PickUp{7});
  EXPECT_THAT(test, sf::replied(Busy{}));
  is_at(4);
  EXPECT_THAT(test, sf::sent_nothing());
  is_at(5);
  EXPECT_THAT(test, sf::sent(kPam1, Arrived{}));
  EXPECT_THAT(test, sf::sent({"rides/cell", "5"}, Join{}));
}

TEST_F(Driving, WaitsAgainWhenTheFareIsDroppedButNotForTheFareOfAnother) {
  is_at(3);
  test.caller(kPam1).call(PickUp{5});
  test.caller({"rides/ride", "quentin-1"}).call(DropFare{});
  EXPECT_THAT(test, sf::sent_nothing());
  test.caller(kPam1).call(DropFare{});
  EXPECT_THAT(test, sf::sent(kCell3, Join{}));
  EXPECT_THAT(test, sf::state_is_empty(kFare));
}

TEST(Cell, GivesTheDriverWhoWaitsLongestOnce) {
  sf::TestContext test(make_functions(), kCell3);
  test.caller(kDan).call(Join{});
  test.caller({"rides/driver", "eve"}).call(Join{});
  test.caller(kDan).call(Join{});  // Is there already.
  test.caller(kPam1).call(FindDriver{});
  EXPECT_THAT(test, sf::replied(DriverFound{"dan"}));
  test.caller({"rides/driver", "eve"}).call(Leave{});
  EXPECT_THAT(test, sf::state_is_empty(kDrivers));
  test.caller(kPam1).call(FindDriver{});
  EXPECT_THAT(test, sf::replied(NoDriver{}));
}

}  // namespace
