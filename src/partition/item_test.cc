// Items against an obvious model: a map that forgets what is past its time.
#include "partition/item.h"

#include <gtest/gtest.h>

#include "testing/every.h"
#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using Kind = ItemWrite::Kind;
using When = ItemCondition::Kind;

const model::ItemKey kItem{"shop", "cart"};

class Watchers final : public ItemWatchers {
 public:
  void changed(const model::ItemKey& item, const model::ItemRow* before, const model::ItemRow* after,
               std::vector<model::Command>& commands) const override {
    const auto text = [](const model::ItemRow* row) { return row == nullptr ? std::string("-") : row->value; };
    commands.emplace_back(model::Message{{"shop/watch", item.key}, std::nullopt, {"t", text(before) + ">" + text(after), true}, ""});
  }
};

class ItemTest : public ::testing::Test {
 protected:
  Result<void> write(ItemWrite write) {
    if (auto ok = check_items(table, {&write, 1}, now); !ok) return ok;
    if (auto decided = decide(std::move(write), now, table.sequence)) table.apply(write_item(table, &watchers, std::move(*decided)));
    return {};
  }
  Result<void> put(std::string value, ItemCondition condition = {}, Duration ttl = {}) {
    return write({kItem, Kind::Put, condition, std::move(value), "text/plain", ttl});
  }
  void fire_what_is_due() {
    while (!table.timers.empty() && table.timers.begin()->first.due <= now) {
      const auto [key, row] = *table.timers.begin();
      table.apply(fire_expire_item(table, &watchers, key, std::get<model::ExpireItem>(row).item));
    }
  }
  [[nodiscard]] std::string shown() const {
    const auto row = live_item(table, kItem, now);
    return row ? row->value : "-";
  }
  // Each item that expires has its timer, and no other timer is there.
  void expect_timers() const {
    std::size_t expiring = 0;
    for (const auto& [item, row] : table.items) {
      if (row.expires_at.unix_ms == 0) continue;
      ++expiring;
      EXPECT_TRUE(table.timers.contains({row.expires_at, row.version}));
    }
    EXPECT_EQ(table.timers.size(), expiring);
  }
  testing::PartitionTable table;
  Watchers watchers;
  Instant now{1'000};
};

TEST_F(ItemTest, AWriteIsThereWithItsContentTypeAndAVersionThatGrows) {
  ASSERT_TRUE(put("a"));
  const auto first = *live_item(table, kItem, now);
  EXPECT_EQ(first.content_type, "text/plain");
  ASSERT_TRUE(put("b"));
  EXPECT_GT(live_item(table, kItem, now)->version, first.version);
  ASSERT_TRUE(write({kItem, Kind::Delete}));
  EXPECT_EQ(shown(), "-");
  ASSERT_TRUE(write({kItem, Kind::Delete}));
}

TEST_F(ItemTest, AConditionThatIsNotMetIsAConflictThatChangesNothing) {
  EXPECT_EQ(put("a", {When::Version, {1, 0}}).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(put("a", {When::Absent}));
  EXPECT_EQ(put("b", {When::Absent}).error().message, "item cart of table shop is there, with version 1-0");
  EXPECT_EQ(put("b", {When::Version, {1, 7}}).error().message, "item cart of table shop has version 1-0, expected version 1-7");
  EXPECT_EQ(shown(), "a");
  ASSERT_TRUE(put("b", {When::Version, {1, 0}}));
  ASSERT_FALSE(write({kItem, Kind::Delete, {When::Version, {1, 0}}}));
  ASSERT_TRUE(write({kItem, Kind::Check, {When::Version, {1, 1}}}));
  EXPECT_EQ(shown(), "b");
}

TEST_F(ItemTest, OnePastItsTimeIsGoneWhetherItsTimerHasFiredOrNot) {
  ASSERT_TRUE(put("a", {}, {50}));
  now = {1'050};
  EXPECT_EQ(shown(), "-");
  ASSERT_TRUE(put("b", {When::Absent}));  // Which takes the timer of the first with it.
  fire_what_is_due();
  EXPECT_EQ(shown(), "b");
  EXPECT_TRUE(table.timers.empty());
}

TEST_F(ItemTest, WatchersAreToldOfEachChangeInTheSameTransition) {
  ASSERT_TRUE(put("a", {}, {50}));
  ASSERT_TRUE(put("b", {}, {60}));
  now = {2'000};
  fire_what_is_due();
  ASSERT_TRUE(write({kItem, Kind::Delete}));  // Changes nothing.
  EXPECT_EQ(table.delivered_payloads(), (std::vector<std::string>{"->a", "a>b", "b>-"}));
}

TEST_F(ItemTest, WhatWasDecidedIsTheSameHoweverOftenItIsCarriedOut) {
  auto decided = *decide({kItem, Kind::Put, {}, "a", "", {50}}, now, table.sequence);
  for (int i = 0; i < 2; ++i) table.apply(write_item(table, nullptr, model::WriteItem(decided)));
  EXPECT_EQ(table.items.at(kItem), *decided.row);
  expect_timers();
}

TEST(SequenceCounter, CountersOfSeveralNeverGiveTheSameAndPassWhatTheyHaveSeen) {
  SequenceCounter one{{7, 0}, 3}, other{{7, 1}, 3};
  (void)one.take();
  other.pass(one.take());  // 3
  EXPECT_EQ(other.take(), (model::Sequence{7, 4}));
  other.pass({6, 100});
  EXPECT_EQ(other.take(), (model::Sequence{7, 7}));
  one.pass({7, 7});
  EXPECT_EQ(one.take(), (model::Sequence{7, 9}));
}

// Every short history of writes, conditional and not, that expire or not, and of time that passes.
TEST_F(ItemTest, EveryShortHistoryIsThatOfAMapThatForgets) {
  struct Model {
    std::optional<std::pair<std::string, Instant>> value;
    [[nodiscard]] bool is_there(Instant now) const { return value && (value->second.unix_ms == 0 || value->second > now); }
  };
  constexpr int kSteps = 5, kKinds = 7;
  int histories = 1;
  for (int i = 0; i < kSteps; ++i) histories *= kKinds;
  for (int history = 0; history < histories; ++history) {
    table = {};
    now = {1'000};
    Model model;
    for (int step = 0, rest = history; step < kSteps; ++step, rest /= kKinds) {
      const std::string value = std::to_string(step);
      const auto before = live_item(table, kItem, now);
      switch (rest % kKinds) {
        case 0: ASSERT_TRUE(put(value)); model.value = {value, {}}; break;
        case 1: ASSERT_TRUE(put(value, {}, {50})); model.value = {value, now + Duration{50}}; break;
        case 2: ASSERT_TRUE(write({kItem, Kind::Delete})); model.value.reset(); break;
        case 3: ASSERT_EQ(put(value, {When::Absent}).has_value(), !model.is_there(now));
          if (!model.is_there(now)) model.value = {value, {}};
          break;
        case 4: ASSERT_EQ(put(value, {When::Version, before ? before->version : model::Sequence{}}, {20}).has_value(), model.is_there(now));
          if (model.is_there(now)) model.value = {value, now + Duration{20}};
          break;
        case 5: now = now + Duration{30}; break;
        default: now = now + Duration{30}; fire_what_is_due(); break;
      }
      ASSERT_EQ(shown(), model.is_there(now) ? model.value->first : "-") << history << " step " << step;
      expect_timers();
    }
  }
}

}  // namespace
}  // namespace holdfast::partition
