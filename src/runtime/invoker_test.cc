// The invoker with functions, time and a host that do as the test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/invoker_fixture.h"

namespace holdfast::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Invoker, AddressIsCalledOnceAtATimeAndWhatArrivesMeanwhileIsTheNextBatch) {
  World world({endpoint("shop/*")});
  world.targets[0]->hold = true;
  world.send(kAlice, "1", "trace-1");
  world.loop.run();
  for (const char* payload : {"2", "3", "4"}) world.send(kAlice, payload, payload == std::string("3") ? "trace-3" : "");
  world.loop.run();
  ASSERT_EQ(world.targets[0]->calls.size(), 1u);
  world.targets[0]->give(0, ok());
  world.loop.run();
  ASSERT_EQ(world.targets[0]->calls.size(), 2u);
  EXPECT_THAT(world.targets[0]->calls[0].payloads, ElementsAre("1"));
  EXPECT_EQ(world.targets[0]->calls[0].traceparent, "trace-1");
  EXPECT_THAT(world.targets[0]->calls[1].payloads, ElementsAre("2", "3", "4"));
  EXPECT_EQ(world.targets[0]->calls[1].traceparent, "trace-3");
}

TEST(Invoker, BatchIsBoundedByCount) {
  auto spec = endpoint("shop/*");
  spec.max_batch = 3;
  World world({spec});
  for (int i = 0; i < 8; ++i) world.send(kAlice, std::to_string(i));
  world.loop.advance({100});
  std::vector<std::size_t> sizes;
  for (const auto& call : world.targets[0]->calls) sizes.push_back(call.payloads.size());
  EXPECT_THAT(sizes, ElementsAre(3, 3, 2));
  EXPECT_EQ(world.handled_count(), 8u);
}

