#include "partition/source.h"

#include <gtest/gtest.h>

#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using testing::PartitionTable;

TEST(Source, GoesOnFromWhereItIs) {
  PartitionTable table;
  const auto first = take_in(table, "in/orders/0", std::nullopt, 7);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->name, "in/orders/0");
  EXPECT_EQ(first->row, (model::SourceRow{7, false}));
  table.sources["in/orders/0"] = {7, false};
  EXPECT_EQ(take_in(table, "in/orders/0", 7, 9)->row.next, 9u);
  EXPECT_EQ(take_in(table, "in/orders/0", 7, 7)->row.next, 7u);
}

TEST(Source, ABatchFromElsewhereIsRefused) {
  PartitionTable table;
  table.sources["in/orders/0"] = {7, false};
  for (const auto& from : {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{6}, std::optional<std::uint64_t>{8}}) {
    const auto refused = take_in(table, "in/orders/0", from, 20);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  }
  EXPECT_EQ(take_in(table, "in/orders/0", 6, 8).error().message, "source in/orders/0 is at 7, not at 6");
  EXPECT_EQ(take_in(table, "in/orders/0", 7, 6).error().message, "source in/orders/0 cannot go back from 7 to 6");
  EXPECT_EQ(take_in(table, "in/other", 7, 8).error().message, "source in/other is at no position, not at 7");
}

TEST(Source, APositionCountsWithinOneIncarnation) {
  PartitionTable table;
  EXPECT_EQ(take_in(table, "in", std::nullopt, 3, "monday")->row, (model::SourceRow{3, false, "monday"}));
  table.sources["in"] = {3, false, "monday"};
  EXPECT_EQ(take_in(table, "in", 3, 4, "monday")->row, (model::SourceRow{4, false, "monday"}));
  EXPECT_EQ(take_in(table, "in", 3, 4)->row, (model::SourceRow{4, false, "monday"}));
  EXPECT_EQ(take_in(table, "in", 3, 4, "tuesday").error().message, "source in is the one of monday, not of tuesday");
  // A position of before there were incarnations.
  table.sources["in"] = {3, false};
  EXPECT_EQ(take_in(table, "in", 3, 4, "tuesday")->row, (model::SourceRow{4, false, "tuesday"}));
}

TEST(Source, APauseIsNoneOfItsBusiness) {
  PartitionTable table;
  table.sources["in"] = {0, true};
  EXPECT_EQ(take_in(table, "in", 0, 3)->row, (model::SourceRow{3, true}));
}

}  // namespace
}  // namespace holdfast::partition
