#include "partition/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::partition {
namespace {

using ::testing::HasSubstr;

model::StateSpec spec(std::string name, std::string type = "t/a", model::ExpireMode mode = model::ExpireMode::None,
                      std::int64_t ms = 0) {
  return {std::move(name), std::move(type), mode, {ms}};
}

TEST(Registration, FirstDeclarationMakesTheRowInTheOrderGiven) {
  const auto row = declare_states("shop/cart", nullptr, {spec("a"), spec("b", "t/b", model::ExpireMode::AfterWrite, 5)});
  ASSERT_TRUE(row);
  EXPECT_EQ(row->states, (std::vector{spec("a"), spec("b", "t/b", model::ExpireMode::AfterWrite, 5)}));
}

TEST(Registration, LaterDeclarationAddsWhatIsMissingAndKeepsTheFirstExpiration) {
  const model::RegistrationRow current{{spec("a", "t/a", model::ExpireMode::AfterInvoke, 9)}};
  const auto row = declare_states("shop/cart", &current, {spec("a"), spec("b"), spec("b")});
  ASSERT_TRUE(row);
  EXPECT_EQ(row->states, (std::vector{spec("a", "t/a", model::ExpireMode::AfterInvoke, 9), spec("b")}));
}

TEST(Registration, AnotherTypeForAKnownNameIsRefusedAndBothTypesAreNamed) {
  const model::RegistrationRow current{{spec("a", "t/old")}};
  const auto row = declare_states("shop/cart", &current, {spec("b"), spec("a", "t/new")});
  ASSERT_FALSE(row);
  EXPECT_THAT(row.error().message, HasSubstr("t/old"));
  EXPECT_THAT(row.error().message, HasSubstr("t/new"));
  EXPECT_THAT(row.error().message, HasSubstr("shop/cart"));
  EXPECT_FALSE(declare_states("shop/cart", nullptr, {spec("a", "t/old"), spec("a", "t/new")}));
}

TEST(Registration, NamelessStateAndExpiryWithoutTimeAreRefused) {
  EXPECT_FALSE(declare_states("shop/cart", nullptr, {spec("")}));
  for (const auto mode : {model::ExpireMode::AfterWrite, model::ExpireMode::AfterInvoke}) {
    EXPECT_FALSE(declare_states("shop/cart", nullptr, {spec("a", "t/a", mode, 0)}));
    EXPECT_FALSE(declare_states("shop/cart", nullptr, {spec("a", "t/a", mode, -1)}));
    EXPECT_TRUE(declare_states("shop/cart", nullptr, {spec("a", "t/a", mode, 1)}));
  }
}

TEST(Registration, MoreStatesThanTheBoundAreRefused) {
  model::RegistrationRow current;
  for (std::size_t i = 0; i < kStatesMax; ++i) current.states.push_back(spec("s" + std::to_string(i)));
  EXPECT_TRUE(declare_states("shop/cart", &current, {spec("s0")}));
  EXPECT_FALSE(declare_states("shop/cart", &current, {spec("one more")}));
}

}  // namespace
}  // namespace holdfast::partition
