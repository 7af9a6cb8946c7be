#include "runtime/resting_rows.h"

#include <gtest/gtest.h>

namespace holdfast::runtime {
namespace {

TEST(RestingRows, TheOldestGoFirstAndWhatIsPutBackIsTheNewest) {
  RestingRows rows;
  for (const char* key : {"a", "b", "c", "d"}) rows.put(key, "v");
  EXPECT_NE(rows.take("a"), nullptr);
  EXPECT_EQ(rows.take("a"), nullptr);
  rows.put("a", "again");
  rows.put("c", std::nullopt);
  const std::size_t each = rows.bytes() / 4;
  rows.shrink(rows.bytes());
  EXPECT_EQ(rows.size(), 4u);
  rows.shrink(2 * each);  // b, d, a, c
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.take("b"), nullptr);
  EXPECT_EQ(rows.take("d"), nullptr);
  EXPECT_EQ(rows.take("a")->value(), "again");
  EXPECT_EQ(rows.take("c")->value(), std::nullopt);
  EXPECT_EQ(rows.bytes(), 0u);
}

}  // namespace
}  // namespace holdfast::runtime
