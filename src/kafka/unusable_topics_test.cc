#include "kafka/unusable_topics.h"

#include <gtest/gtest.h>

namespace holdfast::kafka {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

TEST(UnusableTopics, AMissingOneIsWaitedForOnceAndThenRefusedUntilItIsThere) {
  UnusableTopics topics;
  std::uint64_t now = 100 * kSecond;
  EXPECT_TRUE(topics.is_due("t", now));
  topics.note_missing("t", "not there", now);
  EXPECT_FALSE(topics.is_due("t", now));
  EXPECT_TRUE(topics.is_waited_for("t", now));
  EXPECT_EQ(topics.why("t"), "not there");
  now += 6 * kSecond;
  EXPECT_TRUE(topics.is_due("t", now));
  topics.note_missing("t", "not there", now);  // Asked again: that does not begin the wait anew.
  EXPECT_TRUE(topics.is_waited_for("t", now));
  now += 4 * kSecond;
  EXPECT_FALSE(topics.is_waited_for("t", now));
  topics.note_missing("t", "not there", now);
  EXPECT_FALSE(topics.is_waited_for("t", now));
  topics.note_usable("t");
  EXPECT_TRUE(topics.is_due("t", now));
  EXPECT_EQ(topics.why("t"), "");
  topics.note_missing("t", "gone", now);
  EXPECT_TRUE(topics.is_waited_for("t", now));
}

TEST(UnusableTopics, AForbiddenOneIsRefusedAtOnceAndTriedAgain) {
  UnusableTopics topics;
  topics.note_missing("t", "not there", 0);
  topics.note_forbidden("t", "forbidden", 0);
  EXPECT_FALSE(topics.is_waited_for("t", 0));
  EXPECT_FALSE(topics.is_due("t", UnusableTopics::kTryAgainUs - 1));
  EXPECT_TRUE(topics.is_due("t", UnusableTopics::kTryAgainUs));
}

TEST(UnusableTopics, HoweverManyAreMissingMostOfTheTimeIsNotSpentWaiting) {
  UnusableTopics topics;
  std::uint64_t now = 0;
  std::uint64_t waited = 0;
  for (int i = 0; now < 3600 * kSecond; ++i) {
    const std::string topic = "t" + std::to_string(i);
    topics.note_missing(topic, "not there", now);
    while (topics.is_waited_for(topic, now)) {
      now += kSecond;
      waited += kSecond;
      topics.spend(kSecond);
    }
    now += kSecond;
  }
  EXPECT_LT(waited, 3600 * kSecond / 5);
  EXPECT_GT(waited, 3600 * kSecond / 10);
}

TEST(UnusableTopics, TheMoreThereAreTheLessOftenEachIsAskedFor) {
  UnusableTopics topics;
  for (int i = 0; i < 50; ++i) topics.note_missing("t" + std::to_string(i), "", 0);
  EXPECT_FALSE(topics.is_due("t7", 49 * UnusableTopics::kAskAgainUs));
  EXPECT_TRUE(topics.is_due("t7", 50 * UnusableTopics::kAskAgainUs));
}

TEST(UnusableTopics, ItRemembersABoundedNumberOfThem) {
  UnusableTopics topics;
  for (std::size_t i = 0; i <= UnusableTopics::kTopicsMax; ++i) topics.note_missing("t" + std::to_string(i), "x", i);
  EXPECT_EQ(topics.why("t0"), "");
  EXPECT_EQ(topics.why("t1"), "x");
  EXPECT_EQ(topics.why("t" + std::to_string(UnusableTopics::kTopicsMax)), "x");
}

}  // namespace
}  // namespace holdfast::kafka
