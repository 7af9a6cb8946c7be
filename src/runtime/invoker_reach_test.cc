// What can be reached and what cannot, who is called next, and what becomes of the mail of those that nobody calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/invoker_fixture.h"

namespace holdfast::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> addresses_of(const std::vector<Call>& calls) {
  std::vector<std::string> out;
  for (const auto& call : calls) out.push_back(call.address.type + "/" + call.address.id);
  return out;
}

TEST(Upstream, HostThatCannotBeReachedStopsNobodyElseOfItsEndpoint) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  target.host_of_its_own = true;
  target.answer = [](const Call& call) { return call.address.type == "shop/misspelt" ? unreachable() : ok(); };
  world.send({"shop/misspelt", "x"}, "1");
  for (int i = 0; i < 100; ++i) {
    world.send({"shop/cart", std::to_string(i)}, "1");
    ASSERT_TRUE(world.loop.advance({20}));
    ASSERT_EQ(world.handled_count(), static_cast<std::size_t>(i) + 1);
  }
  const Endpoint& shop = *world.invoker.endpoints()[0];
  ASSERT_EQ(shop.down.size(), 1u);
  EXPECT_EQ(shop.down[0]->origin, "http://shop/misspelt");
  EXPECT_EQ(shop.down[0]->last_error, "it broke");
  EXPECT_EQ(shop.is_down.get(), 0u);  // Not all of it.
}

TEST(Upstream, CallsThatHangWhileTheyConnectLeavePlacesToThoseThatCanBeReached) {
  auto spec = endpoint("shop/*");
  spec.max_concurrent = 8;
  World world({spec});
  FakeTarget& target = *world.targets[0];
  target.host_of_its_own = true;
  world.send({"shop/cart", "0"}, "1");
  world.loop.advance({100});
  target.hold = true;
  for (int i = 0; i < 20; ++i) world.send_many("shop/black-hole-" + std::to_string(i), 20);
  world.loop.advance({60'000});
  EXPECT_LE(target.held.size(), 2u);
  target.hold = false;
  world.send_many("shop/cart", 50);
  world.loop.advance({100});
  EXPECT_EQ(world.handled_count(), 51u);
}

TEST(Upstream, IsTriedByAnotherAddressOfAnotherTypeEachTimeWhileItIsDown) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 3);
  world.send_many("shop/mailer", 3);
  world.loop.advance({100'000});
  const auto tried = addresses_of(world.targets[0]->calls);
  ASSERT_GT(tried.size(), 12u);
  for (std::size_t i = 3; i < tried.size(); ++i) {
    EXPECT_NE(tried[i].substr(0, 8), tried[i - 1].substr(0, 8)) << i;
    EXPECT_NE(tried[i], tried[i - 2]) << i;
  }
}

// A message that takes the connection down with it, as one that a proxy cannot take, is no reason for the others to wait behind it.
TEST(Upstream, AddressThatNeverGetsThroughDoesNotKeepTheOthersFromBeingHandled) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call& call) { return call.address == kAlice ? unreachable() : ok(); };
  world.send(kAlice, "1");
  world.send_many("shop/cart", 20);
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 20u);
  EXPECT_THAT(world.settled, IsEmpty());
}

