#include "holdfast/sdk/handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "holdfast/sdk.h"
#include "request.h"

namespace holdfast::sdk {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using Status = Answer::Status;

constexpr State<std::int64_t> kSeen{"seen"};
constexpr State<std::string> kName{"name", expire_after_write(1h)};
constexpr State<bool> kFlag{"flag", expire_after_call(5ms)};

const Address kBob{"example/f", "bob"};

Handler with(FunctionSpec spec) {
  Functions functions;
  functions.bind(std::move(spec));
  return Handler(std::move(functions));
}

Request one_message() {
  Request out(kBob);
  out.message(typed("x"));
  return out;
}

TEST(Handler, AsksForTheStatesThatTheRequestLacks) {
  int calls = 0;
  const auto handler = with({"example/f", {kSeen, kName, kFlag}, [&](Context&, const Message&) { ++calls; }});
  const auto answer = handler.handle(one_message().state("seen").bytes());
  EXPECT_EQ(answer.status, Status::Ok);
  EXPECT_EQ(answer.body,
            "\xaa\x06\x51"
            "\x0a\x29\x0a\x04name\x12\x07\x08\x01\x10\x80\xdd\xdb\x01\x1a\x18io.statefun.types/string"
            "\x0a\x24\x0a\x04" "flag\x12\x04\x08\x02\x10\x05\x1a\x16io.statefun.types/bool"s);
  EXPECT_EQ(calls, 0);
}

TEST(Handler, StatesOfOthersAreLeftAlone) {
  const auto handler = with({"example/f", {kSeen}, [](Context& ctx, const Message&) { ctx.storage()[kSeen] += 1; }});
  const auto answer = handler.handle(one_message().state("old", typed("kept")).state("seen").bytes());
  EXPECT_EQ(answer.status, Status::Ok);
  EXPECT_THAT(answer.body, testing::Not(HasSubstr("old")));
}

TEST(Handler, ACallWithoutEffectsIsAnEmptyResult) {
  const auto handler = with({"example/f", [](Context&, const Message&) {}});
  EXPECT_EQ(handler.handle(one_message().bytes()).body, "\xa2\x06\0"s);
}

TEST(Handler, RemovingIsAMutationWithTheNameAlone) {
  const auto handler = with({"example/f", {kSeen}, [](Context& ctx, const Message&) { ctx.storage()[kSeen].remove(); }});
  EXPECT_EQ(handler.handle(one_message().state("seen").bytes()).body, "\xa2\x06\x08\x0a\x06\x12\x04seen"s);
}

TEST(Handler, ABatchSharesItsStatesAndHasOneAnswer) {
  std::vector<std::int64_t> seen;
  const auto handler = with({"example/f", {kSeen}, [&](Context& ctx, const Message& message) {
                               seen.push_back(ctx.storage()[kSeen] += message.as<std::int32_t>());
                               if (ctx.caller()) ctx.reply(message);
                             }});
  Request request(kBob);
  request.state("seen", typed(std::int64_t{10}));
  for (int i = 1; i <= 3; ++i) request.message(typed(i), i == 2 ? std::optional<Address>({"x/y", "2"}) : std::nullopt);
  const auto answer = handler.handle(request.bytes());
  EXPECT_EQ(seen, (std::vector<std::int64_t>{11, 13, 16}));
  EXPECT_EQ(answer.body,
            "\xa2\x06\x60"
            "\x0a\x2f\x08\x01\x12\x04seen\x1a\x25\x0a\x16io.statefun.types/long\x10\x01\x1a\x09\x09\x10\0\0\0\0\0\0\0"
            "\x12\x2d\x0a\x09\x0a\x01x\x12\x01y\x1a\x01" "2\x12\x20\x0a\x15io.statefun.types/int\x10\x01\x1a\x05\x0d\x02\0\0\0"s);
}

TEST(Handler, OneFailureFailsTheBatch) {
  int calls = 0;
  const auto handler = with({"example/f", {kSeen}, [&](Context& ctx, const Message&) {
                               ctx.storage()[kSeen] += 1;
                               if (++calls == 2) throw std::runtime_error("no");
                             }});
  const auto answer = handler.handle(one_message().state("seen").message(typed("y")).message(typed("z")).bytes());
  EXPECT_EQ(answer.status, Status::Failed);
  EXPECT_EQ(answer.body, "example/f/bob: no");
  EXPECT_EQ(calls, 2);
  EXPECT_THROW(std::rethrow_exception(answer.error), std::runtime_error);
  // Nothing of it is left for the next one.
  calls = 10;
  EXPECT_EQ(handler.handle(one_message().state("seen", typed(std::int64_t{1})).bytes()).body,
            "\xa2\x06\x31\x0a\x2f\x08\x01\x12\x04seen\x1a\x25\x0a\x16io.statefun.types/long\x10\x01\x1a\x09\x09\x02\0\0\0\0\0\0\0"s);
}

TEST(Handler, ExceptionsOfAnyKindAreAFailure) {
  const auto handler = with({"example/f", [](Context&, const Message&) { throw 5; }});
  const auto answer = handler.handle(one_message().bytes());
  EXPECT_EQ(answer.status, Status::Failed);
  EXPECT_EQ(answer.body, "example/f/bob: an exception that is no std::exception");
}

TEST(Handler, AStateOfAnotherTypeThanDeclaredIsNamed) {
  const auto handler = with({"example/f", {kSeen}, [](Context& ctx, const Message&) { ctx.storage()[kSeen] += 1; }});
  EXPECT_EQ(handler.handle(one_message().state("seen", typed("text")).bytes()).body,
            "example/f/bob: state 'seen' of example/f holds a io.statefun.types/string, not a io.statefun.types/long");
}

TEST(Handler, RequestsForOthersAreNotFound) {
  Functions functions;
  functions.bind({"example/f", [](Context&, const Message&) {}}).bind({"example/g", [](Context&, const Message&) {}});
  const Handler handler(functions);
  const auto answer = handler.handle(Request({"example/h", "1"}).message(typed("x")).bytes());
  EXPECT_EQ(answer.status, Status::NotFound);
  EXPECT_EQ(answer.body, "no function example/h here; there are: example/f, example/g");
  EXPECT_EQ(Handler(Functions()).handle(one_message().bytes()).body, "no function example/f here; there is none");
}

TEST(Handler, WhatIsNoRequestIsMalformed) {
  const auto handler = with({"example/f", [](Context&, const Message&) {}});
  const auto why = [&](const std::string& bytes) {
    const auto answer = handler.handle(bytes);
    EXPECT_EQ(answer.status, Status::Malformed);
    EXPECT_THAT(answer.body, testing::StartsWith("malformed request: "));
    return answer.body.substr(19);
  };
  EXPECT_THAT(why(""), HasSubstr("not a ToFunction with an invocation batch"));
  EXPECT_THAT(why("{\"json\": true}"), HasSubstr("field"));
  EXPECT_EQ(why("\xa2\x06\0"s), "the batch has no target");
  EXPECT_EQ(why(Request(kBob).bytes()), "the batch has no invocation");
  EXPECT_EQ(why(Request({"/", "x"}).message(typed("x")).bytes()), "the batch has no target");
  const auto good = one_message().bytes();
  for (std::size_t size = 1; size < good.size(); ++size) (void)why(good.substr(0, size));
  EXPECT_THAT(why(Request({"example/f", "\xff"}).message(typed("x")).bytes()), HasSubstr("text that is no UTF-8"));
}

TEST(Handler, AFunctionMayCallAHandler) {
  const auto inner = with({"example/f", [](Context& ctx, const Message&) { ctx.send({"a/b", "inner"}, "x"); }});
  std::string from_inner;
  const auto outer = with({"example/f", [&](Context& ctx, const Message&) {
                             ctx.send({"a/b", "first"}, "x");
                             from_inner = inner.handle(one_message().bytes()).body;
                             ctx.send({"a/b", "last"}, "x");
                           }});
  for (int round = 0; round < 2; ++round) {
    const auto answer = outer.handle(one_message().bytes());
    EXPECT_THAT(answer.body, testing::AllOf(HasSubstr("first"), HasSubstr("last"), testing::Not(HasSubstr("inner"))));
    EXPECT_THAT(from_inner, testing::AllOf(HasSubstr("inner"), testing::Not(HasSubstr("first"))));
  }
}

TEST(Handler, AnswersOfAnySizeAreWhole) {
  const auto handler = with({"example/f", {kName}, [](Context& ctx, const Message& message) {
                               ctx.storage()[kName] = message.as<std::string>();
                               ctx.send({"a/b", "1"}, message);
                             }});
  for (const std::size_t size : {0u, 1u, 127u, 128u, 16'383u, 16'384u, 3'000'000u, 5u}) {
    const std::string text(size, 'x');
    const auto body = handler.handle(Request(kBob).state("name").message(typed(text)).bytes()).body;
    const auto value = typed(text);
    EXPECT_GE(body.size(), 2 * value.bytes.size());
    EXPECT_LE(body.size(), 2 * value.bytes.size() + 150);
  }
}

TEST(Handler, ServesManyThreadsAtOnce) {
  const auto handler = with({"example/f", {kSeen}, [](Context& ctx, const Message&) { ctx.storage()[kSeen] += 1; }});
  const auto request = one_message().state("seen").bytes();
  const auto expected = handler.handle(request).body;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) EXPECT_EQ(handler.handle(request).body, expected);
    });
  for (auto& thread : threads) thread.join();
}

TEST(Handler, CanBeMoved) {
  auto first = with({"example/f", [](Context&, const Message&) {}});
  const Handler second = std::move(first);
  EXPECT_EQ(second.handle(one_message().bytes()).status, Status::Ok);
  EXPECT_NE(second.functions().find("example/f"), nullptr);
}

}  // namespace
}  // namespace holdfast::sdk
