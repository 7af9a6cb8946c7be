// The contract of ports::StateStore, for each store there is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include "base/random.h"
#include "storage/memory_store.h"
#include "storage/rocksdb_store.h"
#include "temp_directory.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ports::StoreWrite;
using Rows = std::map<std::string, std::string>;

class Place {
 public:
  virtual ~Place() = default;
  // The store as a program finds it that has just started; the one given before is gone, without a goodbye.
  virtual ports::StateStore& reopen() = 0;
};

class MemoryPlace final : public Place {
  ports::StateStore& reopen() override {
    store_.crash();
    return store_;
  }
  storage::MemoryStore store_;
};

class RocksDbPlace final : public Place {
  ports::StateStore& reopen() override {
    store_.reset();
    store_ = storage::RocksDbStore::open(directory_.path() + "/view", {}).value();
    return *store_;
  }
  testing::TempDirectory directory_;
  std::unique_ptr<ports::StateStore> store_;
};

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Place>()> make;
};

class StateStore : public ::testing::TestWithParam<Implementation> {
 protected:
  std::unique_ptr<Place> place_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Every, StateStore,
                         ::testing::Values(Implementation{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Implementation{"RocksDb", [] { return std::make_unique<RocksDbPlace>(); }}),
                         [](const auto& info) { return info.param.name; });

Result<void> apply(ports::StateStore& store, std::vector<StoreWrite> writes, std::uint64_t epoch) {
  return store.apply(writes, {epoch});
}

Rows scan(const ports::StateStore& store, std::string_view from = "", std::string_view to = "") {
  Rows out;
  std::string last;
  auto cursor = store.scan(from, to);
  for (; cursor->valid(); cursor->next()) {
    EXPECT_TRUE(out.empty() || cursor->key() > last) << "keys are not in order";
    last = cursor->key();
    out.emplace(cursor->key(), cursor->value());
  }
  EXPECT_TRUE(cursor->status());
  return out;
}

TEST_P(StateStore, IsEmptyAtFirst) {
  auto& store = place_->reopen();
  EXPECT_EQ(store.reached().value, 0u);
  EXPECT_THAT(scan(store), IsEmpty());
  EXPECT_EQ(store.get("a").value(), std::nullopt);
  EXPECT_EQ(store.get("").value(), std::nullopt);
  EXPECT_EQ(store.checkpoint().value().value, 0u);
}

TEST_P(StateStore, GivesBackWhatWasApplied) {
  auto& store = place_->reopen();
  ASSERT_TRUE(apply(store, {{"a", "1"}, {"b", ""}, {std::string_view("c\0c", 3), std::string_view("\0", 1)}}, 3));
  EXPECT_EQ(store.get("a").value(), "1");
  EXPECT_EQ(store.get("b").value(), "");
  EXPECT_EQ(store.get("c").value(), std::nullopt);
  EXPECT_EQ(store.get(std::string_view("c\0c", 3)).value(), std::string("\0", 1));
  EXPECT_EQ(store.reached().value, 3u);
}

TEST_P(StateStore, LaterWritesWinOverEarlierOnes) {
  auto& store = place_->reopen();
  ASSERT_TRUE(apply(store, {{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", std::nullopt}, {"c", std::nullopt}, {"c", "3"}}, 1));
  EXPECT_THAT(scan(store), ElementsAre(Pair("a", "2"), Pair("c", "3")));
  ASSERT_TRUE(apply(store, {{"a", std::nullopt}, {"nobody", std::nullopt}}, 2));
  EXPECT_THAT(scan(store), ElementsAre(Pair("c", "3")));
}

TEST_P(StateStore, ScanGivesTheRangeInByteOrder) {
  auto& store = place_->reopen();
  ASSERT_TRUE(apply(store, {{"b", "2"}, {"a", "1"}, {"\xff\xff", "5"}, {std::string_view("\0", 1), "0"}, {"c", "3"}, {"\x80", "4"}}, 1));
  EXPECT_THAT(scan(store), ElementsAre(Pair(std::string("\0", 1), "0"), Pair("a", "1"), Pair("b", "2"), Pair("c", "3"),
                                       Pair("\x80", "4"), Pair("\xff\xff", "5")));
  EXPECT_THAT(scan(store, "a", "c"), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(scan(store, "aa", "b"), IsEmpty());
  EXPECT_THAT(scan(store, "c"), ElementsAre(Pair("c", "3"), Pair("\x80", "4"), Pair("\xff\xff", "5")));
  EXPECT_THAT(scan(store, "c", "a"), IsEmpty());
  EXPECT_THAT(scan(store, "a", "a"), IsEmpty());
}

TEST_P(StateStore, ThePositionIsNoRow) {
  auto& store = place_->reopen();
  ASSERT_TRUE(apply(store, {}, 9));
  ASSERT_TRUE(store.checkpoint());
  EXPECT_THAT(scan(store), IsEmpty());
  EXPECT_EQ(store.get("").value(), std::nullopt);
  EXPECT_EQ(place_->reopen().reached().value, 9u);
}

TEST_P(StateStore, ACursorSeesWhatWasThereWhenItWasMade) {
  auto& store = place_->reopen();
  ASSERT_TRUE(apply(store, {{"a", "1"}, {"b", "1"}, {"c", "1"}}, 1));
  auto cursor = store.scan("", "");
  ASSERT_TRUE(apply(store, {{"a", "2"}, {"b", std::nullopt}, {"bb", "2"}}, 2));
  ASSERT_TRUE(store.checkpoint());
  Rows seen;
  for (; cursor->valid(); cursor->next()) seen.emplace(cursor->key(), cursor->value());
  EXPECT_THAT(seen, ElementsAre(Pair("a", "1"), Pair("b", "1"), Pair("c", "1")));
}

TEST_P(StateStore, ForgetsWhatCameAfterTheCheckpointAndSaysSo) {
  {
    auto& store = place_->reopen();
    ASSERT_TRUE(apply(store, {{"a", "1"}, {"b", "1"}}, 1));
    ASSERT_TRUE(apply(store, {{"a", "2"}}, 2));
    EXPECT_EQ(store.checkpoint().value().value, 2u);
    ASSERT_TRUE(apply(store, {{"a", "3"}, {"b", std::nullopt}, {"c", "3"}}, 3));
    EXPECT_EQ(store.reached().value, 3u);
  }
  auto& store = place_->reopen();
  EXPECT_EQ(store.reached().value, 2u);
  EXPECT_THAT(scan(store), ElementsAre(Pair("a", "2"), Pair("b", "1")));
}

TEST_P(StateStore, AgreesWithAMapThroughRandomHistories) {
  SeededRandom random(7);
  Rows now, kept;
  std::uint64_t epoch = 0, kept_epoch = 0;
  const auto some_key = [&] { return std::string("ke") + static_cast<char>('a' + random.below(4)) + std::to_string(random.below(12)); };
  auto* store = &place_->reopen();
  for (int step = 0; step < 400; ++step) {
    const auto what = random.below(20);
    if (what == 0) {
      kept = now;
      kept_epoch = epoch;
      ASSERT_EQ(store->checkpoint().value().value, epoch);
    } else if (what == 1) {
      store = &place_->reopen();
      now = kept;
      epoch = kept_epoch;
    } else {
      std::vector<std::string> text;
      text.reserve(20);
      std::vector<StoreWrite> writes;
      for (std::uint64_t i = random.below(10); i > 0; --i) {
        const auto& key = text.emplace_back(some_key());
        if (random.below(3) == 0) {
          writes.push_back({key, std::nullopt});
          now.erase(key);
        } else {
          const auto& value = text.emplace_back(std::to_string(random.next()));
          writes.push_back({key, value});
          now[key] = value;
        }
      }
      ASSERT_TRUE(store->apply(writes, {++epoch}));
    }
    ASSERT_EQ(store->reached().value, epoch) << "step " << step;
    ASSERT_EQ(scan(*store), now) << "step " << step;
    const auto key = some_key();
    ASSERT_EQ(store->get(key).value(), now.contains(key) ? std::optional(now[key]) : std::nullopt);
    // Ranges of one kind of rows in one partition, and others.
    std::string from = some_key(), to = random.below(2) == 0 ? some_key() : from.substr(0, 2) + static_cast<char>(from[2] + 1);
    if (random.below(2) == 0) from.resize(random.below(from.size() + 1));
    if (to < from) std::swap(from, to);
    ASSERT_EQ(scan(*store, from, to), Rows(now.lower_bound(from), now.lower_bound(to))) << "step " << step << " from " << from << " to " << to;
  }
}

TEST(MemoryStore, MayKeepTheFirstBatchesSinceTheCheckpoint) {
  for (std::size_t kept = 0; kept <= 4; ++kept) {
    storage::MemoryStore store(2);
    ASSERT_TRUE(apply(store, {{"a", "0"}, {"z", "0"}}, 1));
    ASSERT_TRUE(store.checkpoint());
    ASSERT_TRUE(apply(store, {{"a", "1"}, {"b", "1"}, {"c", "1"}}, 2));
    ASSERT_TRUE(apply(store, {{"a", "2"}, {"b", std::nullopt}, {"d", "2"}}, 3));
    ASSERT_EQ(store.batches_since_checkpoint(), 4u);
    store.crash(kept);
    EXPECT_EQ(store.reached().value, kept < 2 ? 1u : kept < 4 ? 2u : 3u);
    const std::vector<Rows> expected{{{"a", "0"}, {"z", "0"}},
                                     {{"a", "1"}, {"b", "1"}, {"z", "0"}},
                                     {{"a", "1"}, {"b", "1"}, {"c", "1"}, {"z", "0"}},
                                     {{"a", "2"}, {"c", "1"}, {"z", "0"}},
                                     {{"a", "2"}, {"c", "1"}, {"d", "2"}, {"z", "0"}}};
    EXPECT_EQ(scan(store), expected[kept]) << kept;
  }
}

}  // namespace
}  // namespace holdfast
