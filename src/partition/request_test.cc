#include "partition/request.h"

#include <gtest/gtest.h>

#include "testing/every.h"
#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

constexpr Instant kNow{1'000};
constexpr Duration kRetention{60'000};

model::TypedValue text(std::string value) { return {std::string(model::kStringType), std::move(value)}; }

OpenRequest request(RequestKind kind, std::string payload = "x", std::string id = "r1") {
  return {std::move(id), kind, {{"shop/cart", "alice"}, std::nullopt, text(std::move(payload)), "trace"}, kRetention};
}

class RequestTest : public ::testing::Test {
 protected:
  Result<void> open(OpenRequest r) {
    auto next = open_request(table, std::move(r), kNow, table.sequence);
    if (!next) return fail(next.error());
    table.apply(std::move(*next));
    return {};
  }
  void forget() {
    const auto [key, row] = *table.timers.begin();
    table.apply(fire_forget_request(key, std::get<model::ForgetRequest>(row).id));
  }
  testing::PartitionTable table;
};

TEST_F(RequestTest, SendIsDeliveredOnceAndAnsweredByBeingAcceptedEveryTime) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open(request(RequestKind::Send)));
  ASSERT_EQ(table.delivered.size(), 1u);
  EXPECT_EQ(table.delivered[0], model::Command(model::Message{{"shop/cart", "alice"}, std::nullopt, text("x"), "trace"}));
  ASSERT_EQ(table.answers.size(), 3u);
  for (const auto& answer : table.answers) {
    EXPECT_EQ(answer.request, "r1");
    EXPECT_FALSE(answer.value.has_value());
  }
}

TEST_F(RequestTest, CallIsDeliveredOnceWithItselfAsCallerAndWaitsForTheReply) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(open(request(RequestKind::Call)));
  ASSERT_EQ(table.delivered.size(), 1u);
  EXPECT_EQ(std::get<model::Message>(table.delivered[0]).caller, (model::Address{std::string(model::kRequestType), "r1"}));
  EXPECT_TRUE(table.answers.empty());

  table.apply(answer_request(table, "r1", text("first")));
  table.apply(answer_request(table, "r1", text("second")));
  ASSERT_TRUE(open(request(RequestKind::Call)));
  ASSERT_EQ(table.answers.size(), 2u);  // To who waited, and to who asked again; the second reply counts for nothing.
  for (const auto& answer : table.answers) EXPECT_EQ(answer.value, text("first"));
  EXPECT_EQ(table.delivered.size(), 1u);
}

TEST_F(RequestTest, AnotherRequestUnderTheSameKeyIsAConflictThatChangesNothing) {
  ASSERT_TRUE(open(request(RequestKind::Call)));
  auto other_target = request(RequestKind::Call);
  other_target.message.target.id = "bob";
  auto other_type = request(RequestKind::Call);
  other_type.message.argument.type_name = "t/other";
  for (auto& other : {request(RequestKind::Send), request(RequestKind::Call, "y"), other_target, other_type}) {
    const auto result = open(other);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Conflict);
  }
  EXPECT_EQ(table.delivered.size(), 1u);
  EXPECT_EQ(table.timers.size(), 1u);
  EXPECT_TRUE(table.answers.empty());
}

TEST_F(RequestTest, RetryWithAnotherTraceIsTheSameRequest) {
  ASSERT_TRUE(open(request(RequestKind::Call)));
  auto again = request(RequestKind::Call);
  again.message.traceparent = "another";
  EXPECT_TRUE(open(std::move(again)));
  EXPECT_EQ(table.delivered.size(), 1u);
}

TEST_F(RequestTest, ForgettingLeavesNothingAndTheKeyIsNew) {
  ASSERT_TRUE(open(request(RequestKind::Call)));
  EXPECT_EQ(table.timers.begin()->first.due, kNow + kRetention);
  forget();
  EXPECT_TRUE(table.requests.empty() && table.timers.empty());
  ASSERT_TRUE(open(request(RequestKind::Call, "y")));
  EXPECT_EQ(table.delivered.size(), 2u);
}

TEST_F(RequestTest, ReplyToARequestWithoutARowGoesToWhoeverStillWaits) {
  table.apply(answer_request(table, "r9", text("late")));
  ASSERT_EQ(table.answers.size(), 1u);
  EXPECT_EQ(table.answers[0].request, "r9");
  EXPECT_EQ(table.answers[0].value, text("late"));
  EXPECT_TRUE(table.requests.empty());
}

TEST_F(RequestTest, OneWhoseMessageIsGivenUpHasThatForAnAnswerForEver) {
  ASSERT_TRUE(open(request(RequestKind::Call)));
  table.apply(fail_request(table, {"r1", "it was dropped"}));
  table.apply(answer_request(table, "r1", text("late")));
  table.apply(fail_request(table, {"r1", "again"}));
  ASSERT_TRUE(open(request(RequestKind::Call)));
  ASSERT_EQ(table.answers.size(), 2u);  // To who waited, and to who asked again.
  for (const auto& answer : table.answers) {
    EXPECT_EQ(answer.failure, "it was dropped");
    EXPECT_FALSE(answer.value);
  }
  EXPECT_EQ(table.delivered.size(), 1u);
}

TEST_F(RequestTest, AReplyThatIsThereOutlivesTheMessage) {
  ASSERT_TRUE(open(request(RequestKind::Call)));
  table.apply(answer_request(table, "r1", text("first")));
  table.apply(fail_request(table, {"r1", "it was dropped"}));
  ASSERT_TRUE(open(request(RequestKind::Call)));
  ASSERT_EQ(table.answers.size(), 2u);
  for (const auto& answer : table.answers) EXPECT_EQ(answer.value, text("first"));
}

TEST_F(RequestTest, WithoutARowWhoeverStillWaitsIsTold) {
  table.apply(fail_request(table, {"r9", "it was dropped"}));
  ASSERT_EQ(table.answers.size(), 1u);
  EXPECT_EQ(table.answers[0].failure, "it was dropped");
  EXPECT_TRUE(table.requests.empty());
}

// Whatever the order of opening, replying and forgetting: the work is done once for each time the key is new, and everybody who asks
// after the reply gets the first one.
TEST_F(RequestTest, AgreesWithTheObviousModelInEveryShortHistory) {
  const std::size_t histories = testing::every_case([&](testing::Choices& choose) {
    table = {};
    bool known = false;
    std::optional<std::string> reply;
    std::size_t deliveries = 0;
    std::vector<std::string> answers;
    for (int step = 0; step < 6; ++step) {
      switch (choose.below(3)) {
        case 0:
          ASSERT_TRUE(open(request(RequestKind::Call)));
          if (!known) {
            known = true;
            ++deliveries;
          } else if (reply) {
            answers.push_back(*reply);
          }
          break;
        case 1: {
          const std::string value = std::to_string(step);
          table.apply(answer_request(table, "r1", text(value)));
          if (!known) {
            answers.push_back(value);
          } else if (!reply) {
            reply = value;
            answers.push_back(value);
          }
          break;
        }
        case 2:
          if (known) forget();
          known = false;
          reply.reset();
          break;
      }
      std::vector<std::string> given;
      for (const auto& answer : table.answers) given.push_back(answer.value->value);
      ASSERT_EQ(given, answers);
      ASSERT_EQ(table.delivered.size(), deliveries);
      ASSERT_EQ(table.requests.size(), known ? 1u : 0u);
      ASSERT_EQ(table.timers.size(), known ? 1u : 0u);
    }
  });
  EXPECT_EQ(histories, 729u);
}

}  // namespace
}  // namespace holdfast::partition