TEST(Upstream, MailForOneThatIsDownCanBeDroppedAndThenNothingIsDown) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  target.host_of_its_own = true;
  target.answer = [](const Call& call) { return call.address.type == "shop/misspelt" ? unreachable() : ok(); };
  world.send_many("shop/misspelt", 30, 3);
  world.send_many("shop/cart", 5);
  world.loop.advance({10'000});
  EXPECT_EQ(world.invoker.drop_unreachable("shop/cart", std::nullopt, 100).messages, 0u);

  auto dropped = world.invoker.drop_unreachable("shop/misspelt", "7", 100);
  EXPECT_EQ(dropped.messages, 3u);
  EXPECT_EQ(dropped.addresses, 1u);
  dropped = world.invoker.drop_unreachable("shop/misspelt", std::nullopt, 50);
  EXPECT_EQ(dropped.messages, 50u);
  EXPECT_TRUE(dropped.more);
  while (world.invoker.endpoints()[0]->is_down.get() == 0 && dropped.more) {
    world.loop.advance({10'000});
    dropped = world.invoker.drop_unreachable("shop/misspelt", std::nullopt, 50);
  }
  EXPECT_EQ(world.settled.size(), 90u);
  EXPECT_THAT(world.reasons[0], HasSubstr("it broke"));
  EXPECT_THAT(world.invoker.endpoints()[0]->down, IsEmpty());
  EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 0u);
  const auto calls = world.calls();
  world.loop.advance({60'000});
  EXPECT_EQ(world.calls(), calls);
  // And it is met again like any other.
  target.answer = [](const Call&) { return ok(); };
  world.send({"shop/misspelt", "7"}, "1");
  world.loop.advance({100});
  EXPECT_EQ(world.handled_count(), 6u);
}

TEST(Upstream, MailOfSomebodyWhoIsBeingHandledIsNotDropped) {
  World world({endpoint("shop/*")});
  world.open = false;
  world.send(kAlice, "1");
  world.loop.run();
  const auto dropped = world.invoker.drop_unreachable("shop/cart", std::nullopt, 100);
  EXPECT_TRUE(dropped.is_reachable);
  world.targets[0]->hold = true;
  world.open = true;
  world.wake();
  world.loop.run();
  ASSERT_EQ(world.targets[0]->held.size(), 1u);
  for (const auto& id : {std::optional<std::string>{}, std::optional<std::string>{kAlice.id}})
    EXPECT_TRUE(world.invoker.drop_unreachable("shop/cart", id, 100).is_reachable);
  EXPECT_FALSE(world.invoker.drop_unreachable("shop/cart", "nobody", 100).is_reachable);
  world.targets[0]->give(0, ok());
  EXPECT_EQ(world.handled_count(), 1u);
}

TEST(Upstream, MailOfAnAddressThatIsTriedJustNowIsKeptAndSaidToBe) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  target.answer = [](const Call&) { return unreachable(); };
  world.send({"shop/cart", "1"}, "x");
  world.loop.advance({10});
  target.hold = true;
  world.loop.advance({10'000});
  ASSERT_EQ(target.held.size(), 1u);
  for (const auto& id : {std::optional<std::string>{}, std::optional<std::string>{"1"}}) {
    const auto dropped = world.invoker.drop_unreachable("shop/cart", id, 100);
    EXPECT_EQ(dropped.messages, 0u);
    EXPECT_EQ(dropped.tried, 1u);
    EXPECT_FALSE(dropped.is_reachable);
  }
  EXPECT_EQ(world.invoker.drop_unreachable("shop/cart", "2", 100).tried, 0u);
}

// --- Something before the function answers in its place --------------------------------------------------------------

TEST(Away, EndpointIsPausedAndNoAttemptIsUsedUpHoweverLongItLasts) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.max_attempts = 2;
  World world({spec});
  world.targets[0]->answer = [](const Call&) { return away(); };
  world.send_many("shop/cart", 50, 2);
  world.loop.advance({3'600'000});
  EXPECT_THAT(world.settled, IsEmpty());
  EXPECT_LT(world.calls(), 1'200u);  // Every five seconds or so.
  EXPECT_EQ(world.invoker.endpoints()[0]->is_down.get(), 1u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 100u);
}

TEST(Away, OutageOfABusyEndpointUsesUpNoAttemptEither) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.max_attempts = 2;
  World world({spec});
  world.send_many("shop/cart", 50);
  world.loop.advance({100});
  for (int outage = 0; outage < 5; ++outage) {
    bool is_away = false;
    world.targets[0]->answer = [&](const Call&) { return is_away ? away() : ok(); };
    for (int i = 0; i < 200; ++i) {
      world.send({"shop/cart", std::to_string(i % 50)}, "x");
      is_away = i > 50;
      world.loop.advance({1});
    }
    world.loop.advance({600'000});
    is_away = false;
    world.loop.advance({20'000});
  }
  EXPECT_THAT(world.settled, IsEmpty());
  EXPECT_EQ(world.handled_count(), 50u + 5 * 200u);
}

TEST(Away, NothingIsTriedBeforeTheProxySaysSo) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call&) { return away({30'000}); };
  world.send_many("shop/cart", 10);
  world.loop.advance({29'000});
  EXPECT_EQ(world.calls(), 2u);  // The second tells that it is not about the first alone.
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({2'000});
  EXPECT_EQ(world.handled_count(), 10u);
}

TEST(Away, MessageThatAlwaysEndsThereWhileOthersAreAnsweredIsGivenUpAndPausesNobody) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.max_attempts = 5;
  World world({spec});
  world.targets[0]->answer = [](const Call& call) {
    return std::ranges::find(call.payloads, "poison") != call.payloads.end() ? away() : ok();
  };
  world.send({"shop/cart", "0"}, "1");
  world.loop.advance({100});
  world.send(kAlice, "good");
  world.send(kAlice, "poison");
  world.send(kAlice, "good too");
  std::size_t late = 0;
  for (int i = 1; i <= 2'000; ++i) {
    world.send({"shop/cart", std::to_string(i % 100)}, "1");
    const auto before = world.handled_count();
    world.loop.advance({10});
    if (world.handled_count() == before) ++late;
  }
  world.loop.advance({600'000});
  EXPECT_EQ(late, 0u);
  EXPECT_THAT(world.settled, ElementsAre("poison"));
  EXPECT_THAT(world.handled[kAlice], ElementsAre("good", "good too"));
  const auto tries = std::ranges::count(addresses_of(world.targets[0]->calls), "shop/cart/alice");
  EXPECT_LT(tries, 15);
}

TEST(Away, WhoeverIsOnlyToBeSlowerIsNotGivenUp) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.max_attempts = 2;
  World world({spec});
  world.targets[0]->answer = [](const Call& call) { return call.address == kAlice ? away({}, false) : ok(); };
  world.send(kAlice, "1");
  for (int i = 0; i < 1'000; ++i) {
    world.send({"shop/cart", std::to_string(i)}, "1");
    world.loop.advance({100});
  }
  EXPECT_THAT(world.settled, IsEmpty());
  EXPECT_EQ(world.handled_count(), 1'000u);
  const auto tries = std::ranges::count(addresses_of(world.targets[0]->calls), "shop/cart/alice");
  EXPECT_GT(tries, 5);
  EXPECT_LT(tries, 30);
}

// --- Held ------------------------------------------------------------------------------------------------------------

TEST(Held, UntilTheOutboxThatWasFullHasRoomWhateverTheOthersHold) {
  Options options;
  options.outboxes = {{"a/outbox", 100}, {"b/outbox", 100}};
  Levels levels(options);
  auto& a = *levels.outbox("a/outbox");
  auto& b = *levels.outbox("b/outbox");
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 1);
  world.send_many("shop/mailer", 1);
  world.loop.advance({100});
  std::map<std::string, FunctionType*> types;
  for (const char* name : {"shop/cart", "shop/mailer"}) types[name] = world.table.entity({name, "0"}).type;
  a.bytes = b.bytes = 100;
  world.invoker.hold(*types["shop/cart"], a);
  world.invoker.hold(*types["shop/mailer"], b);
  world.invoker.hold(*types["shop/mailer"], a);
  const auto handled = [&](const char* type) { return world.handled[{type, "0"}].size(); };
  const auto go_on = [&] {
    world.invoker.release_held();
    world.loop.advance({1'000});
  };
  world.send_many("shop/cart", 1);
  world.send_many("shop/mailer", 1);
  go_on();
  EXPECT_EQ(handled("shop/cart"), 1u);
  a.bytes = 0;
  go_on();
  EXPECT_EQ(handled("shop/cart"), 2u);
  EXPECT_EQ(handled("shop/mailer"), 1u);
  b.bytes = 0;
  go_on();
  EXPECT_EQ(handled("shop/mailer"), 2u);
}

// --- Mail ------------------------------------------------------------------------------------------------------------

TEST(Mail, OfThoseThatNobodyWillCallSoonIsNotKeptInMemory) {
  for (const bool is_held : {true, false}) {
    SCOPED_TRACE(is_held ? "held" : "down");
    Options options;
    options.outboxes = {{"a/outbox", 100}};
    Levels levels(options);
    World world({endpoint("shop/*"), endpoint("other/*")});
    world.send_many("shop/cart", 1);
    world.loop.advance({100});
    world.close_epoch();
    // What came before it was known,
    world.open = false;
    world.send_many("shop/cart", 2'000);
    world.close_epoch();
    EXPECT_GT(world.table.mail_bytes_in_memory(), 10'000u);
    world.targets[0]->answer = [](const Call&) { return unreachable(); };
    if (is_held) {
      levels.outbox("a/outbox")->bytes = 100;
      world.invoker.hold(*world.table.entity({"shop/cart", "0"}).type, *levels.outbox("a/outbox"));
    }
    world.open = true;
    world.wake();
    world.loop.advance({1'000});
    EXPECT_LT(world.table.mail_bytes_in_memory(), 1'000u);
    // and what comes after it.
    world.send_many("shop/cart", 2'000);
    world.close_epoch();
    EXPECT_LT(world.table.mail_bytes_in_memory(), 1'000u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.bytes_in_memory, world.table.mail_bytes_in_memory());
    EXPECT_GT(world.invoker.endpoints()[0]->backlog.bytes, 10'000u);

    world.targets[0]->answer = [](const Call&) { return ok(); };
    levels.outbox("a/outbox")->bytes = 0;
    world.invoker.release_held();
    world.loop.advance({20'000});
    EXPECT_EQ(world.handled_count(), 4'001u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.bytes, 0u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.bytes_in_memory, 0u);
  }
}

// --- Many types, many endpoints --------------------------------------------------------------------------------------

TEST(FunctionTypes, ThoseAtRestAreLetGoOfSoThatEachOfAnyNumberIsCalled) {
  World world({endpoint("shop/*")}, {.function_types_max = 100, .endpoint_down_max = {5'000}});
  world.targets[0]->host_of_its_own = true;
  world.targets[0]->answer = [](const Call& call) { return call.address.type == "shop/down" ? unreachable() : ok(); };
  world.send({"shop/down", "x"}, "1");
  for (std::size_t i = 0; i < 2'000; ++i) {
    const std::string type = "shop/f" + std::to_string(i);
    ASSERT_TRUE(world.invoker.has_room_for(type));
    world.send({type, "x"}, "1");
    world.loop.advance({5});
    ASSERT_EQ(world.handled_count(), i + 1);
  }
  std::size_t types = 0;
  BucketWalk walk;
  std::size_t left = 1'000'000;
  EXPECT_TRUE(world.invoker.walk_types(walk, left, [&](const FunctionType&) { ++types; }));
  EXPECT_LE(types, 120u);
  EXPECT_EQ(world.invoker.endpoints()[0]->upstreams.size(), types);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.send({"shop/f7", "x"}, "2");
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 2'002u);
}

TEST(FunctionTypes, BeyondTheBoundThereIsRoomOnlyForThoseThatAreAtWork) {
  World world({endpoint("shop/*")}, {.function_types_max = 100, .endpoint_down_max = {5'000}});
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  for (int i = 0; i < 100; ++i) world.send({"shop/f" + std::to_string(i), "x"}, "1");
  world.loop.advance({1'000});
  EXPECT_TRUE(world.invoker.has_room_for("shop/f7"));
  EXPECT_FALSE(world.invoker.has_room_for("shop/another"));
  world.send({"shop/another", "x"}, "1");  // As from a function: it is not refused, and called.
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({20'000});
  EXPECT_EQ(world.handled_count(), 101u);
  EXPECT_TRUE(world.invoker.has_room_for("shop/one-more"));
}

TEST(Endpoints, ShareTheBoundOnAllCallsWhateverTheirPlaceInTheList) {
  World world({endpoint("a/*"), endpoint("b/*"), endpoint("c/*")}, {.in_flight_max = 6, .endpoint_down_max = {5'000}});
  for (const char* type : {"a/f", "b/f", "c/f"}) world.send_many(type, 1);
  world.loop.advance({100});
  for (auto* target : world.targets) {
    target->calls.clear();
    target->latency = {10};
  }
  for (const char* type : {"a/f", "b/f", "c/f"}) world.send_many(type, 300);
  world.loop.advance({1'000});
  EXPECT_NEAR(static_cast<double>(world.calls()), 600, 10);
  for (auto* target : world.targets) EXPECT_NEAR(static_cast<double>(target->calls.size()), 200, 5);
}

// Under AddressSanitizer: types that are let go of are not looked at any more.
TEST(DroppedMail, LeavesNothingBehindThatWouldBeSpilled) {
  World world({endpoint("shop/*")}, {.function_types_max = 8, .call_bytes_max = 1'000'000, .endpoint_down_max = {5'000}});
  FakeTarget& target = *world.targets[0];
  target.host_of_its_own = true;
  world.send({"shop/rests", "1"}, "x");
  world.loop.advance({10});
  target.hold = true;
  for (const char* id : {"1", "2", "3"}) world.send({"shop/down", id}, "x");
  world.loop.run();
  target.give(0, unreachable());
  EXPECT_EQ(world.invoker.drop_unreachable("shop/down", std::nullopt, 1'000).messages, 3u);
  for (int i = 0; i < 8; ++i) world.send({"shop/f" + std::to_string(i), "1"}, "x");
  world.loop.run();
  EXPECT_EQ(target.held.size(), 8u);
}

}  // namespace
}  // namespace holdfast::runtime
