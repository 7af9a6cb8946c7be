#include "server/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::sdk::server {
namespace {

using Entry = Admission::Entry;

std::chrono::steady_clock::time_point never() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

TEST(Admission, LetsInAsManyAsItMayAndTheOthersInTheirOrder) {
  Admission admission(2, 1000);
  std::string order;
  EXPECT_EQ(admission.enter(), Entry::In);
  EXPECT_EQ(admission.enter(), Entry::In);
  for (const char name : {'a', 'b', 'c'}) {
    ASSERT_EQ(admission.enter(), Entry::Waits);
    admission.wait(1, [&order, name] { order += name; });
  }
  EXPECT_EQ(admission.waiting(), 3u);
  EXPECT_EQ(order, "");
  admission.leave();
  EXPECT_EQ(order, "a");
  admission.leave();
  admission.leave();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(admission.under_way(), 2u);
  admission.leave();
  admission.leave();
  EXPECT_EQ(admission.under_way(), 0u);
  EXPECT_EQ(admission.enter(), Entry::In);
}

TEST(Admission, APlaceThatIsLeftBetweenEnteringAndWaitingIsTaken) {
  Admission admission(1, 1000);
  ASSERT_EQ(admission.enter(), Entry::In);
  ASSERT_EQ(admission.enter(), Entry::Waits);
  admission.leave();
  bool went = false;
  admission.wait(1, [&] { went = true; });
  EXPECT_TRUE(went);
  EXPECT_EQ(admission.enter(), Entry::Waits);
}

TEST(Admission, IsFullWhileTooManyBytesWait) {
  Admission admission(1, 10);
  ASSERT_EQ(admission.enter(), Entry::In);
  ASSERT_EQ(admission.enter(), Entry::Waits);
  admission.wait(11, [] {});
  EXPECT_EQ(admission.enter(), Entry::Full);
  admission.leave();
  EXPECT_EQ(admission.enter(), Entry::Waits);
}

TEST(Admission, WhatWaitsIsDroppedAndTheRestIsWaitedFor) {
  Admission admission(1, 1000);
  ASSERT_EQ(admission.enter(), Entry::In);
  ASSERT_EQ(admission.enter(), Entry::Waits);
  admission.wait(1, [] { ADD_FAILURE() << "was dropped"; });
  EXPECT_FALSE(admission.wait_until_idle(std::chrono::steady_clock::now()));
  admission.drop_waiting();
  std::thread other([&] { admission.leave(); });
  EXPECT_TRUE(admission.wait_until_idle(never()));
  other.join();
}

TEST(Admission, ManyThreadsAreNeverMoreThanItLetsInAndAllGetTheirTurn) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  constexpr std::size_t kMax = 2;
  Admission admission(kMax, SIZE_MAX);
  std::atomic<std::size_t> inside{0};
  std::atomic<std::size_t> most{0};
  std::atomic<int> done{0};
  const std::function<void()> visit = [&] {
    const auto now = inside.fetch_add(1) + 1;
    auto seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    inside.fetch_sub(1);
    done.fetch_add(1);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) {
        if (admission.enter() == Entry::In) {
          visit();
          admission.leave();
          continue;
        }
        // As the server does: another thread's turn does not run in leave() itself.
        std::atomic<bool> turn{false};
        admission.wait(1, [&turn] { turn.store(true); });
        while (!turn.load()) std::this_thread::yield();
        visit();
        admission.leave();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done.load(), kThreads * kEach);
  EXPECT_LE(most.load(), kMax);
  EXPECT_TRUE(admission.wait_until_idle(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace holdfast::sdk::server
