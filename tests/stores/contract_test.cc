// The contract of dapr::StateStore, for each there is. Each test has keys of its own, so that a server serves all of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "asking.h"
#include "places.h"
#include "tables_place.h"

namespace holdfast::testing {
namespace {

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Place>()> make;
};

class StateStores : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    if (place_ == nullptr) GTEST_SKIP() << "no server of this kind is installed";
    key_ = std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + "||k";
  }
  StateStore& store() { return place_->store(); }
  [[nodiscard]] std::string etag() {
    auto found = get(store(), key_);
    return found && *found ? (*found)->etag : "";
  }
  std::unique_ptr<Place> place_;
  std::string key_;
};

INSTANTIATE_TEST_SUITE_P(Every, StateStores,
                         ::testing::Values(Implementation{"Memory", make_memory_place}, Implementation{"Tables", make_tables_place},
                                           Implementation{"Sqlite", make_sqlite_place},
                                           Implementation{"SqliteInMemory", make_sqlite_memory_place}, Implementation{"Redis", make_redis_place}, Implementation{"PostgresV1", make_postgres_v1_place},
                                           Implementation{"PostgresV2", make_postgres_v2_place}),
                         [](const auto& info) { return info.param.name; });

TEST_P(StateStores, WhatIsSavedIsReadAsItWas) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  std::vector<std::string> values{R"({"a": 1, "b": 12345678901234567890})", R"("text")", "null", "0", "", "no json", all, std::string(1'000'000, 'x')};
  if (place_->keeps_json_to_the_letter()) values.insert(values.end(), {R"({"b":  1.0, "a":1e400, "b":2})", " [1]\n"});
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_THAT(change(store(), set(key_, values[i])), Ok());
    EXPECT_EQ(value_of(store(), key_), values[i]) << i;
  }
}

TEST_P(StateStores, AnyTextIsAKey) {
  for (const std::string key : {"a'b", "a\"b\\", "{a,b}", "gr\xc3\xbc\xc3\x9f", "a b\n", "%s$1?", "NULL"}) {
    ASSERT_THAT(change(store(), set(key_ + key, '"' + std::to_string(key.size()) + '"')), Ok()) << key;
    EXPECT_EQ(value_of(store(), key_ + key), '"' + std::to_string(key.size()) + '"') << key;
  }
}

TEST_P(StateStores, ManyKeysAreReadInTheOrderAskedForAndWhatIsNotThereIsNothing) {
  ASSERT_THAT(change(store(), set(key_ + "1", "1")), Ok());
  ASSERT_THAT(change(store(), set(key_ + "2", "2")), Ok());
  const auto found = get_all(store(), {key_ + "2", key_ + "never", key_ + "1", key_ + "2"});
  ASSERT_EQ(found.size(), 4U);
  for (const auto& each : found) ASSERT_THAT(each, Ok());
  EXPECT_EQ((*found[0])->value, "2");
  EXPECT_FALSE(*found[1]);
  EXPECT_EQ((*found[2])->value, "1");
  EXPECT_EQ((*found[3])->value, "2");
}

TEST_P(StateStores, AnEtagIsThatOfWhatIsThere) {
  ASSERT_THAT(change(store(), set(key_, "1")), Ok());
  const std::string old = etag();
  ASSERT_FALSE(old.empty());
  ASSERT_THAT(change(store(), set(key_, "2", old)), Ok());
  EXPECT_NE(etag(), old);
  EXPECT_THAT(change(store(), set(key_, "3", old)), Mismatches());
  EXPECT_THAT(change(store(), remove(key_, old)), Mismatches());
  EXPECT_THAT(change(store(), set(key_ + "never", "3", old)), Mismatches());
  EXPECT_EQ(value_of(store(), key_), "2");
  EXPECT_EQ(value_of(store(), key_ + "never"), "nothing");
  EXPECT_THAT(change(store(), remove(key_, etag())), Ok());
  EXPECT_EQ(value_of(store(), key_), "nothing");
}

TEST_P(StateStores, AFirstWriteWantsNothingToBeThere) {
  EXPECT_THAT(change(store(), first(set(key_, "1"))), Ok());
  EXPECT_THAT(change(store(), first(set(key_, "2"))), Mismatches());
  EXPECT_EQ(value_of(store(), key_), "1");
  EXPECT_THAT(change(store(), first(set(key_, "3", etag()))), Ok());
  EXPECT_THAT(change(store(), set(key_, "4")), Ok()) << "the last write wins";
  EXPECT_THAT(change(store(), first(remove(key_))), Mismatches());
  EXPECT_EQ(value_of(store(), key_), "4");
}

