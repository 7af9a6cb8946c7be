#include "holdfast/sdk/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "holdfast/sdk/testing.h"
#include "request.h"

namespace holdfast::sdk {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::string failure(std::function<void(Context&, const Message&)> code) {
  TestContext test({"example/f", std::move(code)}, "1");
  return thrown<Error>([&] { test.call("x"); });
}

TEST(Context, KnowsWhoIsCalledAndByWhom) {
  TestContext test({"example/f", [](Context& ctx, const Message& message) {
                      EXPECT_EQ(ctx.self(), (Address{"example/f", "1"}));
                      EXPECT_EQ(ctx.caller().has_value(), message.as<bool>());
                      EXPECT_EQ(ctx.caller().value_or(Address{"x.y/z/w", "id"}), (Address{"x.y/z/w", "id"}));
                    }},
                   "1");
  test.call(false);
  test.caller({"x.y/z/w", "id"});
  test.call(true);
}

TEST(Context, SendsWhateverHasAType) {
  TestContext test({"example/f", [](Context& ctx, const Message& message) {
                      const Address target{"a/b", "1"};
                      constexpr TypeName kType{"a/b"};
                      const std::string id = "2";
                      constexpr auto kRaw = bytes_type("example/raw");
                      ctx.send(target, 5);
                      ctx.send({kType, id}, true);
                      ctx.send({"a/b", "3"}, "text");
                      ctx.send({"a/b", "4"}, std::string("text"));
                      ctx.send({"a/b", "5"}, std::string_view("text"));
                      ctx.send({"a/b", "6"}, kRaw, "\xff");
                      ctx.send({"a/b", "7"}, message);
                      ctx.send({"a/b", "8"}, typed(2.5));
                      ctx.send({"a/b", "9"}, types::int64, 5);
                      ctx.send(ctx.self(), 1.0f);
                    }},
                   "1");
  test.call("passed on");
  std::vector<TypedValue> values;
  for (const auto& one : test.sent()) values.push_back(one.value);
  EXPECT_THAT(values, ElementsAre(typed(5), typed(true), typed("text"), typed("text"), typed("text"),
                                  TypedValue{"example/raw", "\xff"}, typed("passed on"), typed(2.5), typed(std::int64_t{5}), typed(1.0f)));
  EXPECT_EQ(test.sent()[1].target, (Address{"a/b", "2"}));
  EXPECT_EQ(test.sent()[9].target, (Address{"example/f", "1"}));
}

TEST(Context, EffectsKeepTheirOrder) {
  TestContext test({"example/f", [](Context& ctx, const Message&) {
                      for (int i = 0; i < 3; ++i) {
                        ctx.send({"a/b", std::to_string(i)}, i);
                        ctx.send_after(std::chrono::milliseconds(i), {"a/b", "x"}, i);
                        ctx.send_egress("e/f", i);
                      }
                    }},
                   "1");
  test.call("x");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(test.sent()[static_cast<std::size_t>(i)].target.id, std::to_string(i));
    EXPECT_EQ(test.delayed()[static_cast<std::size_t>(i)].delay.count(), i);
    EXPECT_EQ(test.egress()[static_cast<std::size_t>(i)].value, typed(i));
  }
}

TEST(Context, LongDelaysAndTokensComeThrough) {
  TestContext test({"example/f", [](Context& ctx, const Message&) {
                      ctx.send_after(24h * 365 * 100, CancellationToken("t\xc3\xb6ken"), {"a/b", "1"}, "x");
                    }},
                   "1");
  test.call("x");
  EXPECT_THAT(test, sent_after(24h * 365 * 100, CancellationToken("t\xc3\xb6ken"), {"a/b", "1"}, "x"));
}

TEST(Context, RecordsWithAndWithoutTheirOptionalParts) {
  TestContext test({"example/f", [](Context& ctx, const Message&) {
                      ctx.send_egress("e/k", {.topic = "t"});
                      ctx.send_egress("e/k", {.topic = "t", .key = "k", .value = std::string(1000, 'v'), .headers = {{"a", "1"}, {"", "\xff"}}});
                      ctx.send_egress("e/n", {.stream = "s", .partition_key = "p", .value = "v", .explicit_hash_key = "h"});
                    }},
                   "1");
  test.call("x");
  EXPECT_EQ(test.egress()[0].kafka().key, "");
  EXPECT_EQ(test.egress()[1].kafka().value.size(), 1000u);
  EXPECT_THAT(test.egress()[1].kafka().headers, ElementsAre(std::pair("a", "1"), std::pair("", "\xff")));
  EXPECT_EQ(test.egress()[2].kinesis().explicit_hash_key, "h");
}

TEST(Context, RecordValuesAreBytesWithoutWrapping) {
  constexpr auto kRaw = bytes_type("example/raw");
  EXPECT_EQ(record_value(kRaw, std::string("x")), "x");
}

TEST(Context, WhatCannotBeSentIsRefusedWhereItIsSent) {
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"mailer", "1"}, 5); }),
            "a message to 'mailer': expected a function type, namespace/name");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"a/b", ""}, 5); }), "") << "an id like any other";
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"a/b", "\xc0\x80"}, 5); }),
            "the id of a message's target is no UTF-8: c0 80");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"a/\xff", "1"}, 5); }),
            "the type of a message's target is no UTF-8: 61 2f ff");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"a/b", "1"}, TypedValue{}); }), "a value without a type");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send({"a/b", "1"}, TypedValue{"\xff", ""}); }),
            "the type of a value is no UTF-8: ff");
  EXPECT_THAT(failure([](Context& ctx, const Message&) { ctx.send({"a/b", "1"}, "\xff"); }), HasSubstr("no UTF-8"));
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_after(-1ms, {"a/b", "1"}, 5); }),
            "a message to a/b is delayed by -1 ms: expected 0 or more");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_after(1ms, CancellationToken(""), {"a/b", "1"}, 5); }),
            "a cancellation token is empty");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.cancel_delayed_message(CancellationToken("\xff")); }),
            "a cancellation token is no UTF-8: ff");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.reply(5); }),
            "a reply to a message that has no caller: it came from an ingress");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_egress("out", 5); }), "a record for egress 'out': expected namespace/name");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_egress("e/k", {.topic = ""}); }), "a Kafka record has no topic");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_egress("e/k", {.stream = "", .partition_key = "k"}); }),
            "a Kinesis record has no stream");
  EXPECT_EQ(failure([](Context& ctx, const Message&) { ctx.send_egress("e/k", {.stream = "s", .partition_key = ""}); }),
            "a Kinesis record for stream 's' has no partition key");
}

TEST(Context, AFailedSendLeavesNoPieces) {
  TestContext test({"example/f", [](Context& ctx, const Message&) {
                      try {
                        ctx.send({"a/b", "\xff"}, 5);
                      } catch (const InvalidArgument&) {
                      }
                      try {
                        ctx.send_after(5ms, {"a/b", "1"}, "\xff");
                      } catch (const InvalidArgument&) {
                      }
                      ctx.send({"a/b", "1"}, "after all");
                    }},
                   "1");
  test.call("x");
  EXPECT_THAT(test, sent({"a/b", "1"}, "after all"));
  EXPECT_THAT(test, sent_nothing_else());
}

}  // namespace
}  // namespace holdfast::sdk
