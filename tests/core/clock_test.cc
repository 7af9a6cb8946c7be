// The time of day is set while the runtime runs: after boot, after a suspension, by whoever thinks he knows better.
#include <limits>

#include "core_fixture.h"

namespace holdfast {
namespace {

constexpr Duration kDay{24LL * 3600 * 1000};
constexpr Duration kLate{1'000};  // What a step of the clock may add.

// "after MS" sends "fired" to itself that much later.
Outcome after(const Asked& asked) {
  model::InvocationResponse response;
  if (asked.text().starts_with("after "))
    response.delayed.push_back({model::DelayedInvocation::Kind::Send, {std::stoll(asked.text().substr(6))}, {asked.address, value("fired")}, ""});
  return response;
}

class ClockStep : public ::testing::Test {
 protected:
  void SetUp() override {
    core.function = after;
    core.start();
  }
  [[nodiscard]] std::ptrdiff_t fired() const { return std::ranges::count(core.heard, "fired"); }
  Core core;
};

TEST_F(ClockStep, ForwardMakesDueWhatWasFarAway) {
  core.send("a", "after " + std::to_string(kDay.ms));
  core.advance({5'000});
  EXPECT_EQ(fired(), 0);
  core.loop().step_clock(kDay);
  core.advance(kLate);
  EXPECT_EQ(fired(), 1);
}

TEST_F(ClockStep, ForwardLeavesNewTimersPunctual) {
  core.send("a", "after " + std::to_string(2 * kDay.ms));
  core.loop().step_clock(kDay);
  core.send("b", "after 3000");
  core.advance({2'900});
  EXPECT_EQ(fired(), 0);
  core.advance({200});
  EXPECT_EQ(fired(), 1);
}

TEST_F(ClockStep, AClockThatWasBehindAtStartIsPutRight) {
  core.send("a", "after 1500");
  core.advance({10});  // It is durable by then.
  core.crash();
  core.loop().step_clock({-kDay.ms});
  core.start();
  core.advance({10'000});
  EXPECT_EQ(fired(), 0);
  core.loop().step_clock(kDay);
  core.advance(kLate);
  EXPECT_EQ(fired(), 1);
}

TEST_F(ClockStep, BackwardDelaysWhatIsPendingByTheStepAndNothingNew) {
  core.send("a", "after 1000");
  core.loop().step_clock({-60'000});
  core.send("b", "after 2000");
  core.advance({2'500});
  EXPECT_EQ(fired(), 1);
  core.advance({58'000});
  EXPECT_EQ(fired(), 1);
  core.advance({1'500});
  EXPECT_EQ(fired(), 2);
}

TEST_F(ClockStep, ATimerThatIsNeverDueKeepsNobodyWaiting) {
  core.send("a", "after " + std::to_string(std::numeric_limits<std::int64_t>::max()));
  core.advance({5'000});
  core.send("b", "after 500");
  core.advance({1'000});
  EXPECT_EQ(fired(), 1);
}

}  // namespace
}  // namespace holdfast
