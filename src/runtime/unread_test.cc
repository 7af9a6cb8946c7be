#include "runtime/unread.h"

#include <gtest/gtest.h>

namespace holdfast::runtime {
namespace {

TEST(Unread, CountsUntilTheLastHolderLetsGo) {
  const auto unread = std::make_shared<Unread>([] {});
  auto page = unread->take(100);
  auto copy = page;
  EXPECT_EQ(unread->bytes(), 100u);
  page.reset();
  EXPECT_EQ(unread->bytes(), 100u);
  copy.reset();
  EXPECT_EQ(unread->bytes(), 0u);
}

TEST(Unread, TellsOnceOfRoomAndOnlyWhereItWasMissed) {
  int told = 0;
  const auto unread = std::make_shared<Unread>([&] { ++told; });
  auto first = unread->take(60);
  auto second = unread->take(60);
  EXPECT_TRUE(unread->has_room(121));
  first.reset();
  EXPECT_EQ(told, 0);
  first = unread->take(60);
  EXPECT_FALSE(unread->has_room(120));
  first.reset();
  second.reset();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(unread->has_room(1));
}

TEST(Unread, TellsNobodyOnceItIsClosed) {
  int told = 0;
  const auto unread = std::make_shared<Unread>([&] { ++told; });
  auto page = unread->take(10);
  EXPECT_FALSE(unread->has_room(10));
  unread->close();
  page.reset();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace holdfast::runtime
