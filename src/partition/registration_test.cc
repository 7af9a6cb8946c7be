#include "partition/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "testing/every.h"

namespace holdfast::partition {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

model::StateSpec spec(std::string name, std::string type = "t/a", model::ExpireMode mode = model::ExpireMode::None,
                      std::int64_t ms = 0) {
  return {std::move(name), std::move(type), mode, {ms}};
}
std::vector<model::StateSpec> many(std::size_t count, const std::string& prefix) {
  std::vector<model::StateSpec> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(spec(prefix + std::to_string(i)));
  return out;
}
Declared whole(const model::RegistrationRow* current, std::vector<model::StateSpec> states) {
  return declare_states("shop/cart", current, std::move(states), Declaration::Whole);
}
Declared more(const model::RegistrationRow* current, std::vector<model::StateSpec> states) {
  return declare_states("shop/cart", current, std::move(states), Declaration::More);
}

TEST(Registration, FirstDeclarationMakesTheRowInTheOrderGiven) {
  const auto declared = whole(nullptr, {spec("a"), spec("b", "t/b", model::ExpireMode::AfterWrite, 5)});
  ASSERT_FALSE(declared.refusal);
  EXPECT_EQ(declared.row, (model::RegistrationRow{{spec("a"), spec("b", "t/b", model::ExpireMode::AfterWrite, 5)}, {}, 1}));
}

TEST(Registration, WholeDeclarationReplacesTheExpiryAndOrphansWhatItDoesNotName) {
  const model::RegistrationRow current{{spec("a", "t/a", model::ExpireMode::AfterInvoke, 9), spec("b")}, {}, 4};
  const auto declared = whole(&current, {spec("c"), spec("a")});
  ASSERT_FALSE(declared.refusal);
  EXPECT_EQ(declared.row, (model::RegistrationRow{{spec("a"), spec("c")}, {{spec("b"), false}}, 5}));
  EXPECT_EQ(whole(&declared.row, {}).row.orphans.size(), 3u);
}

TEST(Registration, SameStatesInAnotherOrderAreNoNews) {
  const model::RegistrationRow current{{spec("a"), spec("b")}, {{spec("c"), false}}, 4};
  EXPECT_EQ(whole(&current, {spec("b"), spec("a"), spec("a")}).row, current);
  EXPECT_EQ(more(&current, {spec("b")}).row, current);
}

TEST(Registration, WhatAFunctionLacksIsAddedAndNothingIsOrphaned) {
  const model::RegistrationRow current{{spec("a"), spec("b", "t/b", model::ExpireMode::AfterWrite, 5)}, {{spec("c"), false}}, 4};
  const auto declared = more(&current, {spec("c", "t/a", model::ExpireMode::AfterInvoke, 7), spec("d"), spec("b", "t/b")});
  ASSERT_FALSE(declared.refusal);
  EXPECT_EQ(declared.row,
            (model::RegistrationRow{{spec("a"), spec("b", "t/b"), spec("c", "t/a", model::ExpireMode::AfterInvoke, 7), spec("d")}, {}, 5}));
}

TEST(Registration, AnotherTypeIsRefusedAndWhatHadTheOldOneCanBeDropped) {
  const model::RegistrationRow current{{spec("a", "t/old"), spec("b")}, {}, 4};
  for (const auto kind : {Declaration::Whole, Declaration::More}) {
    const auto declared = declare_states("shop/cart", &current, {spec("c"), spec("a", "t/new")}, kind);
    ASSERT_TRUE(declared.refusal);
    for (const char* part : {"t/old", "t/new", "\"a\"", "holdfast state orphans drop shop/cart a"})
      EXPECT_THAT(declared.refusal->message, HasSubstr(part));
    EXPECT_EQ(declared.row, (model::RegistrationRow{{spec("b")}, {{spec("a", "t/old"), false}}, 5}));
    // An orphan's type stands, too, until it is dropped.
    EXPECT_TRUE(whole(&declared.row, {spec("a", "t/new")}).refusal);
    const auto dropping = begin_drop("shop/cart", &declared.row, "a");
    ASSERT_TRUE(dropping);
    EXPECT_TRUE(waits_for_drop(&*dropping, {spec("b"), spec("a", "t/new")}));
    const auto dropped = end_drop(*dropping, "a");
    EXPECT_THAT(dropped.orphans, IsEmpty());
    EXPECT_FALSE(waits_for_drop(&dropped, {spec("a", "t/new")}));
    EXPECT_FALSE(whole(&dropped, {spec("a", "t/new")}).refusal);
  }
  EXPECT_TRUE(whole(nullptr, {spec("a", "t/old"), spec("a", "t/new")}).refusal);
}

TEST(Registration, NamelessStateAndExpiryWithoutTimeAreRefused) {
  EXPECT_TRUE(whole(nullptr, {spec("")}).refusal);
  for (const auto mode : {model::ExpireMode::AfterWrite, model::ExpireMode::AfterInvoke}) {
    EXPECT_TRUE(whole(nullptr, {spec("a", "t/a", mode, 0)}).refusal);
    EXPECT_TRUE(whole(nullptr, {spec("a", "t/a", mode, -1)}).refusal);
    EXPECT_FALSE(whole(nullptr, {spec("a", "t/a", mode, 1)}).refusal);
  }
}

TEST(Registration, MoreStatesThanTheBoundAreRefusedAndOnesMistakenlyDeclaredMakeRoom) {
  const auto full = whole(nullptr, many(kStatesMax, "s")).row;
  EXPECT_FALSE(more(&full, {spec("s0")}).refusal);
  EXPECT_TRUE(more(&full, {spec("one more")}).refusal);
  EXPECT_TRUE(whole(nullptr, many(kStatesMax + 1, "s")).refusal);
  const auto mended = whole(&full, {spec("one more")});
  ASSERT_FALSE(mended.refusal);
  EXPECT_EQ(mended.row.orphans.size(), kOrphansMax);
}

TEST(Registration, MoreOrphansThanTheBoundAreRefusedUntilSomeAreDropped) {
  auto row = whole(nullptr, many(kStatesMax, "s")).row;
  row = whole(&row, {spec("a")}).row;
  const auto refused = whole(&row, {spec("b")});
  ASSERT_TRUE(refused.refusal);
  EXPECT_THAT(refused.refusal->message, HasSubstr("holdfast state orphans"));
  EXPECT_EQ(refused.row, row);
  EXPECT_FALSE(whole(&row, {spec("a"), spec("b")}).refusal);
  row = end_drop(*begin_drop("shop/cart", &row, "s0"), "s0");
  EXPECT_FALSE(whole(&row, {spec("b")}).refusal);
}

TEST(Registration, OnlyAnOrphanCanBeDropped) {
  const model::RegistrationRow row{{spec("a")}, {{spec("b"), false}}, 4};
  EXPECT_EQ(begin_drop("shop/cart", &row, "a").error().code, ErrorCode::Conflict);
  EXPECT_EQ(begin_drop("shop/cart", &row, "c").error().code, ErrorCode::NotFound);
  EXPECT_EQ(begin_drop("shop/cart", nullptr, "b").error().code, ErrorCode::NotFound);
  const auto dropping = begin_drop("shop/cart", &row, "b");
  ASSERT_TRUE(dropping);
  EXPECT_EQ(begin_drop("shop/cart", &*dropping, "b").value(), *dropping);
  EXPECT_EQ(end_drop(row, "b"), row);  // Nobody wants it dropped.
}

TEST(Registration, FunctionMayChangeWhatIsDeclaredNowOrWasWhenItWasCalled) {
  const model::RegistrationRow sent{{spec("a", "t/a", model::ExpireMode::AfterWrite, 5), spec("b"), spec("gone")}, {}, 1};
  const model::RegistrationRow now{{spec("a"), spec("new")}, {{spec("b"), false}, {spec("old"), false}}, 2};
  EXPECT_EQ(*find_declared(&now, &sent, "a"), spec("a"));  // By the newest.
  EXPECT_EQ(*find_declared(&now, &sent, "b"), spec("b"));
  EXPECT_EQ(*find_declared(&now, nullptr, "new"), spec("new"));
  EXPECT_EQ(find_declared(&now, nullptr, "b"), nullptr);
  EXPECT_EQ(find_declared(&now, &sent, "old"), nullptr);
  EXPECT_EQ(find_declared(&now, &sent, "gone"), nullptr);  // Dropped meanwhile.
  EXPECT_EQ(find_declared(nullptr, nullptr, "a"), nullptr);
}

// Goal: at every moment each state ever declared is either declared, with the newest expiry, or an orphan, or dropped; a type never changes
// but by a drop; a revision is never used for two rows.
// Method: every history of five steps over two names, against a map from name to what became of it.
TEST(Registration, AgreesWithTheObviousModelInEveryShortHistory) {
  struct State {
    std::string type;
    std::int64_t expiry = 0;
    enum { Declared, Orphaned, Dropping } is = Declared;
  };
  const std::size_t histories = testing::every_case([](testing::Choices& choose) {
    std::optional<model::RegistrationRow> row;
    std::map<std::string, State> model;
    std::map<std::uint64_t, model::RegistrationRow> seen;
    for (int step = 0; step < 4; ++step) {
      const auto what = choose.below(9);
      const auto* current = row ? &*row : nullptr;
      if (what < 7) {
        // {}, {a}, {b}, {a, b}, {a of another type} as a whole; {a}, {b} as more.
        const auto kind = what < 5 ? Declaration::Whole : Declaration::More;
        std::map<std::string, std::string> given;
        if (what == 1 || what == 3 || what == 5) given["a"] = "t/1";
        if (what == 2 || what == 3 || what == 6) given["b"] = "t/1";
        if (what == 4) given["a"] = "t/2";
        std::vector<model::StateSpec> states;
        for (const auto& [name, type] : given) states.push_back(spec(name, type, model::ExpireMode::AfterWrite, step + 1));
        if (waits_for_drop(current, states)) {
          ASSERT_TRUE((given.contains("a") && model["a"].is == State::Dropping) || (given.contains("b") && model["b"].is == State::Dropping));
          continue;
        }
        const auto declared = declare_states("f/x", current, std::move(states), kind);
        const bool clashes = given.contains("a") && model.contains("a") && model["a"].type != given["a"];
        ASSERT_EQ(declared.refusal.has_value(), clashes);
        row = declared.row;
        if (clashes) {
          if (model["a"].is == State::Declared) model["a"].is = State::Orphaned;
        } else {
          if (kind == Declaration::Whole) {
            for (auto& [name, state] : model)
              if (state.is == State::Declared) state.is = State::Orphaned;
          }
          for (const auto& [name, type] : given) model[name] = {type, step + 1, State::Declared};
        }
      } else if (what == 7) {
        const auto dropping = begin_drop("f/x", current, "a");
        ASSERT_EQ(dropping.has_value(), model.contains("a") && model["a"].is != State::Declared);
        if (!dropping) continue;
        row = *dropping;
        model["a"].is = State::Dropping;
      } else if (row) {
        row = end_drop(*row, "a");
        if (model.contains("a") && model["a"].is == State::Dropping) model.erase("a");
      }
      if (!row) continue;
      std::map<std::string, State> found;
      for (const auto& s : row->states) ASSERT_TRUE(found.emplace(s.name, State{s.type_name, s.expire_after.ms, State::Declared}).second);
      for (const auto& o : row->orphans)
        ASSERT_TRUE(found.emplace(o.spec.name, State{o.spec.type_name, o.spec.expire_after.ms, o.dropping ? State::Dropping : State::Orphaned}).second);
      ASSERT_EQ(found.size(), model.size());
      for (const auto& [name, state] : model) {
        ASSERT_EQ(found[name].type, state.type);
        ASSERT_EQ(found[name].expiry, state.expiry);
        ASSERT_EQ(found[name].is, state.is);
      }
      const auto [it, fresh] = seen.emplace(row->revision, *row);
      ASSERT_TRUE(fresh || it->second == *row);
      ASSERT_EQ(seen.rbegin()->second, *row);
    }
  });
  EXPECT_EQ(histories, 6'561u);
}

}  // namespace
}  // namespace holdfast::partition
