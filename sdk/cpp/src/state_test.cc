#include "holdfast/sdk/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "holdfast/sdk/testing.h"
#include "request.h"

namespace holdfast::sdk {
namespace {

constexpr State<std::int64_t> kSeen{"seen"};
constexpr State<std::string> kName{"name"};
constexpr State<std::string> kUndeclared{"elsewhere"};
constexpr State<std::string> kSeenAsText{"seen"};

using Code = std::function<void(Context&, const Message&)>;

// Runs the code once in a function with the two states.
struct Ran {
  explicit Ran(Code code, const std::function<void(Storage&)>& preset = {}) : test({"example/f", {kSeen, kName}, std::move(code)}, "1") {
    if (preset) preset(test.storage());
    test.call("x");
  }
  TestContext test;
};

std::string failure(Code code) {
  return thrown<Error>([&] { Ran ran(std::move(code)); });
}

TEST(Storage, AnEmptyStateIsNone) {
  Ran([](Context& ctx, const Message&) {
    EXPECT_EQ(ctx.storage().get(kSeen), std::nullopt);
    EXPECT_FALSE(ctx.storage().contains(kSeen));
    EXPECT_FALSE(ctx.storage()[kSeen]);
    EXPECT_EQ(ctx.storage()[kSeen].value_or(7), 7);
    EXPECT_EQ(thrown<WrongState>([&] { (void)*ctx.storage()[kSeen]; }), "state 'seen' is empty");
  });
}

TEST(Storage, ReadsSeeWhatWasWrittenBefore) {
  Ran ran(
      [](Context& ctx, const Message&) {
        auto& storage = ctx.storage();
        EXPECT_EQ(storage.get(kSeen), 5);
        storage.set(kSeen, 6);
        EXPECT_EQ(storage.get(kSeen), 6);
        storage.remove(kSeen);
        EXPECT_EQ(storage.get(kSeen), std::nullopt);
        storage.set(kSeen, 7);
        EXPECT_EQ(*storage[kSeen], 7);
      },
      [](Storage& storage) { storage[kSeen] = 5; });
  EXPECT_THAT(ran.test, state_is(kSeen, 7));
}

TEST(Storage, ADefaultValueIsNotAnEmptyState) {
  Ran ran([](Context& ctx, const Message&) {
    ctx.storage()[kSeen] = 0;
    EXPECT_TRUE(ctx.storage()[kSeen].has_value());
  });
  EXPECT_THAT(ran.test, state_is(kSeen, 0));
}

TEST(Storage, CellsAreChangedInPlace) {
  Ran ran([](Context& ctx, const Message&) {
    auto seen = ctx.storage()[kSeen];
    EXPECT_EQ(seen += 5, 5);
    EXPECT_EQ(seen -= 2, 3);
    EXPECT_EQ(++seen, 4);
    EXPECT_EQ(--seen, 3);
    EXPECT_EQ(ctx.storage()[kName] += "ab", "ab");
    EXPECT_EQ(ctx.storage()[kName].update([](std::string& name) { name.push_back('c'); }), "abc");
  });
  EXPECT_THAT(ran.test, state_is(kSeen, 3));
  EXPECT_THAT(ran.test, state_is(kName, "abc"));
}

TEST(Storage, OnlyTouchedStatesGoBack) {
  Ran read([](Context& ctx, const Message&) { (void)ctx.storage().get(kSeen); });
  EXPECT_THAT(read.test, changed_no_state());
  Ran written([](Context& ctx, const Message&) { ctx.storage()[kName] = "x"; });
  EXPECT_THAT(written.test.changed(), testing::ElementsAre("name"));
}

TEST(Storage, AWriteThatThrowsLeavesTheOldValue) {
  Ran ran(
      [](Context& ctx, const Message&) {
        EXPECT_THROW(ctx.storage()[kName] = "\xff", InvalidArgument);
        EXPECT_EQ(*ctx.storage()[kName], "old");
      },
      [](Storage& storage) { storage[kName] = "old"; });
  EXPECT_THAT(ran.test, changed_no_state());
}

TEST(Storage, WrongStatesAreRefusedWithWhatIsDeclared) {
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.storage()[kUndeclared] = "x"; }),
            "example/f does not declare a state 'elsewhere'; it declares seen, name");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { (void)ctx.storage().get(kSeenAsText); }),
            "state 'seen' of example/f is declared as io.statefun.types/long, not as io.statefun.types/string");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.storage().remove(kSeenAsText); }),
            "state 'seen' of example/f is declared as io.statefun.types/long, not as io.statefun.types/string");
  EXPECT_EQ(thrown<WrongState>([] {
              TestContext test({"example/none", [](Context& ctx, const Message&) { ctx.storage()[kSeen] = 1; }}, "1");
              test.call("x");
            }),
            "example/none does not declare a state 'seen'; it declares none");
}

TEST(Names, OfStatesAreIdentifiers) {
  for (const char* good : {"a", "_", "seen_2", "Seen"}) EXPECT_TRUE(is_state_name(good)) << good;
  for (const char* bad : {"", "2a", "a-b", "a b", "\xc3\xa4"}) EXPECT_FALSE(is_state_name(bad)) << bad;
}

}  // namespace
}  // namespace holdfast::sdk
