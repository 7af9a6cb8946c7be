#include "partition/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using ::testing::IsEmpty;

const model::Address kCart{"shop/cart", "alice"};
constexpr Instant kNow{1'000};

model::TypedValue text(std::string value) { return {std::string(model::kStringType), std::move(value)}; }

class FailureTest : public ::testing::Test {
 protected:
  FailureTest() {
    for (const char* payload : {"a", "b", "c"})
      table.mail[kCart].push_back({kCart, model::Address{"shop/x", "1"}, text(payload), std::string("trace-") + payload});
  }
  void settle(model::FailureAction then, std::uint32_t size) {
    model::FailurePolicy policy;
    policy.then = then;
    policy.dead_letter_stream = "shop/dead/letters";
    table.apply(settle_failure(table, egress, policy, {kCart, size, 7, "it broke"}, kNow));
  }
  std::string waiting() {
    std::string out;
    for (const auto& message : table.mail[kCart]) out += message.argument.value;
    return out;
  }
  testing::PartitionTable table;
  testing::FakeEgress egress{{}};
};

TEST_F(FailureTest, ParkingKeepsTheMessagesAndRemembersWhy) {
  settle(model::FailureAction::Park, 2);
  EXPECT_EQ(waiting(), "abc");
  EXPECT_EQ(table.addresses[kCart].parked, (model::Parked{"it broke", kNow, 2, 7}));
  EXPECT_THAT(table.delivered, IsEmpty());
}

TEST_F(FailureTest, DroppingTakesTheBatchAndNothingElse) {
  settle(model::FailureAction::Drop, 2);
  EXPECT_EQ(waiting(), "c");
  EXPECT_FALSE(table.addresses[kCart].parked);
  EXPECT_THAT(table.delivered, IsEmpty());
}

TEST_F(FailureTest, DeadLettersSayWhatFailedWhereWhyAndWhoSentItInOrder) {
  table.mail[kCart][1].caller.reset();
  settle(model::FailureAction::DeadLetter, 2);
  EXPECT_EQ(waiting(), "c");
  ASSERT_EQ(table.delivered.size(), 2u);
  ASSERT_EQ(egress.letters.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string payload = i == 0 ? "a" : "b";
    const DeadLetter& letter = egress.letters[i];
    EXPECT_EQ(letter.key, "alice");
    EXPECT_EQ(letter.value, text(payload));
    EXPECT_EQ(letter.source, "shop/cart/alice");
    EXPECT_EQ(letter.error, "it broke");
    EXPECT_EQ(letter.attempts, 7u);
    EXPECT_EQ(letter.caller, i == 0 ? std::optional(model::Address{"shop/x", "1"}) : std::nullopt);
    EXPECT_EQ(letter.traceparent, "trace-" + payload);
    EXPECT_EQ(letter.time, kNow);
    // It goes where and as the egress says.
    EXPECT_EQ(table.delivered[i], model::Command(model::AppendRecord{"shop/dead/letters", {"alice", text(payload), "by its egress"}}));
  }
}

TEST_F(FailureTest, RetryingSetsTheAddressFreeWithAllItsMessages) {
  settle(model::FailureAction::Park, 2);
  auto next = retry_parked(table, kCart);
  ASSERT_TRUE(next);
  table.apply(std::move(*next));
  EXPECT_EQ(waiting(), "abc");
  EXPECT_FALSE(table.addresses[kCart].parked);
}

TEST_F(FailureTest, SkippingTakesTheFailedBatchEvenIfMoreHasArrived) {
  settle(model::FailureAction::Park, 2);
  table.mail[kCart].push_back({kCart, std::nullopt, text("d"), ""});
  auto next = skip_parked(table, kCart);
  ASSERT_TRUE(next);
  table.apply(std::move(*next));
  EXPECT_EQ(waiting(), "cd");
  EXPECT_FALSE(table.addresses[kCart].parked);
}

// Of a, b and c, the second comes from an HTTP caller.
class FailureOfACall : public FailureTest {
 protected:
  FailureOfACall() { table.mail[kCart][1].caller = model::Address{std::string(model::kRequestType), "r1"}; }
  [[nodiscard]] std::vector<std::string> failures() {
    std::vector<std::string> out;
    for (const auto& command : table.delivered)
      if (const auto* failure = std::get_if<model::FailRequest>(&command)) out.push_back(failure->request + ": " + failure->reason);
    return out;
  }
};

TEST_F(FailureOfACall, WhoeverCalledIsToldWhatBecameOfTheMessage) {
  settle(model::FailureAction::Drop, 2);
  EXPECT_EQ(failures(), std::vector<std::string>{"r1: the message failed for good and was dropped: it broke"});
}

TEST_F(FailureOfACall, ADeadLetterIsGivenUpToo) {
  settle(model::FailureAction::DeadLetter, 2);
  EXPECT_EQ(failures(), std::vector<std::string>{"r1: the message failed for good and is a dead letter now: it broke"});
}

TEST_F(FailureOfACall, AParkedMessageIsNotGivenUpUntilItIsSkipped) {
  settle(model::FailureAction::Park, 2);
  EXPECT_THAT(failures(), IsEmpty());
  auto next = skip_parked(table, kCart);
  ASSERT_TRUE(next);
  table.apply(std::move(*next));
  EXPECT_EQ(failures(), std::vector<std::string>{"r1: the message failed and was skipped: it broke"});
}

TEST_F(FailureOfACall, OneBehindTheFailedBatchHearsNothing) {
  settle(model::FailureAction::Drop, 1);
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(FailureTest, WhatIsNotParkedCanBeNeitherRetriedNorSkipped) {
  for (const auto& result : {retry_parked(table, kCart), skip_parked(table, kCart)}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NotFound);
  }
  EXPECT_EQ(waiting(), "abc");
}

}  // namespace
}  // namespace holdfast::partition
