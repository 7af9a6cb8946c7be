#include "runtime/pace.h"

#include <gtest/gtest.h>

namespace holdfast::runtime {
namespace {

constexpr Pace::Limits kLimits{.burst_min = 10, .burst_max = 1'000, .burst_time = {100}};

// Answers each so many ms, of so many messages, that took so long; until `until`.
void answer(Pace& pace, Moment from, Moment until, std::int64_t each_ms, std::uint64_t count, Duration took = {1}) {
  for (Moment at = from; at < until; at.ms += each_ms) pace.note_handled(count, took, at);
}

TEST(Pace, ABurstIsWhatIsHandledInItsTimeWithinBounds) {
  Pace pace;
  EXPECT_EQ(pace.burst(kLimits), 10u);  // Nothing is known.
  answer(pace, {1'000}, {3'000}, 2, 4);
  EXPECT_NEAR(static_cast<double>(pace.burst(kLimits)), 200, 10);
  answer(pace, {3'000}, {5'000}, 2, 400);
  EXPECT_EQ(pace.burst(kLimits), 1'000u);
  answer(pace, {5'000}, {25'000}, 50, 1);
  EXPECT_EQ(pace.burst(kLimits), 10u);
}

TEST(Pace, APauseInWhichNothingCameSaysNothingOfHowFastItIs) {
  Pace pace;
  answer(pace, {1'000}, {2'000}, 1, 1);
  const auto before = pace.handled_in({1'000});
  EXPECT_TRUE(pace.is_moving({2'050}));
  EXPECT_FALSE(pace.is_moving({2'400}));
  answer(pace, {60'000}, {60'100}, 1, 1);
  EXPECT_NEAR(static_cast<double>(pace.handled_in({1'000})), static_cast<double>(before), 100);
}

TEST(Pace, SlowCallsAreAtWorkForAsLongAsTheyTake) {
  Pace pace;
  answer(pace, {1'000}, {60'000}, 500, 50, {500});
  EXPECT_TRUE(pace.is_moving({60'400}));
  EXPECT_NEAR(static_cast<double>(pace.handled_in({1'000})), 100, 10);
}

TEST(Pace, TheFirstCallTellsHowLongTheyTake) {
  Pace pace;
  pace.note_handled(1, {1'000}, {5'000});
  EXPECT_TRUE(pace.is_moving({6'900}));
  EXPECT_FALSE(pace.is_moving({7'100}));
}

TEST(Pace, WhatIsLeftOfABurstOutlivesTheEpochButNotTheMessages) {
  Pace pace;
  pace.note_taken_in(100);
  pace.note_handled(30, {1}, {1'000});
  pace.epoch_closed(90);
  EXPECT_EQ(pace.taken_in(), 0u);
  EXPECT_EQ(pace.left(), 70u);
  pace.epoch_closed(20);  // The others are with those that wait to be tried again, say.
  EXPECT_EQ(pace.left(), 20u);
  pace.note_handled(1'000, {1}, {1'001});  // Functions send each other messages, too.
  EXPECT_EQ(pace.left(), 0u);
}

}  // namespace
}  // namespace holdfast::runtime
