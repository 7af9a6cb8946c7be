#include "runtime/report_window.h"

#include <gtest/gtest.h>

namespace holdfast::runtime {
namespace {

TEST(ReportWindow, SaysAFewThingsInEachStretchAndCountsTheRest) {
  ReportWindow window;
  const auto at = [](std::int64_t ms) { return Moment{ms}; };
  std::uint64_t said = 0;
  for (int i = 0; i < 35; ++i) said += window.may_report(at(0));
  EXPECT_EQ(said, 10u);
  EXPECT_FALSE(window.may_report(at(9'999)));
  EXPECT_TRUE(window.may_report(at(10'000)));
  EXPECT_EQ(window.take_left_out(), 26u);
  EXPECT_EQ(window.take_left_out(), 0u);
  EXPECT_TRUE(window.may_report(at(1'000'000)));
}

}  // namespace
}  // namespace holdfast::runtime