TEST(Invoker, BatchIsBoundedByThePayloadAndOneThatIsTooLargeGoesAlone) {
  auto spec = endpoint("shop/*");
  spec.payload_bytes_max = 5'000;
  World world({spec});
  for (int i = 0; i < 10; ++i) world.send(kAlice, std::string(i == 4 ? 9'000 : 1'000, 'x'));
  world.loop.advance({100});
  for (const auto& call : world.targets[0]->calls)
    EXPECT_TRUE(call.bytes <= 5'000 || call.payloads.size() == 1) << call.bytes;
  EXPECT_LT(world.targets[0]->calls.size(), 8u);  // It is still batches.
  EXPECT_EQ(world.handled_count(), 10u);
}

TEST(Invoker, StatesThatFillThePayloadLeaveOneMessageToACallWhoseMailIsInRows) {
  auto spec = endpoint("shop/*");
  spec.payload_bytes_max = 1'000;  // Less than what a request is taken to be without any message.
  World world({spec});
  world.open = false;
  for (int i = 0; i < 3; ++i) world.send(kAlice, std::to_string(i));
  world.close_epoch();
  world.table.let_go_of_mail(world.table.entity(kAlice));
  world.open = true;
  world.wake();
  world.loop.advance({100});
  EXPECT_THAT(world.handled[kAlice], ElementsAre("0", "1", "2"));
}

TEST(Invoker, EndpointHasNoMoreCallsUnderWayThanItsBound) {
  auto spec = endpoint("shop/*");
  spec.max_concurrent = 4;
  World world({spec, endpoint("other/*")});
  world.send_many("shop/cart", 50, 3);
  world.send_many("other/x", 50);
  world.loop.advance({1'000});
  EXPECT_EQ(world.targets[0]->in_flight_max, 4u);
  EXPECT_EQ(world.targets[1]->in_flight_max, 49u);  // All that were waiting for the first contact.
  EXPECT_EQ(world.handled_count(), 200u);
  EXPECT_EQ(world.invoker.in_flight(), 0u);
}

TEST(Invoker, SpecificEndpointIsPreferredAndTypesOfNoneAreNotCalled) {
  World world({endpoint("shop/*"), endpoint("shop/cart"), endpoint("other/x")});
  EXPECT_TRUE(world.invoker.knows("shop/anything"));
  EXPECT_FALSE(world.invoker.knows("shop/deeper/anything"));
  EXPECT_FALSE(world.invoker.knows("nobody/x"));
  world.send(kAlice, "1");
  world.send({"shop/mailer", "m"}, "1");
  world.send({"nobody/x", "m"}, "1");
  world.loop.advance({100});
  EXPECT_EQ(world.targets[0]->calls.size(), 1u);
  EXPECT_EQ(world.targets[1]->calls.size(), 1u);
  EXPECT_EQ(world.handled_count(), 2u);
}

TEST(Invoker, NothingIsCalledWhileTheHostSaysNo) {
  World world({endpoint("shop/*")});
  world.open = false;
  world.send_many("shop/cart", 3);
  world.loop.advance({1'000});
  EXPECT_EQ(world.calls(), 0u);
  world.open = true;
  world.wake();
  world.loop.advance({100});
  EXPECT_EQ(world.handled_count(), 3u);
}

TEST(Invoker, TypeIsCalledOnceUntilItHasAnsweredAndOtherTypesDoNotWait) {
  World world({endpoint("shop/*")});
  world.targets[0]->hold = true;
  world.send_many("shop/cart", 100);
  world.send_many("shop/mailer", 100);
  world.loop.run();
  ASSERT_EQ(world.calls(), 2u);
  world.targets[0]->give(0, ok());
  world.loop.run();
  EXPECT_EQ(world.calls(), 101u);
}

TEST(Invoker, FirstCallThatHangsKeepsTheOthersWaitingForAMomentOnly) {
  World world({endpoint("shop/*")});
  world.targets[0]->hold = true;
  world.send_many("shop/cart", 100);
  world.loop.run();
  ASSERT_EQ(world.calls(), 1u);
  world.loop.advance({1'000});
  EXPECT_EQ(world.calls(), 100u);
}

// Found by the simulator, seed 31715: those who waited for first contact were forgotten.
TEST(Invoker, DeclarationFromAnotherShardLetsThoseWhoWaitGoOn) {
  World world({endpoint("shop/*")});
  world.targets[0]->hold = true;
  world.send_many("shop/cart", 10);
  world.loop.run();
  ASSERT_EQ(world.calls(), 1u);
  world.table.set_registration("shop/cart", {{{"a", "t", {}, {}}}});
  world.targets[0]->give(0, incomplete({"a"}));
  world.loop.run();
  EXPECT_EQ(world.calls(), 11u);
}

TEST(Invoker, IncompleteContextIsDeclaredOnceAndThenAllGoOnWithTheState) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call& call) { return call.states.empty() ? incomplete({"a", "b"}) : ok(); };
  world.send_many("shop/cart", 100);
  world.loop.advance({1'000});
  EXPECT_EQ(world.handled_count(), 100u);
  EXPECT_EQ(world.calls(), 101u);
  EXPECT_EQ(world.declarations, 1u);
  EXPECT_THAT(world.targets[0]->calls.back().states, ElementsAre("a", "b"));
  EXPECT_THAT(world.settled, IsEmpty());
}

TEST(Invoker, FunctionThatWantsMoreStatesLaterGetsThem) {
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  world.targets[0]->answer = [](const Call& call) { return call.states.empty() ? incomplete({"new"}) : ok(); };
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_EQ(world.handled_count(), 20u);
  EXPECT_EQ(world.declarations, 1u);
}

TEST(Invoker, FunctionThatAsksForWhatItWasSentOrForNothingIsRefused) {
  for (const bool names_one : {true, false}) {
    World world({endpoint("shop/*")});
    world.targets[0]->answer = [&](const Call&) { return names_one ? incomplete({"a"}) : incomplete({}); };
    for (int i = 0; i < 4; ++i) world.send(kAlice, std::to_string(i));
    world.loop.advance({60'000});
    EXPECT_EQ(world.settled.size(), 4u);
    EXPECT_THAT(world.reasons[0], HasSubstr("incomplete context"));
    EXPECT_LT(world.calls(), 20u);
  }
}

// What a function of a StateFun SDK does.
std::function<InvocationOutcome(const Call&)> declares(std::vector<std::string> names) {
  return [names = std::move(names)](const Call& call) {
    std::vector<std::string> missing;
    for (const auto& name : names)
      if (std::ranges::find(call.states, name) == call.states.end()) missing.push_back(name);
    return missing.empty() ? ok() : incomplete(std::move(missing));
  };
}
std::size_t calls_without_states(const FakeTarget& target) {
  return static_cast<std::size_t>(std::ranges::count_if(target.calls, [](const Call& call) { return call.states.empty(); }));
}
std::vector<std::string> orphans(const World& world) {
  std::vector<std::string> out;
  for (const auto& orphan : world.table.registration("shop/cart")->orphans) out.push_back(orphan.spec.name);
  return out;
}
const model::RegistrationRow kKnown{{{"a", "t", {}, {}}, {"b", "t", {}, {}}}, {}, 1};

TEST(Invoker, TypeThatHasDeclaredStatesBeforeIsAskedByOneCallAndTheOthersWaitForIt) {
  World world({endpoint("shop/*")});
  world.table.set_registration("shop/cart", kKnown);
  world.targets[0]->answer = declares({"b", "a"});
  world.send_many("shop/cart", 100);
  world.loop.advance({100});
  EXPECT_EQ(world.calls(), 101u);
  EXPECT_EQ(calls_without_states(*world.targets[0]), 1u);
  EXPECT_EQ(world.handled_count(), 100u);
  EXPECT_EQ(world.declarations, 0u);  // It said nothing new.
  EXPECT_EQ(*world.table.registration("shop/cart"), kKnown);
}

TEST(Invoker, WhatAFunctionNoLongerDeclaresIsNotSentUntilItIsDeclaredAgain) {
  World world({endpoint("shop/*")});
  world.table.set_registration("shop/cart", kKnown);
  world.targets[0]->answer = declares({"b"});
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_THAT(world.targets[0]->calls.back().states, ElementsAre("b"));
  EXPECT_THAT(orphans(world), ElementsAre("a"));
  EXPECT_EQ(world.calls(), 11u);

  world.targets[0]->answer = declares({"a", "b"});
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_THAT(world.targets[0]->calls.back().states, ElementsAre("b", "a"));
  EXPECT_THAT(orphans(world), IsEmpty());
  EXPECT_EQ(world.handled_count(), 20u);
  EXPECT_THAT(world.settled, IsEmpty());
}

TEST(Invoker, FunctionThatDoesItsWorkWithoutStatesDeclaresNone) {
  World world({endpoint("shop/*")});
  world.table.set_registration("shop/cart", kKnown);
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_EQ(world.calls(), 10u);  // It costs nothing.
  EXPECT_EQ(world.handled_count(), 10u);
  EXPECT_THAT(world.targets[0]->calls.back().states, IsEmpty());
  EXPECT_THAT(orphans(world), ElementsAre("a", "b"));
}

TEST(Invoker, FunctionThatChangesAStateItWasNotSentIsCalledAgainWithItAndKeepsIt) {
  World world({endpoint("shop/*")});
  world.table.set_registration("shop/cart", kKnown);
  world.targets[0]->answer = [](const Call&) {
    model::InvocationResponse response;
    response.mutations.push_back({model::StateMutation::Kind::Modify, "a", "t", "x"});
    return response;
  };
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_EQ(world.calls(), 11u);
  EXPECT_EQ(calls_without_states(*world.targets[0]), 1u);
  EXPECT_EQ(world.handled_count(), 10u);
  EXPECT_THAT(orphans(world), IsEmpty());
}

TEST(Invoker, TypeIsAskedOnceMoreWhenItsEndpointWasAwayAndWhenSomebodySaysSo) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  std::size_t asked = 0;
  const auto function = declares({"a"});
  const auto counting = [&](const Call& call) {
    asked += call.states.empty();
    return function(call);
  };
  target.answer = counting;
  world.send_many("shop/cart", 20);
  world.loop.advance({100});
  EXPECT_EQ(asked, 1u);
  world.send_many("shop/cart", 20);
  world.loop.advance({100});
  EXPECT_EQ(asked, 1u);

  target.answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 20);
  world.loop.advance({20'000});
  target.answer = counting;
  world.loop.advance({20'000});
  EXPECT_EQ(asked, 2u);
  world.invoker.ask_again();
  world.send_many("shop/cart", 20);
  world.loop.advance({100});
  EXPECT_EQ(asked, 3u);
  EXPECT_EQ(world.handled_count(), 80u);
}

TEST(Invoker, ReplicasThatAreReplacedInTurnsAreHeardNowAndThen) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  target.answer = declares({"a", "b"});
  world.send(kAlice, "1");
  world.loop.advance({100});
  target.answer = declares({"b"});
  for (int i = 0; i < 100; ++i) {
    world.send(kAlice, "1");
    world.loop.advance({10'000});
  }
  EXPECT_THAT(orphans(world), ElementsAre("a"));
  EXPECT_EQ(calls_without_states(target), 2u);
}

// Goal: old and new replicas that answer in turns, of which each says what it lacks, neither loop nor come to a standstill.
TEST(Invoker, OldAndNewReplicasInTurnsGetWhatEachOfThemDeclares) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  world.table.set_registration("shop/cart", kKnown);
  const auto old_one = declares({"a", "b"}), new_one = declares({"b", "c"});
  int turn = 0;
  target.answer = [&](const Call& call) { return ++turn % 2 == 0 ? old_one(call) : new_one(call); };
  for (int i = 0; i < 50; ++i) {
    world.send_many("shop/cart", 10);
    world.loop.advance({100});
  }
  EXPECT_EQ(world.handled_count(), 500u);
  EXPECT_LE(world.declarations, 2u);
  EXPECT_LE(world.calls(), 510u);
  EXPECT_THAT(world.settled, IsEmpty());
}

TEST(Invoker, CallThatAsksAndHangsKeepsNobodyForLongAndIsHeardWhenItAnswers) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  world.table.set_registration("shop/cart", kKnown);
  target.hold = true;
  world.send_many("shop/cart", 100);
  world.loop.run();
  ASSERT_EQ(world.calls(), 1u);
  world.loop.advance({1'000});
  EXPECT_EQ(world.calls(), 100u);
  EXPECT_EQ(calls_without_states(target), 1u);  // The others have what was known.
  target.give(0, incomplete({"b"}));
  world.loop.run();
  EXPECT_THAT(orphans(world), ElementsAre("a"));
  EXPECT_THAT(target.calls.back().states, ElementsAre("b"));
}

TEST(Invoker, QuestionThatFailsStaysOpenAndOneCallAtATimeAsks) {
  World world({endpoint("shop/*")});
  FakeTarget& target = *world.targets[0];
  world.table.set_registration("shop/cart", kKnown);
  std::size_t asking = 0, asking_max = 0;
  target.answer = [&](const Call& call) {
    asking -= call.states.empty();
    return failed();
  };
  world.send_many("shop/cart", 20);
  for (int i = 0; i < 1'000; ++i) {
    const std::size_t before = target.calls.size();
    world.loop.advance({1});
    for (std::size_t j = before; j < target.calls.size(); ++j) asking += target.calls[j].states.empty();
    asking_max = std::max(asking_max, asking);
  }
  EXPECT_EQ(asking_max, 1u);
  target.answer = declares({"b"});
  world.loop.advance({60'000});
  EXPECT_THAT(orphans(world), ElementsAre("a"));
  EXPECT_EQ(world.handled_count(), 20u);
}

TEST(Invoker, DeclarationThatIsRefusedIsTheReasonAndTheTypeIsNotStuck) {
  World world({endpoint("shop/*")});
  world.table.set_registration("shop/cart", {{{"a", "another type", model::ExpireMode::None, {}}}});
  bool is_mended = false;
  world.targets[0]->answer = [&](const Call&) { return is_mended ? ok() : incomplete({"a", "b"}); };
  world.send(kAlice, "1");
  world.loop.advance({100});
  EXPECT_THAT(world.settled, ElementsAre("1"));
  EXPECT_THAT(world.reasons[0], HasSubstr("another type"));
  is_mended = true;
  world.send_many("shop/cart", 10);
  world.loop.advance({100});
  EXPECT_EQ(world.handled_count(), 10u);
}

TEST(Invoker, FailureIsRetriedWithGrowingPausesUntilTheAttemptsAreUsedUp) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry = {{100}, 2.0, {1'000}, 0.2, 8};
  World world({spec});
  world.targets[0]->answer = [](const Call&) { return failed(); };
  world.send(kAlice, "1");
  world.loop.advance({600'000});
  const auto& calls = world.targets[0]->calls;
  ASSERT_EQ(calls.size(), 8u);
  double expected = 100;
  for (std::size_t i = 1; i < calls.size(); ++i) {
    const auto pause = static_cast<double>((calls[i].at - calls[i - 1].at).ms) - 1;  // The call took 1 ms.
    EXPECT_GE(pause, std::floor(expected * 0.8)) << i;
    EXPECT_LE(pause, expected * 1.2) << i;
    expected = std::min(expected * 2, 1'000.0);
  }
  EXPECT_THAT(world.settled, ElementsAre("1"));
  EXPECT_THAT(world.reasons, ElementsAre("it broke"));
}

TEST(Invoker, WithoutABoundOnAttemptsNothingIsGivenUp) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.max_attempts = 0;
  World world({spec});
  world.targets[0]->answer = [](const Call&) { return failed(); };
  world.send(kAlice, "1");
  world.loop.advance({3'600'000});
  EXPECT_GT(world.calls(), 300u);
  EXPECT_LT(world.calls(), 600u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({20'000});
  EXPECT_EQ(world.handled_count(), 1u);
}

TEST(Invoker, FailingBatchIsHalvedUntilTheBadMessageIsAloneAndOnlyThatIsSettled) {
  for (const auto kind : {InvocationFailure::Kind::Failed, InvocationFailure::Kind::Refused})
    for (int bad = 0; bad < 16; ++bad) {
      auto spec = endpoint("shop/*");
      spec.on_failure.retry.max_attempts = 3;
      World world({spec});
      world.targets[0]->answer = [&](const Call& call) {
        return std::ranges::find(call.payloads, std::to_string(bad)) == call.payloads.end() ? ok() : failure(kind);
      };
      std::vector<std::string> good;
      for (int i = 0; i < 16; ++i) {
        world.send(kAlice, std::to_string(i));
        if (i != bad) good.push_back(std::to_string(i));
      }
      world.loop.advance({600'000});
      ASSERT_THAT(world.settled, ElementsAre(std::to_string(bad)));
      ASSERT_EQ(world.handled[kAlice], good);
      ASSERT_LT(world.calls(), 30u);
    }
}

TEST(Invoker, ParkedAddressIsNotCalledWhileOthersGoOnAndIsOnceItIsUnparked) {
  auto spec = endpoint("shop/*");
  spec.on_failure.then = model::FailureAction::Park;
  World world({spec});
  world.targets[0]->answer = [](const Call& call) { return call.address == kAlice ? refused() : ok(); };
  world.send(kAlice, "1");
  world.send(kAlice, "2");
  world.send_many("shop/cart", 5);
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 5u);
  EXPECT_THAT(world.settled, ElementsAre("1"));
  const auto calls = world.calls();
  world.send(kAlice, "3");
  world.loop.advance({10'000});
  EXPECT_EQ(world.calls(), calls);

  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.table.apply(partition::ChangeAddress{.address = kAlice, .park = partition::ChangeAddress::Park::Clear});
  world.invoker.offer(world.table.entity(kAlice));
  world.loop.advance({10'000});
  EXPECT_THAT(world.handled[kAlice], ElementsAre("1", "2", "3"));
}

TEST(Invoker, AnswerTheHostRefusesIsSettledWithItsReasonAndTheRestGoesOn) {
  World world({endpoint("shop/*")});
  world.judge = [](const std::vector<std::string>& payloads) -> Result<void> {
    if (std::ranges::find(payloads, "3") != payloads.end()) return fail(ErrorCode::Invalid, "unknown egress");
    return {};
  };
  for (int i = 0; i < 6; ++i) world.send(kAlice, std::to_string(i));
  world.loop.advance({10'000});
  EXPECT_THAT(world.settled, ElementsAre("3"));
  EXPECT_THAT(world.reasons, ElementsAre("unknown egress"));
  EXPECT_THAT(world.handled[kAlice], ElementsAre("0", "1", "2", "4", "5"));
}

TEST(Invoker, EndpointThatIsDownIsTriedNowAndThenAndOthersNeverNotice) {
  World world({endpoint("shop/*"), endpoint("other/*")});
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 200, 2);
  world.send_many("shop/mailer", 200, 2);
  for (int i = 0; i < 600; ++i) {
    world.send({"other/x", std::to_string(i)}, "x");
    ASSERT_TRUE(world.loop.advance({1'000}));
    ASSERT_EQ(world.handled_count(), static_cast<std::size_t>(i) + 1);  // Within the second.
  }
  EXPECT_GT(world.targets[0]->calls.size(), 100u);  // At most 6 s apart.
  EXPECT_LT(world.targets[0]->calls.size(), 200u);
  EXPECT_THAT(world.settled, IsEmpty());

  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 600u + 800u);
}

TEST(Invoker, CallThatHangsDoesNotKeepAnEndpointDownThatIsBack) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 100);
  world.loop.advance({3'000});
  world.targets[0]->hold = true;
  while (world.targets[0]->held.empty()) ASSERT_TRUE(world.loop.advance({100}));
  world.targets[0]->hold = false;
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({5'000});
  EXPECT_EQ(world.targets[0]->held.size(), 1u);
  EXPECT_EQ(world.handled_count(), 99u);
}

TEST(Invoker, CallsThatFindOutTogetherThatAnEndpointIsDownMakeOnePause) {
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 100);
  world.loop.advance({100});
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.targets[0]->calls.clear();
  world.send_many("shop/cart", 100);
  world.loop.advance({600'000});
  EXPECT_LT(world.calls(), 100u + 200u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({10'000});
  EXPECT_EQ(world.handled_count(), 200u);
}

// An endpoint that goes down, answers a call from before, and goes down again must be waited for like any other.
TEST(Invoker, AnswerFromBeforeTheOutageDoesNotMakeTheNextOutageABusyLoop) {
  for (const bool answers_during_pause : {true, false}) {
    World world({endpoint("shop/*")});
    FakeTarget& target = *world.targets[0];
    world.send(kAlice, "0");
    world.loop.advance({100});
    target.hold = true;
    world.send(kAlice, "1");
    world.send({"shop/cart", "bob"}, "1");
    world.loop.run();
    ASSERT_EQ(target.held.size(), 2u);
    target.give(0, unreachable());
    target.give(0, answers_during_pause ? ok() : failed());
    target.hold = false;
    target.answer = [](const Call&) { return unreachable(); };
    target.calls.clear();
    world.send({"shop/cart", "carol"}, "1");
    ASSERT_TRUE(world.loop.advance({60'000}));
    EXPECT_LT(target.calls.size(), 50u);
    target.answer = [](const Call&) { return ok(); };
    world.loop.advance({10'000});
    EXPECT_EQ(world.handled_count(), 4u);
  }
}

TEST(Invoker, FailingFirstContactCostsEachAddressItsOwnTriesOnly) {
  World world({endpoint("shop/*")});
  world.targets[0]->answer = [](const Call&) { return failed(); };
  constexpr int kAddresses = 500;
  world.send_many("shop/cart", kAddresses);
  world.wakes = 0;
  world.loop.advance({2'000});
  EXPECT_LT(world.wakes, 4 * world.calls() + kAddresses);  // Not all who wait, each time one fails.
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({60'000});
  EXPECT_EQ(world.handled_count(), static_cast<std::size_t>(kAddresses));
}

// Goal: whatever the function and the way to it do, every message is handled once and in order, or settled; nobody is stuck.
// Method: random answers of every kind for a while, then good ones.
// An answer that sends so many bytes.
InvocationOutcome large(std::size_t bytes) {
  model::InvocationResponse response;
  response.sends.push_back({kAlice, {"v", std::string(bytes, 'x'), true}});
  return response;
}

TEST(Invoker, AnswersThatTheHostCannotTakeWaitInOrderAndNothingIsCalledWhileTheyHoldTheBytesThereMayBe) {
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 1);  // The first contact.
  world.loop.advance({1'000});
  auto& target = *world.targets[0];
  target.hold = true;
  world.send_many("shop/cart", 3);
  world.loop.run();
  ASSERT_EQ(target.held.size(), 3u);
  world.accepting = false;
  target.give(0, large(600'000));
  target.give(0, large(600'000));
  world.loop.run();
  EXPECT_EQ(world.handled_count(), 1u);
  EXPECT_EQ(world.invoker.in_flight(), 3u);
  world.send({"shop/cart", "late"}, "x");
  world.loop.run();
  EXPECT_EQ(target.held.size(), 1u);  // It is not called.
  target.give(0, failed());           // Failures change nothing, and wait for nobody.
  world.loop.run();
  EXPECT_EQ(world.invoker.in_flight(), 2u);

  world.accepting = true;
  world.wake();
  world.loop.run();
  EXPECT_EQ(world.handled_count(), 3u);
  ASSERT_EQ(target.held.size(), 1u);
  EXPECT_EQ(target.held[0].first.address.id, "late");
}

TEST(Invoker, RequestsUnderWayHoldABoundedNumberOfBytes) {
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 1);
  world.loop.advance({1'000});
  auto& target = *world.targets[0];
  target.hold = true;
  for (int i = 0; i < 5; ++i) world.send({"shop/cart", std::to_string(i)}, std::string(400'000, 'x'));
  world.loop.run();
  ASSERT_EQ(target.held.size(), 3u);  // The third passes the bound; those after it wait.
  target.give(0, ok());
  world.loop.run();
  EXPECT_EQ(target.held.size(), 3u);
}

// However small the bound: one at a time goes on.
TEST(Invoker, ARequestLargerThanTheBoundIsMadeAlone) {
  World world({endpoint("shop/*")});
  world.send_many("shop/cart", 1);
  world.loop.advance({1'000});
  auto& target = *world.targets[0];
  target.hold = true;
  for (int i = 0; i < 3; ++i) world.send({"shop/cart", std::to_string(i)}, std::string(1'500'000, 'x'));
  for (int left = 3; left > 0; --left) {
    world.loop.run();
    ASSERT_EQ(target.held.size(), 1u);
    target.give(0, ok());
  }
  world.loop.run();
  EXPECT_EQ(world.handled_count(), 4u);
}

// --- Bursts ---

Invoker::Limits burst_limits() {
  return {.call_bytes_max = 1'000'000,
          .endpoint_down_max = {5'000},
          .ready_addresses_max = 64,
          .pace = {.burst_min = 10, .burst_max = 10, .burst_time = {100}}};
}

TEST(Invoker, WhoeverGivesMoreThanABurstWaitsForTheNextEpoch) {
  World world({endpoint("shop/*")}, burst_limits());
  using enum Invoker::Admission;
  EXPECT_EQ(world.invoker.admission("shop/cart"), Now);
  world.invoker.note_taken_in("shop/cart", 9);
  EXPECT_EQ(world.invoker.admission("shop/cart"), Now);
  world.invoker.note_taken_in("shop/cart", 1);
  EXPECT_EQ(world.invoker.admission("shop/cart"), NextEpoch);
  world.invoker.epoch_closed();
  EXPECT_EQ(world.invoker.admission("shop/cart"), Now);
}

TEST(Invoker, WhatWaitsToBeTriedAgainKeepsNoEpochOpen) {
  World world({endpoint("shop/*")}, burst_limits());
  world.targets[0]->answer = [](const Call& call) { return call.address.id == "0" ? ok() : failed(); };
  world.send_many("shop/cart", 30);
  for (int i = 0; i < 20; ++i) {
    world.send({"shop/cart", "0"}, "again");
    world.loop.advance({5});
  }
  EXPECT_GT(world.invoker.endpoints()[0]->backlog.messages, 25u);
  EXPECT_GT(world.invoker.backlog_of_upstream("shop/cart"), 25u);
  world.invoker.note_taken_in("shop/cart", 29);
  EXPECT_FALSE(world.invoker.is_burst_under_way());
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({120'000});
  EXPECT_EQ(world.handled_count(), 50u);
  EXPECT_EQ(world.invoker.backlog_of_upstream("shop/cart"), 0u);
  EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 0u);
}

// Beyond it their mail would have to be read from rows again.
TEST(Invoker, NoMoreAreTakenInThanCanBeReady) {
  auto limits = burst_limits();
  limits.ready_addresses_max = 32;
  limits.pace = {.burst_min = 1'000};
  World world({endpoint("shop/*")}, limits);
  using enum Invoker::Admission;
  world.send_many("shop/cart", 1);
  world.loop.advance({20});
  world.open = false;
  world.send_many("shop/cart", 11);
  EXPECT_EQ(world.invoker.admission("shop/cart"), Now);
  world.send_many("shop/cart", 12);
  EXPECT_EQ(world.invoker.admission("shop/cart"), AfterAnswers);
}

TEST(Invoker, EverybodyIsServedInOrderOnceTheWorldIsWellAgain) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    auto spec = endpoint("shop/*");
    spec.max_concurrent = 1 + static_cast<std::uint32_t>(random.below(5));
    spec.max_batch = static_cast<std::uint32_t>(random.below(5));
    spec.on_failure.retry.max_attempts = 0;
    World world({spec, endpoint("other/*")});
    std::map<model::Address, std::vector<std::string>> sent;
    std::size_t states = 0;
    const std::uint64_t illness = random.below(100);
    for (auto* target : world.targets)
      target->answer = [&](const Call& call) -> InvocationOutcome {
        if (call.states.size() < states) {
          std::vector<std::string> names;
          for (std::size_t i = 0; i < states; ++i) names.push_back("s" + std::to_string(i));
          return incomplete(std::move(names));
        }
        if (random.below(100) >= illness) return ok();
        return random.below(2) == 0 ? failed() : unreachable();
      };
    for (int step = 0; step < 150; ++step) {
      const model::Address to{random.below(3) == 0 ? "other/x" : random.below(2) == 0 ? "shop/cart" : "shop/mailer",
                              std::to_string(random.below(6))};
      for (std::uint64_t n = random.below(4); n > 0; --n) {
        const std::string payload = std::to_string(step) + "." + std::to_string(n);
        sent[to].push_back(payload);
        world.send(to, payload);
      }
      for (auto* target : world.targets) target->latency = {static_cast<std::int64_t>(1 + random.below(20))};
      if (random.below(30) == 0) ++states;
      if (random.below(20) == 0) world.open = !world.open;
      if (random.below(10) == 0) {
        std::vector<std::pair<std::string, std::uint64_t>> streams;
        (void)world.table.close({static_cast<std::uint64_t>(step) + 2}, streams);
      }
      ASSERT_TRUE(world.loop.advance({static_cast<std::int64_t>(random.below(30))}));
    }
    world.open = true;
    world.wake();
    for (auto* target : world.targets)
      target->answer = [](const Call&) { return ok(); };
    ASSERT_TRUE(world.loop.advance({120'000}));
    EXPECT_EQ(world.handled, sent);
    EXPECT_THAT(world.settled, IsEmpty());
    EXPECT_EQ(world.invoker.in_flight(), 0u);
    EXPECT_LE(world.targets[0]->in_flight_max, spec.max_concurrent);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::runtime
