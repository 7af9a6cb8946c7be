#include "net/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

namespace holdfast::net {
namespace {

TEST(TimerQueue, OfEqualDueTimesTheOneSetFirstRunsFirst) {
  TimerQueue timers;
  std::vector<int> ran;
  for (int i = 0; i < 100; ++i) (void)timers.add(5, [&, i] { ran.push_back(i); });
  timers.run(4);
  EXPECT_TRUE(ran.empty());
  timers.run(5);
  ASSERT_EQ(ran.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(ran));
  EXPECT_FALSE(timers.next_due_us());
}

TEST(TimerQueue, TimersThatAreTakenBackDoNotPileUpAndWakeNobody) {
  TimerQueue timers;
  bool ran = false;
  const auto kept = timers.add(1'000'000, [&] { ran = true; });
  for (int i = 0; i < 100'000; ++i) {
    const auto timer = timers.add(i, [] { FAIL(); });
    EXPECT_TRUE(timers.take_back(timer));
    EXPECT_FALSE(timers.take_back(timer));
  }
  EXPECT_LT(timers.kept(), 200u);
  EXPECT_EQ(timers.next_due_us(), 1'000'000);
  timers.run(1'000'000);
  EXPECT_TRUE(ran);
  EXPECT_FALSE(timers.take_back(kept));
}

TEST(TimerQueue, OneThatIsDueMayTakeBackAnotherAndItselfIsGone) {
  TimerQueue timers;
  Loop::TimerId first = 0;
  Loop::TimerId second = 0;
  int ran = 0;
  first = timers.add(1, [&] {
    ++ran;
    EXPECT_FALSE(timers.take_back(first));
    EXPECT_TRUE(timers.take_back(second));
    (void)timers.add(0, [&] { ran += 10; });
  });
  second = timers.add(1, [&] { ran += 100; });
  timers.run(1);
  EXPECT_EQ(ran, 1);
  timers.run(1);
  EXPECT_EQ(ran, 11);
}

// Against a map, over what anybody may do.
TEST(TimerQueue, DoesWhatAMapWouldDo) {
  std::minstd_rand random(7);
  for (int round = 0; round < 200; ++round) {
    TimerQueue timers;
    std::map<std::pair<std::int64_t, int>, Loop::TimerId> model;
    std::vector<int> ran;
    std::int64_t now = 0;
    for (int step = 0; step < 400; ++step) {
      const auto what = random() % 8;
      if (what < 4) {
        const std::int64_t due = now + static_cast<std::int64_t>(random() % 50);
        model[{due, step}] = timers.add(due, [&ran, step] { ran.push_back(step); });
      } else if (what < 7 && !model.empty()) {
        const auto chosen = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
        EXPECT_TRUE(timers.take_back(chosen->second));
        model.erase(chosen);
      } else {
        now += static_cast<std::int64_t>(random() % 20);
        std::vector<int> expected;
        while (!model.empty() && model.begin()->first.first <= now) {
          expected.push_back(model.begin()->first.second);
          model.erase(model.begin());
        }
        ran.clear();
        timers.run(now);
        ASSERT_EQ(ran, expected) << "round " << round << ", step " << step;
      }
      const auto next = timers.next_due_us();
      ASSERT_EQ(next.has_value(), !model.empty());
      if (next) { ASSERT_EQ(*next, model.begin()->first.first); }
    }
  }
}

TEST(TimerQueue, WhatItsTasksOwnGoesWithThem) {
  TimerQueue timers;
  auto owned = std::make_shared<int>(0);
  const auto timer = timers.add(1, [owned] {});
  EXPECT_EQ(owned.use_count(), 2);
  EXPECT_TRUE(timers.take_back(timer));
  EXPECT_EQ(owned.use_count(), 1);
  // Dropped, it takes back another.
  auto other = timers.add(1, [] {});
  (void)timers.add(1, [guard = std::shared_ptr<void>(nullptr, [&](void*) { (void)timers.take_back(other); }), owned] {});
  timers.clear();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_FALSE(timers.next_due_us());
}

}  // namespace
}  // namespace holdfast::net
