// Answers that come faster than the log takes them: what is held is bounded, and so is an epoch.
#include "core_fixture.h"

namespace holdfast {
namespace {

constexpr std::size_t kAnswer = 100'000;
constexpr std::size_t kEpoch = 250'000;

class LargeAnswers : public ::testing::TestWithParam<std::size_t> {
 protected:
  void start(Function function) {
    core.options.open_epoch_bytes_max = kEpoch;
    core.options.call_bytes_max = 4 * kAnswer;
    core.options.endpoints[0].max_concurrent = 1000;
    core.function = std::move(function);
    core.start();
    core.send("first", "hello");
    core.disk_works = false;
    core.send("first", "fills the epoch that is being written");
  }
  static constexpr int kMany = 50;
  Core core{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shards, LargeAnswers, ::testing::Values(1, 3));

// To another address, which may be on another shard: it is this shard that has to stop.
Outcome pass_on(const Asked& asked) {
  model::InvocationResponse response;
  if (asked.text() == "go") response.sends.push_back({{"test/f", "to" + asked.address.id}, value(std::string(kAnswer, 'x'))});
  return response;
}

TEST_P(LargeAnswers, AnEpochIsNeverLargerThanItsBoundAndOneAnswerOfEachShard) {
  start(pass_on);
  core.send_all(kMany, "go");  // All are called before the first has answered.
  core.run();
  core.disk_works = true;
  core.advance({50});
  EXPECT_EQ(std::ranges::count(core.heard, std::string(kAnswer, 'x')), kMany);  // All was handled,
  EXPECT_GT(core.log.largest(), kEpoch / 2);
  EXPECT_LE(core.log.largest(), (kEpoch + 2 * kAnswer) * GetParam());         // a few at a time.
}

TEST_P(LargeAnswers, FunctionsAreNotCalledWhileWhatTheyAnsweredHasNowhereToGo) {
  start(pass_on);
  core.heard.clear();
  for (int i = 0; i < kMany; ++i) core.send("id" + std::to_string(i), "go");
  core.advance({50});
  const auto called = std::ranges::count(core.heard, "go");
  EXPECT_GT(called, 2);
  EXPECT_LT(called, 30);
  core.disk_works = true;
  core.advance({50});
  EXPECT_EQ(std::ranges::count(core.heard, "go"), kMany);
}

// One epoch may hold more than a shard may keep from the view: nobody else need come for it to get there.
TEST(BehindTheView, AShardGoesOnByItselfAfterOneLargeMessage) {
  Core core{1};
  core.options.dirty_bytes_max = 20'000;
  core.start();
  core.send("a", std::string(170'000, 'x'));
  core.send("b", "x");
  core.advance({10});
  EXPECT_EQ(core.heard.size(), 2u);
}

TEST(BehindTheView, AndAfterOneLargeAnswer) {
  Core core{1};
  core.options.dirty_bytes_max = 20'000;
  core.function = [](const Asked& asked) -> Outcome {
    if (asked.text() == "large" && asked.states == 0) return model::IncompleteContext{{{"s", "t", model::ExpireMode::None, {}}}};
    auto outcome = reply(asked, "ok");
    if (asked.text() == "large")
      std::get<model::InvocationResponse>(outcome).mutations.push_back({model::StateMutation::Kind::Modify, "s", "t", std::string(200'000, 'x')});
    return outcome;
  };
  core.start();
  EXPECT_EQ(shown(core.call("a", "large")), "ok");
  EXPECT_EQ(shown(core.call("b", "x")), "ok");
}

}  // namespace
}  // namespace holdfast
