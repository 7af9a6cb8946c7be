// A call to a parked address would wait for somebody to look: it is told so instead.
#include "core_fixture.h"

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ParkedCall : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    core.function = [this](const Asked& asked) { return asked.text() == "bad" && broken ? failure("no such order") : reply(asked, asked.text()); };
    core.start();
  }
  void park(const std::string& id) {
    core.send(id, "bad");
    core.advance({10});
    ASSERT_THAT(shown(core.call(id, "x")), AllOf(StartsWith("parked"), HasSubstr(id), HasSubstr("no such order")));
  }
  void retry(const std::string& id) {
    broken = false;
    core.runtime().retry_parked({"test/f", id}, [](Result<void> ok) { EXPECT_TRUE(ok); });
    core.run();
  }
  Core core{GetParam()};
  bool broken = true;
};
INSTANTIATE_TEST_SUITE_P(Shards, ParkedCall, ::testing::Values(1, 3));

TEST_P(ParkedCall, IsRefusedAtOnceAndNothingIsAccepted) {
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    broken = true;
    park(id);
    for (const char* key : {"", "k"}) EXPECT_THAT(shown(core.call(id, "x", key)), StartsWith("parked"));
    core.heard.clear();
    retry(id);
    EXPECT_EQ(core.heard, std::vector<std::string>{"bad"});
    EXPECT_EQ(shown(core.call(id, "y", "")), "y");
    EXPECT_EQ(shown(core.call(id, "z", "k")), "z");  // The key was never used.
  }
}

TEST_P(ParkedCall, WithAKeyThatHasItsAnswerGetsIt) {
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    broken = true;
    EXPECT_EQ(shown(core.call(id, "x", "k")), "x");
    park(id);
    EXPECT_EQ(shown(core.call(id, "x", "k")), "x");
  }
}

TEST_P(ParkedCall, OneThatWasAcceptedBeforeIsAnsweredAfterARetry) {
  const auto first = core.call("a", "bad", "k");
  core.advance({10});
  EXPECT_EQ(shown(first), "nothing yet");
  EXPECT_THAT(shown(core.call("a", "bad", "k")), StartsWith("parked"));
  retry("a");
  EXPECT_EQ(shown(first), "bad");
  EXPECT_EQ(shown(core.call("a", "bad", "k")), "bad");
}

TEST_P(ParkedCall, SendsAreAccepted) {
  park("a");
  core.send("a", "later");
  retry("a");
  EXPECT_EQ(core.heard.back(), "later");
}

TEST_P(ParkedCall, IsRefusedAfterARestart) {
  for (const char* id : {"a", "b", "c", "d", "e"}) park(id);
  core.crash();
  core.start();
  for (const char* id : {"a", "b", "c", "d", "e"})
    for (const char* key : {"", "k"}) EXPECT_THAT(shown(core.call(id, "x", key)), StartsWith("parked")) << id << key;
}

}  // namespace
}  // namespace holdfast
