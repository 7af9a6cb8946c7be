#include "holdfast/sdk/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request.h"

namespace holdfast::sdk {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr State<std::int64_t> kSeen{"seen"};
constexpr State<bool> kFlag{"flag", expire_after_call(1min)};

const auto kNothing = [](Context&, const Message&) {};

std::string refusal(const FunctionSpec& spec) {
  return thrown<InvalidArgument>([&] { Functions().bind(spec); });
}

TEST(Functions, AreFoundByTheirType) {
  Functions functions;
  functions.bind({"b/x", {kSeen, kFlag}, kNothing}).bind({"a/y", kNothing, Execution::Blocking});
  EXPECT_THAT(functions.types(), ElementsAre("a/y", "b/x"));
  ASSERT_NE(functions.find("b/x"), nullptr);
  const auto& states = functions.find("b/x")->states;
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].name, "seen");
  EXPECT_EQ(states[0].type, "io.statefun.types/long");
  EXPECT_EQ(states[1].expiration, expire_after_call(1min));
  EXPECT_EQ(functions.find("a/y")->execution, Execution::Blocking);
  EXPECT_EQ(functions.find("a/z"), nullptr);
}

TEST(Functions, RefusalsNameTheFunction) {
  EXPECT_EQ(refusal({"greeter", kNothing}), "function 'greeter': expected a type, namespace/name");
  EXPECT_EQ(refusal({"a/\xff", kNothing}), "function 'a/\xff': expected a type, namespace/name");
  EXPECT_EQ(refusal({"a/b", {kSeen, kSeen}, kNothing}), "function 'a/b': state 'seen' is declared twice");
  EXPECT_EQ(refusal({"a/b", {StateSpec("2x", "a/b")}, kNothing}),
            "function 'a/b': state '2x': expected letters, digits and '_', and no digit first");
  EXPECT_EQ(refusal({"a/b", {StateSpec("", "a/b")}, kNothing}),
            "function 'a/b': state '': expected letters, digits and '_', and no digit first");
  EXPECT_EQ(refusal({"a/b", {StateSpec("x", "long")}, kNothing}), "function 'a/b': state 'x' has type 'long': expected namespace/name");
  EXPECT_EQ(refusal({"a/b", {StateSpec("x", "a/b", {Expiration::Mode::AfterWrite, 0ms})}, kNothing}),
            "function 'a/b': state 'x' expires after 0 ms: expected 1 or more");
  EXPECT_EQ(refusal({"a/b", SyncFunction()}), "function 'a/b': has no code");
  EXPECT_EQ(refusal({"a/b", AsyncFunction()}), "function 'a/b': has no code");
  Functions twice;
  EXPECT_EQ(thrown<InvalidArgument>([&] { twice.bind({"holdfast/request", kNothing}); }),
            "function 'holdfast/request': namespace holdfast belongs to the runtime");
  twice.bind({"a/b", kNothing});
  EXPECT_EQ(thrown<InvalidArgument>([&] { twice.bind({"a/b", kNothing}); }), "function 'a/b': is bound already");
}

void plain(Context&, const Message&) {}
struct Functor {
  void operator()(Context&, const Message&) {}
};
struct Greeter {
  int calls = 0;
  void greet(Context&, const Message&) { ++calls; }
};

TEST(Functions, CodeIsAnythingThatCanBeCalled) {
  Greeter greeter;
  Functions functions;
  functions.bind({"a/plain", plain})
      .bind({"a/functor", Functor()})
      .bind({"a/member", std::bind_front(&Greeter::greet, &greeter)})
      .bind({"a/later", [](Context&, const Message&, Completion done) { done.complete(); }});
  EXPECT_TRUE(std::holds_alternative<SyncFunction>(functions.find("a/member")->code));
  EXPECT_TRUE(std::holds_alternative<AsyncFunction>(functions.find("a/later")->code));
}

TEST(Expiration, OfNoTimeIsRefused) {
  EXPECT_THROW((void)expire_after_write(0ms), InvalidArgument);
  EXPECT_THROW((void)expire_after_call(-1ms), InvalidArgument);
}

}  // namespace
}  // namespace holdfast::sdk
