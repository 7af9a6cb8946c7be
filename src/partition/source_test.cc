#include "partition/source.h"

#include <gtest/gtest.h>

#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using testing::PartitionTable;

std::vector<model::Command> two_messages() {
  return {model::Message{{"shop/cart", "a"}, std::nullopt, {"t", "1"}, ""}, model::Message{{"shop/cart", "b"}, std::nullopt, {"t", "2"}, ""}};
}

TEST(Source, WhatIsTakenInAndThePositionChangeTogether) {
  PartitionTable table;
  auto first = take_in(table, "in/orders/0", std::nullopt, 7, two_messages());
  ASSERT_TRUE(first);
  table.apply(std::move(*first));
  EXPECT_EQ(table.delivered_payloads(), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(table.sources["in/orders/0"], (model::SourceRow{7, false}));
  auto second = take_in(table, "in/orders/0", 7, 9, two_messages());
  ASSERT_TRUE(second);
  table.apply(std::move(*second));
  EXPECT_EQ(table.sources["in/orders/0"].next, 9u);
  EXPECT_EQ(table.delivered.size(), 4u);
}

TEST(Source, ABatchFromElsewhereIsRefusedAsAWhole) {
  PartitionTable table;
  table.sources["in/orders/0"] = {7, false};
  for (const auto& from : {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{6}, std::optional<std::uint64_t>{8}}) {
    const auto refused = take_in(table, "in/orders/0", from, 20, two_messages());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  }
  EXPECT_EQ(take_in(table, "in/orders/0", 6, 8, {}).error().message, "source in/orders/0 is at 7, not at 6");
  EXPECT_EQ(take_in(table, "in/orders/0", 7, 6, {}).error().message, "source in/orders/0 cannot go back from 7 to 6");
}

TEST(Source, APauseIsNoneOfItsBusiness) {
  PartitionTable table;
  table.sources["in"] = {0, true};
  auto taken = take_in(table, "in", 0, 3, {});
  ASSERT_TRUE(taken);
  table.apply(std::move(*taken));
  EXPECT_EQ(table.sources["in"], (model::SourceRow{3, true}));
}

}  // namespace
}  // namespace holdfast::partition
