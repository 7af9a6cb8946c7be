#include "holdfast/sdk/testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "holdfast/sdk.h"

namespace holdfast::sdk {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr State<std::int64_t> kSeen{"seen"};
constexpr State<std::string> kName{"name", expire_after_write(1h)};
constexpr auto kPoint = bytes_type("example/Point");

FunctionSpec greeter() {
  return {"example/greeter", {kSeen, kName}, [](Context& ctx, const Message& message) {
            const auto seen = ctx.storage()[kSeen] += 1;
            ctx.storage()[kName] = message.as<std::string>();
            ctx.send({"shop/mailer", ctx.self().id}, "seen " + std::to_string(seen));
          }};
}

// Does what it is told by a word.
FunctionSpec doer() {
  return {"example/doer", {kSeen}, [](Context& ctx, const Message& message) {
            const auto what = message.as<std::string>();
            if (what == "send") ctx.send({"a/b", "1"}, 5);
            if (what == "twice") ctx.send({"a/b", "1"}, 5), ctx.send({"a/b", "1"}, 5);
            if (what == "later") ctx.send_after(5s, {"a/b", "1"}, kPoint, "xy");
            if (what == "token") ctx.send_after(5s, CancellationToken("t"), {"a/b", "1"}, true);
            if (what == "cancel") ctx.cancel_delayed_message(CancellationToken("t"));
            if (what == "kafka") ctx.send_egress("e/k", {.topic = "out", .key = "k", .value = "v", .headers = {{"h", "1"}}});
            if (what == "kinesis") ctx.send_egress("e/k", {.stream = "s", .partition_key = "k", .value = "v"});
            if (what == "egress") ctx.send_egress("e/other", "text");
            if (what == "reply") ctx.reply(1.5);
            if (what == "remove") ctx.storage()[kSeen].remove();
            if (what == "throw") {
              ctx.storage()[kSeen] = 9;
              ctx.send({"a/b", "1"}, 5);
              throw std::out_of_range("no such thing");
            }
          }};
}

TEST(TestContext, DeliversADelayedMessageAsFromItself) {
  std::vector<std::optional<Address>> callers;
  TestContext test({"example/alarm", [&](Context& ctx, const Message& message) {
                      callers.push_back(ctx.caller());
                      const auto what = message.as<std::string>();
                      if (what == "set") ctx.send_after(5s, ctx.self(), "ring"), ctx.send_after(5s, {"a/b", "1"}, "ring");
                      else ctx.reply("thanks for " + what);
                    }},
                   "a");
  test.caller({"example/asker", "x"}).call("set");
  const auto delayed = test.delayed();
  test.deliver(delayed.at(0));
  EXPECT_THAT(test, sent({"example/alarm", "a"}, "thanks for ring"));
  EXPECT_THROW(test.deliver(delayed.at(1)), InvalidArgument);
  test.call("more");
  EXPECT_THAT(test, replied("thanks for more"));
  EXPECT_THAT(callers, ElementsAre(Address{"example/asker", "x"}, Address{"example/alarm", "a"}, Address{"example/asker", "x"}));
}

TEST(TestContext, RunsTheExampleOfItsHeader) {
  Functions functions;
  functions.bind(greeter());
  TestContext test(functions, {"example/greeter", "bob"});
  test.storage()[kSeen] = 41;
  test.call("hi");
  EXPECT_EQ(test.storage()[kSeen].value(), 42);
  EXPECT_THAT(test, sent({"shop/mailer", "bob"}, "seen 42"));
  EXPECT_THAT(test, sent_nothing_else());
  EXPECT_TRUE(matches(test, state_is(kName, "hi")));
}

TEST(TestContext, StatesStayFromCallToCallAndEffectsAreThoseOfTheLast) {
  TestContext test(greeter(), "bob");
  EXPECT_THAT(test, state_is_empty(kSeen));
  test.call("a");
  test.call("b");
  EXPECT_THAT(test, AllOf(state_is(kSeen, 2), state_is(kName, "b")));
  EXPECT_THAT(test.sent(), ElementsAre(SentMessage{{"shop/mailer", "bob"}, typed("seen 2")}));
  EXPECT_THAT(test.changed(), ElementsAre("seen", "name"));
}

TEST(TestContext, ABatchIsOneCall) {
  TestContext test(greeter(), "bob");
  test.call_batch({typed("a"), typed("b"), typed("c")});
  EXPECT_EQ(test.sent().size(), 3u);
  EXPECT_THAT(test, state_is(kSeen, 3));
}

TEST(TestContext, APresetStateCanBeRemovedAgain) {
  TestContext test(greeter(), "bob");
  test.storage()[kSeen] = 7;
  test.storage()[kSeen].remove();
  test.call("a");
  EXPECT_THAT(test, state_is(kSeen, 1));
}

TEST(TestContext, ThrowsWhatTheFunctionThrowsAndKeepsNothingOfTheCall) {
  TestContext test(doer(), "1");
  test.storage()[kSeen] = 3;
  EXPECT_THROW(test.call("throw"), std::out_of_range);
  EXPECT_THAT(test, state_is(kSeen, 3));
  EXPECT_THAT(test, sent_nothing());
  EXPECT_THROW(test.call(5), WrongType);
}

TEST(TestContext, MatchersFindEveryKindOfEffect) {
  TestContext test(doer(), "1");
  test.call_batch({typed("send"), typed("later"), typed("token"), typed("cancel"), typed("kafka"), typed("kinesis"), typed("egress")});
  EXPECT_THAT(test, sent({"a/b", "1"}, 5));
  EXPECT_THAT(test, sent_after(5s, {"a/b", "1"}, kPoint, "xy"));
  EXPECT_THAT(test, sent_after(5s, CancellationToken("t"), {"a/b", "1"}, true));
  EXPECT_THAT(test, cancelled("t"));
  EXPECT_THAT(test, sent_egress("e/k", {.topic = "out", .key = "k", .value = "v", .headers = {{"h", "1"}}}));
  EXPECT_THAT(test, Not(sent_nothing_else()));
  EXPECT_THAT(test, sent_egress("e/k", {.stream = "s", .partition_key = "k", .value = "v"}));
  EXPECT_THAT(test, sent_egress("e/other", "text"));
  EXPECT_THAT(test, sent_nothing_else());
  EXPECT_THAT(test, Not(sent_nothing()));
  EXPECT_EQ(test.egress()[0].kafka().headers[0].second, "1");
  EXPECT_EQ(test.egress()[1].kinesis().stream, "s");
  EXPECT_THROW((void)test.egress()[2].kafka(), WrongType);
  EXPECT_EQ(test.delayed()[1].token, "t");
  EXPECT_EQ(test.cancelled()[0], "t");
  EXPECT_EQ(test.sent()[0].value.as<std::int32_t>(), 5);
}

TEST(TestContext, MatchersDoNotFindWhatDiffersInOneThing) {
  TestContext test(doer(), "1");
  test.call_batch({typed("send"), typed("later"), typed("token"), typed("kafka")});
  EXPECT_THAT(test, Not(sent({"a/b", "2"}, 5)));
  EXPECT_THAT(test, Not(sent({"a/c", "1"}, 5)));
  EXPECT_THAT(test, Not(sent({"a/b", "1"}, 6)));
  EXPECT_THAT(test, Not(sent({"a/b", "1"}, std::int64_t{5})));
  EXPECT_THAT(test, sent({"a/b", "1"}));
  EXPECT_THAT(test, Not(sent_after(4s, {"a/b", "1"})));
  EXPECT_THAT(test, Not(sent_after(5s, CancellationToken("u"), {"a/b", "1"})));
  EXPECT_THAT(test, Not(cancelled("t")));
  EXPECT_THAT(test, Not(sent_egress("e/k", {.topic = "out", .key = "k", .value = "w"})));
  EXPECT_THAT(test, Not(sent_egress("e/x")));
}

TEST(TestContext, TheSameSentTwiceIsFoundTwice) {
  TestContext test(doer(), "1");
  test.call("twice");
  EXPECT_THAT(test, sent({"a/b", "1"}, 5));
  EXPECT_THAT(test, Not(sent_nothing_else()));
  EXPECT_THAT(test, sent({"a/b", "1"}, 5));
  EXPECT_THAT(test, sent_nothing_else());
}

TEST(TestContext, ARemovedStateIsEmptyAfterwards) {
  TestContext test(doer(), "1");
  test.storage()[kSeen] = 3;
  test.call("remove");
  EXPECT_THAT(test, state_is_empty(kSeen));
  EXPECT_THAT(test, Not(changed_no_state()));
  test.call("send");
  EXPECT_THAT(test, changed_no_state());
}

TEST(TestContext, RepliesGoToTheCaller) {
  TestContext test(doer(), "1");
  EXPECT_THROW(test.call("reply"), InvalidArgument);
  test.caller({"x/y", "z"}).call("reply");
  EXPECT_THAT(test, replied(1.5));
  EXPECT_THAT(test, sent({"x/y", "z"}, 1.5));
  EXPECT_THAT(test, sent_nothing_else());
  test.no_caller();
  EXPECT_THROW(test.call("reply"), InvalidArgument);
}

TEST(TestContext, WaitsForAFunctionThatCompletesLater) {
  std::thread other;
  TestContext test({"a/async", {kSeen}, [&](Context& ctx, const Message&, Completion done) {
                      other = std::thread([&ctx, done]() mutable {
                        ctx.storage()[kSeen] += 1;
                        done.complete();
                      });
                    }},
                   "1");
  test.call("x");
  other.join();
  EXPECT_THAT(test, state_is(kSeen, 1));
}

TEST(TestContext, ACallCanBeFinishedByTheTest) {
  std::optional<Completion> kept;
  TestContext test({"a/async", [&](Context&, const Message&, Completion done) { kept = std::move(done); }}, "1");
  test.start("x");
  EXPECT_THROW(test.start("y"), InvalidArgument);
  kept->fail("the bank is closed");
  try {
    test.finish();
    FAIL() << "it was a failure";
  } catch (const CallFailed& failed) {
    EXPECT_STREQ(failed.what(), "a/async/1: the bank is closed");
  }
  EXPECT_THROW(test.finish(), InvalidArgument);
  test.start("x");
  EXPECT_THROW(test.finish(0ms), CallFailed);  // It completes only after that.
  kept->complete();
}

TEST(TestContext, RefusesWhatIsNotThere) {
  EXPECT_THROW(TestContext(Functions(), {"a/b", "1"}), InvalidArgument);
  TestContext test(doer(), "1");
  EXPECT_THROW(test.call_batch({}), InvalidArgument);
  EXPECT_THROW(test.caller({"nobody", "1"}), InvalidArgument);
  EXPECT_THROW(test.storage()[kName] = "x", WrongState);
}

TEST(TestContext, FailuresSayWhatWasDone) {
  TestContext test(doer(), "1");
  test.call_batch({typed("send"), typed("later"), typed("token"), typed("cancel"), typed("kafka"), typed("remove")});
  std::ostringstream did;
  did << test;
  EXPECT_EQ(did.str(),
            "a call of example/doer/1 that\n"
            "  sent 5 (io.statefun.types/int) to a/b/1\n"
            "  sent \"xy\" (example/Point) to a/b/1 after 5000 ms\n"
            "  sent true (io.statefun.types/bool) to a/b/1 after 5000 ms with token \"t\"\n"
            "  took back \"t\"\n"
            "  sent a Kafka record {topic \"out\", key \"k\", value \"v\", header \"h\" \"1\"} to egress e/k\n"
            "  changed state seen");
  std::ostringstream why;
  EXPECT_FALSE(matches(test, state_is(kSeen, 4), &why));
  EXPECT_EQ(why.str(), "it is empty");
  std::ostringstream description;
  sent_after(5s, {"a/b", "1"}, 7).DescribeTo(&description);
  EXPECT_EQ(description.str(), "sent 7 (io.statefun.types/int) to a/b/1 after 5000 ms");
  std::ostringstream rest;
  EXPECT_TRUE(matches(test, sent({"a/b", "1"})));
  EXPECT_FALSE(matches(test, sent_nothing_else(), &rest));
  EXPECT_THAT(rest.str(), AllOf(HasSubstr("sent \"xy\""), Not(HasSubstr("sent 5"))));
}

}  // namespace
}  // namespace holdfast::sdk
