// A call whose message is given up: nobody will ever answer it, and whoever asks is told so.
#include "core_fixture.h"

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GivenUp : public ::testing::TestWithParam<std::size_t> {
 protected:
  void start(model::FailureAction then) {
    core.policy().then = then;
    core.policy().dead_letter_stream = Core::kLetters;
    core.function = [this](const Asked& asked) { return broken ? failure("no such order") : reply(asked, "ok"); };
    core.start();
  }
  Core::Answer call(const std::string& id, const std::string& key) {
    auto answer = core.call(id, "x", key);
    core.advance({10});  // The second attempt.
    return answer;
  }
  void skip(const std::string& id) {
    core.runtime().skip_parked({"test/f", id}, [](Result<void> ok) { EXPECT_TRUE(ok); });
    core.run();
  }
  Core core{GetParam()};
  bool broken = true;
};
INSTANTIATE_TEST_SUITE_P(Shards, GivenUp, ::testing::Values(1, 3));

TEST_P(GivenUp, ADroppedCallIsAnsweredAtOnceWithWhatHappened) {
  start(model::FailureAction::Drop);
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    EXPECT_THAT(shown(call(id, "")), AllOf(StartsWith("failed"), HasSubstr("dropped"), HasSubstr("no such order")));
    EXPECT_THAT(shown(call(id, "k")), AllOf(StartsWith("failed"), HasSubstr("dropped"), HasSubstr("no such order")));
  }
}

TEST_P(GivenUp, TheSameKeyGetsTheSameAnswerAndIsNotCalledAgainEvenAfterACrash) {
  start(model::FailureAction::DeadLetter);
  const std::string first = shown(call("a", "k"));
  EXPECT_THAT(first, AllOf(StartsWith("failed"), HasSubstr("dead letter")));
  const auto calls = core.heard.size();
  broken = false;
  EXPECT_EQ(shown(call("a", "k")), first);
  core.crash();
  core.start();
  EXPECT_EQ(shown(call("a", "k")), first);
  EXPECT_EQ(core.heard.size(), calls);
  EXPECT_EQ(shown(call("a", "another")), "ok");
}

TEST_P(GivenUp, SkippingAnswersThoseWhoWaitAndThoseWhoAskAgain) {
  start(model::FailureAction::Park);
  const auto keyed = call("a", "k"), plain = call("b", "");
  EXPECT_EQ(shown(keyed), "nothing yet");
  skip("a");
  skip("b");
  EXPECT_THAT(shown(keyed), AllOf(StartsWith("failed"), HasSubstr("skipped"), HasSubstr("no such order")));
  EXPECT_THAT(shown(plain), AllOf(StartsWith("failed"), HasSubstr("skipped")));
  EXPECT_EQ(shown(call("a", "k")), shown(keyed));
}

TEST_P(GivenUp, NobodyIsToldBeforeItIsDurable) {
  start(model::FailureAction::Drop);
  core.disk_works = false;
  const auto answer = call("a", "k");
  EXPECT_EQ(core.heard.size(), 2u);
  EXPECT_EQ(shown(answer), "nothing yet");
  core.disk_works = true;
  core.run();
  EXPECT_THAT(shown(answer), StartsWith("failed"));
}

// The longest of everything: what is accepted can be answered.
TEST_P(GivenUp, ALongIdAndALongKeyAreAnsweredLikeAnyOther) {
  broken = false;
  start(model::FailureAction::Park);
  EXPECT_EQ(shown(core.call(std::string(model::kIdBytesMax, 'i'), "x", std::string(model::kIdempotencyKeyBytesMax, 'k'))), "ok");
}

}  // namespace
}  // namespace holdfast
