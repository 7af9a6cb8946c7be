#include "net/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace holdfast::net {
namespace {

TEST(EventLoop, TasksOfOneThreadRunInTheOrderTheyWerePosted) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i)
    loop.post([&, i] {
      order.push_back(i);
      loop.post([&, i] { order.push_back(100 + i); });
      if (i == 99) loop.post([&] { loop.stop(); });
    });
  loop.run();
  ASSERT_EQ(order.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(EventLoop, ManyThreadsMayPostAndNothingIsLostOrReordered) {
  EventLoop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  std::vector<int> next(kThreads, 0);
  int done = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i)
        loop.post([&, t, i] {
          in_order &= next[static_cast<std::size_t>(t)]++ == i && loop.is_current();
          if (++done == kThreads * kTasks) loop.stop();
        });
    });
  loop.run();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(done, kThreads * kTasks);
}

TEST(EventLoop, TimersFireInTheOrderOfTheirDueTimesAndNeverEarly) {
  EventLoop loop;
  std::vector<int> order;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::int64_t> waited;
  for (const int ms : {30, 10, 20, 0})
    loop.after(Duration{ms}, [&, ms] {
      order.push_back(ms);
      waited.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count());
      if (ms == 30) loop.stop();
    });
  loop.run();
  ASSERT_EQ(order, (std::vector<int>{0, 10, 20, 30}));
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_GE(waited[i], order[i]);
}

TEST(EventLoop, ACancelledTimerDoesNotFireAndCancellingAFiredOneDoesNothing) {
  EventLoop loop;
  int fired = 0;
  const auto first = loop.after(Duration{1}, [&] { ++fired; });
  const auto second = loop.after(Duration{2}, [&] { fired += 10; });
  loop.after(Duration{5}, [&] {
    loop.cancel(second);
    loop.cancel(12345);
    loop.stop();
  });
  loop.cancel(first);
  EXPECT_NE(first, 0u);
  loop.run();
  EXPECT_EQ(fired, 10);
}

TEST(EventLoop, ATimerMayCancelAnotherThatIsDueInTheSameTurn) {
  EventLoop loop;
  bool second_fired = false;
  Loop::TimerId second = 0;
  loop.after(Duration{0}, [&] {
    loop.cancel(second);
    loop.post([&] { loop.stop(); });
  });
  second = loop.after(Duration{0}, [&] { second_fired = true; });
  loop.run();
  EXPECT_FALSE(second_fired);
}

TEST(EventLoop, ADelayTooLongForTheClockNeverFiresInsteadOfAtOnce) {
  EventLoop loop;
  bool fired = false;
  loop.after(Duration{INT64_MAX}, [&] { fired = true; });
  loop.after(Duration{1}, [&] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(fired);
}

TEST(EventLoop, WhatWasPostedBeforeStopStillRunsAndRunMayBeCalledAgain) {
  EventLoop loop;
  int ran = 0;
  loop.post([&] { ++ran; });
  loop.stop();
  loop.post([&] { ran += 10; });
  loop.run();
  EXPECT_GE(ran, 1);
  loop.stop();
  loop.run();
  EXPECT_EQ(ran, 11);
}

TEST(EventLoop, TheHookRunsAfterTheTasksOfATurn) {
  EventLoop loop;
  std::vector<std::string> seen;
  loop.set_after_turn([&] {
    if (!seen.empty() && seen.back() == "task 2") {
      seen.push_back("hook");
      loop.stop();
    }
  });
  loop.post([&] { seen.push_back("task 1"); });
  loop.post([&] { seen.push_back("task 2"); });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"task 1", "task 2", "hook"}));
}

TEST(EventLoop, AHandleThatOutlivesTheLoopDropsWhatIsPosted) {
  auto loop = std::make_unique<EventLoop>();
  const LoopHandle handle = loop->handle();
  auto alive = std::make_shared<int>(0);
  loop->post([alive] { ++*alive; });
  loop->after(Duration{0}, [alive] { ++*alive; });
  EXPECT_EQ(alive.use_count(), 3);
  loop.reset();
  EXPECT_EQ(alive.use_count(), 1);
  handle.post([alive] { ++*alive; });
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_EQ(*alive, 0);
  EXPECT_FALSE(handle.is_current());
}

TEST(EventLoop, ASleepingLoopIsWokenByAPostEveryTime) {
  EventLoop loop;
  std::atomic<int> seen{0};
  std::thread poster([&] {
    for (int i = 0; i < 2000; ++i) {
      loop.post([&] { seen.fetch_add(1); });
      while (seen.load() != i + 1) std::this_thread::yield();
    }
    loop.stop();
  });
  loop.run();
  poster.join();
  EXPECT_EQ(seen.load(), 2000);
}

}  // namespace
}  // namespace holdfast::net
