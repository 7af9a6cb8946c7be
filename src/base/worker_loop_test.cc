#include "base/worker_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace holdfast {
namespace {

using ::testing::ElementsAre;

TEST(WorkerLoop, RunsTasksInTheOrderTheyWerePostedOnItsOwnThread) {
  std::vector<int> order;
  bool current = false;
  WorkerLoop loop("test");
  EXPECT_FALSE(loop.is_current());
  for (int i = 0; i < 3; ++i) loop.post([&, i] { order.push_back(i); });
  loop.post([&] { current = loop.is_current(); });
  loop.stop();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  EXPECT_TRUE(current);
}

TEST(WorkerLoop, TimersFireInTheOrderOfTheirDueTimesAndACancelledOneNever) {
  std::vector<int> order;
  std::promise<void> fired;
  WorkerLoop loop("test");
  loop.post([&] {
    loop.after({4}, [&] {
      order.push_back(4);
      fired.set_value();
    });
    const auto doomed = loop.after({2}, [&] { order.push_back(2); });
    loop.after({1}, [&] { order.push_back(1); });
    loop.cancel(doomed);
  });
  fired.get_future().wait();
  loop.stop();
  EXPECT_THAT(order, ElementsAre(1, 4));
}

TEST(WorkerLoop, StopRunsWhatWasPostedAndDropsWhatComesLater) {
  int ran = 0;
  WorkerLoop loop("test");
  for (int i = 0; i < 100; ++i) loop.post([&] { ++ran; });
  loop.stop();
  loop.post([&] { ++ran; });
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace holdfast