TEST_P(StateStores, WhatIsNotThereCanBeDeleted) { EXPECT_THAT(change(store(), remove(key_)), Ok()); }

TEST_P(StateStores, ATimeToLiveIsThatOfTheLastChange) {
  ASSERT_THAT(change(store(), with_ttl(set(key_, "1"), 1000)), Ok());
  auto found = get(store(), key_);
  ASSERT_THAT(found, Ok());
  ASSERT_TRUE(*found && (*found)->expires_at);
  const auto left = *(*found)->expires_at - SystemClock().now();
  EXPECT_GT(left.ms, 900'000);
  EXPECT_LE(left.ms, 1'002'000);
  ASSERT_THAT(change(store(), set(key_, "2")), Ok());
  found = get(store(), key_);
  ASSERT_TRUE(found && *found);
  EXPECT_FALSE((*found)->expires_at);
}

TEST_P(StateStores, WhatIsPastItsTimeIsNotThere) {
  ASSERT_THAT(change(store(), with_ttl(set(key_, "1"), 1)), Ok());
  ASSERT_THAT(change(store(), with_ttl(set(key_ + "2", "1"), 1)), Ok());
  const std::string old = etag();
  ASSERT_TRUE(eventually([&] { return value_of(store(), key_) == "nothing" && value_of(store(), key_ + "2") == "nothing"; }));
  EXPECT_THAT(change(store(), set(key_, "2", old.empty() ? "1" : old)), Mismatches());
  EXPECT_THAT(change(store(), first(set(key_ + "2", "2"))), Ok());
  EXPECT_EQ(value_of(store(), key_ + "2"), "2");
}

TEST_P(StateStores, ATransactionHappensWholly) {
  ASSERT_THAT(change(store(), set(key_, "1")), Ok());
  const std::string old = etag();
  ASSERT_THAT(transact(store(), {set(key_ + "a", "1"), remove(key_, old), with_ttl(set(key_ + "b", "2"), 100)}), Ok());
  EXPECT_EQ(value_of(store(), key_ + "a"), "1");
  EXPECT_EQ(value_of(store(), key_ + "b"), "2");
  EXPECT_EQ(value_of(store(), key_), "nothing");
}

TEST_P(StateStores, ATransactionWithOneConditionThatIsNotMetChangesNothing) {
  ASSERT_THAT(change(store(), set(key_, "1")), Ok());
  const std::string old = etag();
  ASSERT_THAT(change(store(), set(key_, "2")), Ok());
  EXPECT_THAT(transact(store(), {set(key_ + "a", "1"), set(key_, "3", old), remove(key_ + "b")}), Mismatches());
  EXPECT_THAT(transact(store(), {remove(key_), set(key_ + "a", "1"), first(set(key_, "3"))}), Mismatches());
  EXPECT_EQ(value_of(store(), key_ + "a"), "nothing");
  EXPECT_EQ(value_of(store(), key_), "2");
}

// Only if each condition is checked against the very state that it changes do all of them count.
TEST_P(StateStores, ManyWritersWithEtagsLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kRounds = 25;
  ASSERT_THAT(change(store(), set(key_, "0")), Ok());
  std::atomic<int> failures = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i)
    writers.emplace_back([&] {
      for (int done = 0; done < kRounds;) {
        auto found = get(store(), key_);
        if (!found || !*found) {
          ++failures;
          return;
        }
        const auto outcome = change(store(), set(key_, std::to_string(std::stoi((*found)->value) + 1), (*found)->etag));
        if (outcome) ++done;
        else if (outcome.error().kind != StoreError::Kind::EtagMismatch) {
          ADD_FAILURE() << outcome.error().message;
          ++failures;
          return;
        }
      }
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(value_of(store(), key_), std::to_string(kWriters * kRounds));
}

TEST_P(StateStores, EveryCallIsAnsweredOnceAlsoWhenTheStoreGoes) {
  constexpr int kCalls = 500;
  auto answers = std::make_shared<std::vector<std::atomic<int>>>(2 * kCalls);
  for (int i = 0; i < kCalls; ++i) {
    store().change(set(key_ + std::to_string(i), "1"), [answers, i](const StoreResult<void>&) { ++(*answers)[static_cast<std::size_t>(i)]; });
    store().get({key_ + std::to_string(i)}, [answers, i](const auto&) { ++(*answers)[static_cast<std::size_t>(kCalls + i)]; });
  }
  place_.reset();
  for (const auto& count : *answers) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace holdfast::testing
