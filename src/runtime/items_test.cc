// Items through a whole runtime, on one shard and on several, which here share a loop.
#include <gmock/gmock.h>

#include <algorithm>

#include "runtime/runtime_fixture.h"

namespace holdfast::runtime {
namespace {

using Kind = partition::ItemWrite::Kind;
using When = partition::ItemCondition::Kind;

class Items : public RuntimeFixture, public ::testing::WithParamInterface<std::size_t> {
 protected:
  Items() { shards_ = GetParam(); }
  void SetUp() override { open(); }

  static partition::ItemWrite put(std::string key, std::string value, partition::ItemCondition condition = {}) {
    return {.item = {"t", std::move(key)}, .condition = condition, .value = std::move(value)};
  }
  static partition::ItemWrite del(std::string key) { return {.item = {"t", std::move(key)}, .kind = Kind::Delete}; }
  // What became of it within two seconds.
  std::string transact(std::vector<partition::ItemWrite> writes, std::vector<model::Command> commands = {}) {
    std::string outcome = "no answer";
    runtime_->transact({std::move(writes), std::move(commands)}, [&](Result<ports::Items::Versions> done) {
      outcome = done ? "done" : done.error().message;
      if (done) versions_ = *done;
    });
    loop_.advance({2'000});
    return outcome;
  }
  std::string get(const std::string& key) {
    std::string value = "no answer";
    runtime_->get_items({{"t", key}}, [&](Result<ports::Items::Found> found) { value = found->front() ? found->front()->value : "-"; });
    loop_.advance({2'000});
    return value;
  }
  // Page by page.
  std::vector<std::string> scan(std::string prefix, std::uint32_t limit) {
    std::vector<std::string> keys;
    ports::ItemQuery query{.table = "t", .prefix = std::move(prefix), .limit = limit};
    do {
      bool answered = false;
      runtime_->scan_items(query, [&](Result<ports::ItemPage> page) {
        answered = true;
        EXPECT_LE(page->items.size(), limit);
        for (const auto& entry : page->items) keys.push_back(entry.key);
        query.after = page->next;
      });
      loop_.advance({2'000});
      EXPECT_TRUE(answered);
    } while (!query.after.empty());
    return keys;
  }
  ports::Items::Versions versions_;
};

TEST_P(Items, WhatWasWrittenIsThereAlsoAfterARestart) {
  EXPECT_EQ(transact({put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")}), "done");
  EXPECT_EQ(transact({del("c"), put("d", "5")}), "done");
  runtime_.reset();
  open();
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("c"), "-");
  EXPECT_EQ(get("d"), "5");
}

TEST_P(Items, ATransactionWhoseConditionIsNotMetChangesNothingAnywhere) {
  ASSERT_EQ(transact({put("a", "1"), put("b", "2"), put("c", "3")}), "done");
  const auto version = versions_[2];
  EXPECT_EQ(transact({put("a", "x"), put("b", "x"), put("c", "x", {When::Absent, {}})}),
            "item c of table t is there, with version " + std::to_string(version.epoch) + "-" + std::to_string(version.index));
  EXPECT_EQ(get("a") + get("b") + get("c"), "123");
  EXPECT_EQ(transact({put("a", "4"), put("c", "6", {When::Version, version})}), "done");
  EXPECT_GT(versions_[1], version);
  EXPECT_EQ(get("a") + get("b") + get("c"), "426");
}

TEST_P(Items, AReadOfWhatIsNotDurableWaitsForIt) {
  std::vector<std::string> order;
  runtime_->transact({{put("a", "1")}, {}}, [&](Result<ports::Items::Versions>) { order.emplace_back("written"); });
  runtime_->get_items({{"t", "a"}}, [&](Result<ports::Items::Found> found) { order.push_back("read " + found->front()->value); });
  runtime_->get_items({{"t", "b"}}, [&](Result<ports::Items::Found>) { order.emplace_back("read another"); });
  loop_.advance({2'000});
  const auto place = [&](const std::string& what) { return std::ranges::find(order, what) - order.begin(); };
  ASSERT_EQ(order.size(), 3u);
  EXPECT_LT(place("written"), place("read 1"));
  EXPECT_LT(place("read another"), place("read 1"));
}

TEST_P(Items, WhatATransactionSendsIsSentIfItHappens) {
  const auto message = [] { return model::Message{{"good/f", "x"}, std::nullopt, {"t", "hello", true}, ""}; };
  ASSERT_EQ(transact({put("a", "1", {When::Absent, {}}), put("b", "1")}, {message()}), "done");
  EXPECT_EQ(handled_["good/*"], 1u);
  EXPECT_NE(transact({put("a", "1", {When::Absent, {}}), put("b", "1")}, {message()}), "done");
  EXPECT_EQ(handled_["good/*"], 1u);
  EXPECT_EQ(transact({put("a", "1")}, {model::Message{{"nobody/f", "x"}, std::nullopt, {}, ""}}), "no endpoint serves the function type nobody/f");
}

TEST_P(Items, ScansComeInOrderOfKeysPageByPageAndDeletionTakesAPrefix) {
  std::vector<std::string> expected;
  for (int i = 10; i < 60; ++i) {
    ASSERT_EQ(transact({put("a/" + std::to_string(i), "v")}), "done");
    expected.push_back("a/" + std::to_string(i));
  }
  ASSERT_EQ(transact({put("b/1", "v"), {.item = {"other", "a/1"}}}), "done");
  EXPECT_EQ(scan("a/", 7), expected);
  std::uint64_t count = 0;
  runtime_->delete_items("t", "a/", [&](Result<std::uint64_t> done) { count = *done; });
  loop_.advance({2'000});
  EXPECT_EQ(count, 50u);
  EXPECT_THAT(scan("", 7), ::testing::ElementsAre("b/1"));
}

TEST_P(Items, OneThatExpiresIsGoneFromThenOn) {
  auto write = put("a", "1");
  write.ttl = {10'000};
  ASSERT_EQ(transact({write, put("b", "2")}), "done");
  EXPECT_EQ(get("a"), "1");
  loop_.advance({10'000});
  EXPECT_EQ(get("a"), "-");
  EXPECT_EQ(transact({put("a", "3", {When::Absent, {}})}), "done");
}

TEST_P(Items, WhatIsNoTransactionIsRefused) {
  EXPECT_EQ(transact({}), "a transaction without items");
  EXPECT_EQ(transact({put("a", "1"), del("a")}), "a transaction has item a of table t twice");
  EXPECT_EQ(transact({put("", "1")}), "an item of table t without a key");
  EXPECT_EQ(transact({put("a", std::string(17u << 20, 'x'))}), "a transaction of 17825792 bytes; at most 16777216 are taken");
}

INSTANTIATE_TEST_SUITE_P(OnShards, Items, ::testing::Values(1, 3));

}  // namespace
}  // namespace holdfast::runtime
