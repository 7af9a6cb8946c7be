// Delayed sends, through the answers that make them: time is an argument, no clock and no disk.
#include "partition/delayed_send.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "partition/response.h"
#include "testing/every.h"
#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using ::testing::ElementsAre;

const model::Address kOwner{"shop/cart", "alice"};

class DelayedSendTest : public ::testing::Test {
 protected:
  // A new world, so that one fixture serves every history.
  struct World {
    testing::PartitionTable table;
    Result<void> answer(std::vector<model::DelayedInvocation> delayed, Instant now, const model::Address& owner = kOwner) {
      static const testing::FakeEgress egress{{}};
      static const testing::FakeDirectory functions{{"shop/mailer"}};
      model::InvocationResponse response;
      response.delayed = std::move(delayed);
      auto next = apply_response(table, egress, functions, {owner, 0, "trace"}, std::move(response), now, table.sequence);
      if (!next) return fail(next.error());
      table.apply(std::move(*next));
      return {};
    }
    void fire_due(Instant now) {
      while (!table.timers.empty() && table.timers.begin()->first.due <= now) {
        auto [key, row] = *table.timers.begin();
        table.apply(fire_delayed_send(key, std::move(std::get<model::DelayedSend>(row))));
      }
    }
  };
  static model::DelayedInvocation send(std::string payload, std::int64_t ms, std::string token = "") {
    return {model::DelayedInvocation::Kind::Send,
            {ms},
            {{"shop/mailer", "m"}, {std::string(model::kStringType), std::move(payload)}},
            std::move(token)};
  }
  static model::DelayedInvocation cancel(std::string token) {
    return {model::DelayedInvocation::Kind::Cancel, {}, {}, std::move(token)};
  }
};

TEST_F(DelayedSendTest, ArrivesOnceWhenDueFromItsSenderWithItsTrace) {
  World world;
  ASSERT_TRUE(world.answer({send("hello", 500)}, {1'000}));
  world.fire_due({1'499});
  EXPECT_TRUE(world.table.delivered.empty());
  world.fire_due({1'500});
  world.fire_due({9'999});
  ASSERT_EQ(world.table.delivered.size(), 1u);
  EXPECT_EQ(world.table.delivered[0],
            model::Command(model::Message{{"shop/mailer", "m"}, kOwner, {std::string(model::kStringType), "hello"}, "trace"}));
  EXPECT_TRUE(world.table.timers.empty());
}

TEST_F(DelayedSendTest, SendsOfOneInstantArriveInTheOrderTheyWereMade) {
  World world;
  ASSERT_TRUE(world.answer({send("a", 10), send("b", 0), send("c", 10)}, {0}));
  ASSERT_TRUE(world.answer({send("d", 5)}, {5}));
  world.fire_due({10});
  EXPECT_THAT(world.table.delivered_payloads(), ElementsAre("b", "a", "c", "d"));
}

TEST_F(DelayedSendTest, ReusedTokenIsRefusedAndLeavesTheFirstSendAlone) {
  World world;
  ASSERT_TRUE(world.answer({send("first", 10, "t")}, {0}));
  EXPECT_FALSE(world.answer({send("second", 10, "t")}, {0}));
  world.fire_due({10});
  EXPECT_THAT(world.table.delivered_payloads(), ElementsAre("first"));
}

TEST_F(DelayedSendTest, TokensOfTwoAddressesNeverMeet) {
  World world;
  const model::Address other{"shop/cart", "bob"};
  ASSERT_TRUE(world.answer({send("alice", 10, "t")}, {0}));
  ASSERT_TRUE(world.answer({send("bob", 10, "t")}, {0}, other));
  ASSERT_TRUE(world.answer({cancel("t")}, {0}, other));
  world.fire_due({10});
  EXPECT_THAT(world.table.delivered_payloads(), ElementsAre("alice"));
}

// Goal: an answer is taken whole or not at all; a send that is cancelled is never delivered, any other exactly once, in the order of
// (due, birth); no row outlives its send.
// Method: every order of three steps – time passes, or an answer of one or two sends and cancellations over two tokens – and every single
// answer of five, against a model that only remembers what is pending.
class TokenModel {
 public:
  struct Pending {
    std::string token, payload;
  };
  std::vector<Pending> pending;  // All of one delay, so birth is the order.
  std::vector<std::string> delivered;

  bool answer(const std::vector<std::pair<bool, std::string>>& items, const std::vector<std::string>& payloads) {
    auto next = pending;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto& [is_send, token] = items[i];
      const auto it = std::ranges::find(next, token, &Pending::token);
      if (is_send) {
        if (it != next.end()) return false;
        next.push_back({token, payloads[i]});
      } else if (it != next.end()) {
        next.erase(it);
      }
    }
    pending = std::move(next);
    return true;
  }
  void time_passes() {
    for (auto& p : pending) delivered.push_back(p.payload);
    pending.clear();
  }
};

TEST_F(DelayedSendTest, AgreesWithTheObviousModelInEveryShortHistory) {
  const auto answer_of = [](testing::Choices& choose, std::size_t count, const std::string& step, World& world, TokenModel& model,
                            Instant now) {
    std::vector<std::pair<bool, std::string>> items;
    std::vector<std::string> payloads;
    std::vector<model::DelayedInvocation> delayed;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t pick = choose.below(4);
      items.emplace_back(pick < 2, pick % 2 == 0 ? "a" : "b");
      payloads.push_back(step + "." + std::to_string(i));
      delayed.push_back(pick < 2 ? send(payloads.back(), 7, items.back().second) : cancel(items.back().second));
    }
    ASSERT_EQ(world.answer(std::move(delayed), now).has_value(), model.answer(items, payloads));
  };
  const auto check = [](const World& world, const TokenModel& model) {
    ASSERT_EQ(world.table.delivered_payloads(), model.delivered);
    ASSERT_EQ(world.table.timers.size(), model.pending.size());
    ASSERT_EQ(world.table.tokens.size(), model.pending.size());
  };

  const std::size_t histories = testing::every_case([&](testing::Choices& choose) {
    World world;
    TokenModel model;
    Instant now{1'000};
    for (std::size_t step = 0; step < 3; ++step) {
      const std::size_t count = choose.below(3);
      if (count == 0) {
        now = now + Duration{7};
        world.fire_due(now);
        model.time_passes();
      } else {
        answer_of(choose, count, std::to_string(step), world, model, now);
      }
      check(world, model);
    }
    world.fire_due(now + Duration{7});
    model.time_passes();
    check(world, model);
  });
  EXPECT_EQ(histories, 9'261u);  // (1 + 4 + 4 * 4)^3

  const std::size_t answers = testing::every_case([&](testing::Choices& choose) {
    World world;
    TokenModel model;
    answer_of(choose, 5, "x", world, model, {0});
    world.fire_due({7});
    model.time_passes();
    check(world, model);
  });
  EXPECT_EQ(answers, 1'024u);
}

TEST_F(DelayedSendTest, ATokenHasABoundLikeAnId) {
  World world;
  const std::string longest(kCancellationTokenBytesMax, 't');
  EXPECT_TRUE(world.answer({send("a", 10, longest)}, {0}));
  const auto refused = world.answer({send("b", 10, longest + "t")}, {0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "a cancellation token of 4097 bytes; at most 4096 are allowed");
  EXPECT_TRUE(world.answer({cancel(longest + "t"), cancel(longest)}, {1}));
  EXPECT_TRUE(world.table.timers.empty());
}

}  // namespace
}  // namespace holdfast::partition
