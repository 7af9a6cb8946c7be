#include "runtime/packed_row.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/random.h"
#include "runtime/bucket_walk.h"

namespace holdfast::runtime {
namespace {

struct NoLinks {};
using Row = PackedRow<NoLinks>;
using Rows = std::map<std::string, std::optional<std::string>>;

Rows rows_of(const RowTable<Row>& table) {
  Rows out;
  table.for_each([&](const Row& row) { EXPECT_TRUE(out.emplace(row.key(), row.value()).second) << row.key(); });
  return out;
}

TEST(PackedRow, KeepsWhatItWasGivenAndKnowsNothingFromNoBytes) {
  const std::string key(5'000, 'k'), value(100'000, '\0');
  const auto row = Row::make(key, value);
  EXPECT_EQ(row->key(), key);
  EXPECT_EQ(row->value(), value);
  EXPECT_EQ(Row::make("k", std::nullopt)->value(), std::nullopt);
  EXPECT_EQ(Row::make("", "")->value(), "");
}

// There are millions: a head of two words, and nothing else but what they say.
TEST(PackedRow, TakesItsBytesAndTwoWords) {
  EXPECT_EQ(sizeof(Row), 16u);
  EXPECT_EQ(Row::make(std::string(24, 'k'), std::string(24, 'v'))->bytes(), 64u);
  EXPECT_EQ(allocated_bytes(1), 16u);
  EXPECT_EQ(allocated_bytes(128), 128u);
  EXPECT_EQ(allocated_bytes(129), 160u);
  EXPECT_EQ(allocated_bytes(257), 320u);
  EXPECT_EQ(allocated_bytes(4'097), 5'120u);
}

TEST(RowTable, AgreesWithAMapInRandomHistories) {
  SeededRandom random(1);
  RowTable<Row> table;
  Rows model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = std::to_string(random.below(step < 10'000 ? 2'000 : 50));
    const auto known = model.find(key);
    switch (random.below(5)) {
      case 0: {
        const auto row = table.take(key);
        ASSERT_EQ(row != nullptr, known != model.end());
        if (row == nullptr) break;
        ASSERT_EQ(row->value(), known->second);
        model.erase(known);
        break;
      }
      case 1: {
        const Row* row = table.find(key);
        ASSERT_EQ(row != nullptr, known != model.end());
        if (row == nullptr) break;
        ASSERT_EQ(row->value(), known->second);
        break;
      }
      default: {
        std::optional<std::string> value;
        if (random.below(4) > 0) value = std::string(random.below(40), 'v');
        ASSERT_EQ(table.put(Row::make(key, value)) != nullptr, known != model.end());
        model[key] = value;
      }
    }
    ASSERT_EQ(table.size(), model.size());
    if (random.below(4'000) == 0) {
      table.drain([&](Row::Owner row) { ASSERT_EQ(model.at(std::string(row->key())), row->value()); });
      model.clear();
    }
    if (step % 1'000 != 0) continue;
    ASSERT_EQ(rows_of(table), model);
    std::size_t bytes = 0;
    for (const auto& [k, v] : model) bytes += Row::make(k, v)->bytes() + 2 * sizeof(void*);
    ASSERT_EQ(table.bytes(), bytes);
  }
}

TEST(RowTable, WalkInSlicesMeetsWhatIsThereAllTheWhile) {
  RowTable<Row> table;
  for (int i = 0; i < 100; ++i) (void)table.put(Row::make(std::to_string(i), "v"));
  std::map<std::string, int> met;
  BucketWalk walk;
  for (bool done = false; !done;) {
    std::size_t left = 7;
    done = walk_on(table, walk, left, [&](const Row& row, std::size_t&) { ++met[std::string(row.key())]; });
    if (table.size() < 500) (void)table.put(Row::make("n" + std::to_string(table.size()), "v"));  // It grows meanwhile.
  }
  for (int i = 0; i < 100; ++i) EXPECT_GE(met[std::to_string(i)], 1) << i;
}

}  // namespace
}  // namespace holdfast::runtime
