// What well-formed documents become.
#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/describe.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::lines;
using testing::load_text;

constexpr std::int64_t kMinute = 60'000, kDay = 24 * 60 * kMinute;

// As the StateFun playground's examples have it.
constexpr const char* kGreeterModule = R"(kind: io.statefun.endpoints.v2/http
spec:
  functions: example/*
  urlPathTemplate: http://functions:8000/statefun
  transport:
    type: io.statefun.transports.v1/async
---
kind: io.statefun.playground.v1/ingress
spec:
  port: 8090
---
kind: io.statefun.playground.v1/egress
spec:
  port: 8091
  topics:
    - greetings
)";

TEST(Load, TakesAPlaygroundModuleAsItIs) {
  const LoadResult result = load_text(kGreeterModule);

  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 1u);
  EXPECT_EQ(result.configuration.endpoints[0].functions, "example/*");
  EXPECT_EQ(result.configuration.endpoints[0].url_template, "http://functions:8000/statefun");
  ASSERT_EQ(result.configuration.playground_ingresses.size(), 1u);
  EXPECT_EQ(result.configuration.playground_ingresses[0].port, 8090);
  ASSERT_EQ(result.configuration.playground_egresses.size(), 1u);
  EXPECT_EQ(result.configuration.playground_egresses[0].port, 8091);
  EXPECT_THAT(result.configuration.playground_egresses[0].topics, ElementsAre("greetings"));
}

model::EndpointSpec only_endpoint(const std::string& text) {
  const LoadResult result = load_text(text);
  EXPECT_THAT(lines(result), IsEmpty());
  return result.configuration.endpoints.size() == 1 ? result.configuration.endpoints[0]
                                                    : model::EndpointSpec{};
}

TEST(EndpointV2, HasTheDefaultsOfTheAsyncTransport) {
  for (const std::string transport : {"", "  transport: {}\n", "  transport:\n",
                                      "  transport: {type: io.statefun.transports.v1/async}\n"}) {
    const auto e = only_endpoint(
        "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: http://h/x\n" +
        transport);
    EXPECT_EQ(e.max_batch, 1000u);
    EXPECT_EQ(e.call_timeout, Duration{2 * kMinute});
    EXPECT_EQ(e.connect_timeout, Duration{20'000});
    EXPECT_EQ(e.read_timeout, std::nullopt);
    EXPECT_EQ(e.write_timeout, std::nullopt);
    EXPECT_EQ(e.connection_age_max, Duration{15'000});
    EXPECT_EQ(e.pool_size, 1024u);
    EXPECT_EQ(e.payload_bytes_max, 33554432u);
    EXPECT_EQ(e.max_concurrent, 256u);
    EXPECT_EQ(e.on_failure.then, model::FailureAction::Park);
    EXPECT_EQ(e.on_failure.retry.max_attempts, 20u);
    EXPECT_TRUE(e.tls.trust_cacerts.empty());
  }
}

TEST(EndpointV2, TakesEveryKeyOfTheAsyncTransport) {
  const auto e = only_endpoint(R"(
kind: io.statefun.endpoints.v2/http
spec:
  functions: a/b
  urlPathTemplate: http://h/{function.name}
  maxNumBatchRequests: 7
  maxConcurrentRequests: 3
  pipelining: never
  transport:
    type: io.statefun.transports.v1/async
    call: 3m
    connect: 4s
    pool_ttl: 0
    pool_size: 5
    payload_max_bytes: 600
)");
  EXPECT_EQ(e.max_batch, 7u);
  EXPECT_EQ(e.max_concurrent, 3u);
  EXPECT_FALSE(e.pipelining);
  EXPECT_EQ(e.call_timeout, Duration{3 * kMinute});
  EXPECT_EQ(e.connect_timeout, Duration{4'000});
  EXPECT_EQ(e.connection_age_max, Duration{0});
  EXPECT_EQ(e.idle_timeout, Duration{15'000});
  EXPECT_EQ(e.pool_size, 5u);
  EXPECT_EQ(e.payload_bytes_max, 600u);
}

TEST(EndpointV2, TimeoutsOfTheAsyncTransportWinOverItsCallAndConnectEvenWhereTheyAreDefaults) {
  const std::string head =
      "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: http://h/x\n  "
      "transport:\n";
  const auto one = only_endpoint(head + "    call: 3m\n    connect: 4s\n    timeouts: {call: 5s}\n");
  EXPECT_EQ(one.call_timeout, Duration{5'000});
  EXPECT_EQ(one.connect_timeout, Duration{10'000});
  const auto none = only_endpoint(head + "    call: 3m\n    timeouts: {}\n");
  EXPECT_EQ(none.call_timeout, Duration{kMinute});
  EXPECT_EQ(none.connect_timeout, Duration{10'000});
}

TEST(EndpointV2, HasTheDefaultsAndKeysOfTheOkhttpTransport) {
  const std::string head =
      "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: "
      "http+unix:///uds.sock/statefun\n"
      "  transport:\n    type: io.statefun.transports.v1/okhttp\n";
  const auto plain = only_endpoint(head);
  EXPECT_EQ(plain.call_timeout, Duration{kMinute});
  EXPECT_EQ(plain.connect_timeout, Duration{10'000});
  EXPECT_EQ(plain.read_timeout, Duration{10'000});
  EXPECT_EQ(plain.write_timeout, Duration{10'000});
  EXPECT_EQ(plain.connection_age_max, Duration{0});
  const auto set = only_endpoint(head + "    timeouts: {call: 1s, connect: 2s, read: 3s, write: 4s}\n");
  EXPECT_EQ(set.call_timeout, Duration{1'000});
  EXPECT_EQ(set.connect_timeout, Duration{2'000});
  EXPECT_EQ(set.read_timeout, Duration{3'000});
  EXPECT_EQ(set.write_timeout, Duration{4'000});
}

// NettyRequestReplySpec, HttpConnectionPoolHandler: the age of a connection, idle or not; 0: it has none.
TEST(EndpointV2, PoolTtlIsTheAgeOfConnections) {
  const std::pair<std::string, std::int64_t> table[] = {{"1ms", 1}, {"5s", 5'000}, {"1h", 3'600'000}, {"0", 0}};
  for (const auto& [written, age] : table) {
    const auto e = only_endpoint("kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: http://h\n  transport: {pool_ttl: " +
                                 written + "}\n");
    EXPECT_EQ(e.connection_age_max, Duration{age});
    EXPECT_GE(e.idle_timeout, e.connection_age_max);
    EXPECT_GE(e.idle_timeout, Duration{15'000});
  }
}

TEST(EndpointV1, IsTheOkhttpTransportWithItsTimeoutsInTheSpec) {
  const auto e = only_endpoint(
      "kind: io.statefun.endpoints.v1/http\nspec: {functions: a/*, urlPathTemplate: 'https://h/x', timeouts: "
      "{read: 3s}}");
  EXPECT_EQ(e.max_batch, 1000u);
  EXPECT_EQ(e.call_timeout, Duration{kMinute});
  EXPECT_EQ(e.connect_timeout, Duration{10'000});
  EXPECT_EQ(e.read_timeout, Duration{3'000});
  EXPECT_EQ(e.write_timeout, Duration{10'000});
}

TEST(Endpoint, BatchesOfZeroOrLessAreUnbounded) {
  for (const std::string batch : {"0", "-1", "-2147483648"})
    EXPECT_EQ(only_endpoint("kind: io.statefun.endpoints.v1/http\nspec: {functions: a/*, urlPathTemplate: "
                            "'http://h', maxNumBatchRequests: " +
                            batch + "}")
                  .max_batch,
              0u);
}

// Integers as the real StateFun 3.3 (SnakeYAML, Jackson, Flink's TimeUtils) was seen to take them; see formats.h.
TEST(Endpoint, TakesIntegersAsStateFunDoes) {
  const auto endpoint = [](const std::string& spec) {
    return load_text("kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://h\n  " + spec + "\n");
  };
  const std::pair<std::string, std::uint32_t> taken[] = {
      {"10_000", 10'000}, {"1_0", 10},  {"1_", 1},          {"1__0", 10},      {"0x10", 16},    {"0x1_0", 16},  {"010", 8},
      {"08", 8},          {"0b11", 3},  {"1e3", 1000},      {"1E3", 1000},     {"1.0e+3", 1000}, {"1.0", 1},    {"+5", 5},
      {"+1_000", 1000},   {"+0x10", 16}, {"'10'", 10},      {"' 10 '", 10},    {"'+5'", 5},     {"\"10\\n\"", 10},
      {"-5", 0},          {"-0x10", 0}, {"0", 0},           {"-0", 0},         {"00", 0},       {"0.0", 0},
      {"0x7fffffff", INT32_MAX}, {"2_147_483_647", INT32_MAX}, {"017777777777", INT32_MAX},
      {"", 0},            {"~", 0},     {"null", 0},        {"''", 0},         {"!!int '7'", 7}, {"!!str 7", 7},
  };
  for (const auto& [written, read] : taken) {
    const auto result = endpoint("maxNumBatchRequests: " + written);
    ASSERT_TRUE(result.ok()) << written << ": " << lines(result).at(0);
    EXPECT_EQ(result.configuration.endpoints.at(0).max_batch, read) << written;
  }
  EXPECT_EQ(endpoint("transport: {pool_size:}").configuration.endpoints.at(0).pool_size, 1024u);
  // 1.5 is 1 there, which nobody can have meant.
  for (const std::string written : {"_1", "0X10", "0o10", "1:30", "'10_000'", "'0x10'", "true", "yes", "1e10", "3000000000", "0x", "0b",
                                    "0xffffffff", "99999999999999999999", "1,000", "abc", "1.5", "1e-3", "+-5", "-+5", "[5]", "{}"})
    EXPECT_FALSE(endpoint("maxNumBatchRequests: " + written).ok()) << written;
  EXPECT_THAT(lines(endpoint("maxNumBatchRequests: 1.5")),
              ::testing::ElementsAre("m.yaml:5:24: spec.maxNumBatchRequests: expected an integer from -2147483648 to 2147483647, got "
                                     "\"1.5\" (it is not a whole number)"));

  const std::pair<std::string, std::int64_t> durations[] = {{"10_000", 10'000}, {"0x10", 16}, {"010", 8}, {"'010'", 10}, {"+5", 5},
                                                            {"0b11", 3},        {"36500d", 36500LL * 24 * 3600 * 1000}};
  for (const auto& [written, ms] : durations) {
    const auto result = endpoint("transport: {call: " + written + "}");
    ASSERT_TRUE(result.ok()) << written << ": " << lines(result).at(0);
    EXPECT_EQ(result.configuration.endpoints.at(0).call_timeout, Duration{ms}) << written;
  }
  for (const std::string written : {"1e3", "1.0", "'+5'", "'10_000'", "'0x10'", "-5", "1:30"})
    EXPECT_FALSE(endpoint("transport: {call: " + written + "}").ok()) << written;
}

TEST(Endpoint, TakesItsSchemeInAnyCase) {
  for (const auto& [written, read] : {std::pair{"HTTP://H:1/F", "http://H:1/F"}, std::pair{"HttpS://h", "https://h"},
                                      std::pair{"HTTP+UNIX:///A.sock/f", "http+unix:///A.sock/f"}})
    EXPECT_EQ(only_endpoint("kind: io.statefun.endpoints.v1/http\nspec: {functions: a/*, urlPathTemplate: '" + std::string(written) + "'}")
                  .url_template,
              read);
}

TEST(Endpoint, CarriesItsFailurePolicy) {
  const LoadResult result = load_text(R"(
kind: io.statefun.endpoints.v2/http
spec:
  functions: a/*
  urlPathTemplate: http://h
  onFailure:
    retry: {initial: 10ms, factor: 1.5, max: 3s, jitter: 0, maxAttempts: 0}
    then: dead-letter
    deadLetter: {egress: shop/letters, topic: late}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: b/*, urlPathTemplate: http://h, onFailure: {then: dead-letter, deadLetter: {egress: shop/letters}}}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: c/*, urlPathTemplate: http://h, onFailure: {then: drop, retry: {initial: 1min}}}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: d/*, urlPathTemplate: http://h, onFailure: {then: dead-letter, deadLetter: {egress: io.statefun.playground/egress, topic: t}}}
---
kind: holdfast.streams.v1/egress
spec: {id: shop/letters, topics: [dead, late]}
---
kind: io.statefun.playground.v1/egress
spec: {topics: [t]}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 4u);
  const auto& a = result.configuration.endpoints[0].on_failure;
  EXPECT_EQ(a.retry.initial, Duration{10});
  EXPECT_EQ(a.retry.factor, 1.5);
  EXPECT_EQ(a.retry.max, Duration{3'000});
  EXPECT_EQ(a.retry.jitter, 0);
  EXPECT_EQ(a.retry.max_attempts, 0u);
  EXPECT_EQ(a.then, model::FailureAction::DeadLetter);
  EXPECT_EQ(a.dead_letter_stream, "shop/letters/late");
  EXPECT_EQ(result.configuration.endpoints[1].on_failure.dead_letter_stream, "shop/letters/dead");
  const auto& c = result.configuration.endpoints[2].on_failure;
  EXPECT_EQ(c.then, model::FailureAction::Drop);
  EXPECT_EQ(c.retry.max, Duration{kMinute}) << "the default is raised to initial";
  EXPECT_EQ(result.configuration.endpoints[3].on_failure.dead_letter_stream,
            "io.statefun.playground/egress/t");
}

TEST(Streams, HaveDefaultsAndTakeEveryKey) {
  const LoadResult result = load_text(R"(
kind: holdfast.streams.v1/egress
spec: {id: shop/orders}
---
kind: holdfast.streams.v1/egress
spec: {id: shop/alerts, topics: [a, b], defaultTopic: b, retention: {time: 0, size: 64kb}}
---
kind: holdfast.streams.v1/egress
spec: {id: shop/audit, topics: [x, y]}
---
kind: holdfast.streams.v1/egress
spec: {id: shop/free, defaultTopic: z, retention: {size: 0}}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  const auto& s = result.configuration.streams;
  ASSERT_EQ(s.size(), 4u);
  EXPECT_THAT(s[0].topics, IsEmpty());
  EXPECT_EQ(s[0].default_topic, "orders");
  EXPECT_EQ(s[0].retention_time, Duration{7 * kDay});
  EXPECT_EQ(s[0].retention_bytes, 1ull << 30);
  EXPECT_THAT(s[1].topics, ElementsAre("a", "b"));
  EXPECT_EQ(s[1].default_topic, "b");
  EXPECT_EQ(s[1].retention_time, Duration{0});
  EXPECT_EQ(s[1].retention_bytes, 65536u);
  EXPECT_EQ(s[2].default_topic, "x");
  EXPECT_EQ(s[3].default_topic, "z");
  EXPECT_EQ(s[3].retention_bytes, 0u);
}

TEST(Settings, AreDefaultsWithoutADocument) {
  const LoadResult result = load_text(kGreeterModule);
  const model::Settings& s = result.configuration.settings;
  EXPECT_EQ(s.partitions, 64);
  EXPECT_FALSE(s.partitions_given);
  EXPECT_EQ(s.shards, 0);
  EXPECT_EQ(s.gateway.host, "127.0.0.1");
  EXPECT_EQ(s.gateway.port, 9999);
  EXPECT_EQ(s.admin.port, 7780);
  EXPECT_EQ(s.idempotency.retention, Duration{kDay});
}

TEST(Settings, TakeEveryKey) {
  const LoadResult result = load_text(R"(
kind: holdfast.runtime.v1/settings
spec:
  shards: 2
  partitions: 16
  listen:
    gateway: 127.0.0.1:0
    admin: {address: "[::1]:7000", tokenEnv: ADMIN_TOKEN}
  limits:
    messageBytes: 1mb
    requestBytes: 2mb
    mailboxMemory: 3mb
    addressMailboxMemory: 4kb
    stateCache: 0
    backlogMessages: 5
    backlogBytes: 6gb
    inFlight: 7
    timersInMemory: 8
    epochBytes: 9mb
    callBytes: 77mb
    waitingRequests: 10
    httpConnections: 11
    httpIdleTimeout: 12s
    httpReadTimeout: 13s
    replyTimeout: 14s
    replyTimeoutMax: 15s
    unreachablePauseMax: 16s
  idempotency: {retention: 1h}
  log: {segmentBytes: 17mb, epochOpenMax: 18ms}
  view: {checkpointBytes: 19mb, dirtyBytes: 20mb, blockCache: 21mb}
)",
                                      {{"ADMIN_TOKEN", "xyz"}});
  EXPECT_THAT(lines(result), IsEmpty());
  const model::Settings& s = result.configuration.settings;
  EXPECT_EQ(s.shards, 2);
  EXPECT_EQ(s.partitions, 16);
  EXPECT_TRUE(s.partitions_given);
  EXPECT_EQ(s.gateway.port, 0);
  EXPECT_EQ(s.admin.host, "::1");
  EXPECT_EQ(s.admin.port, 7000);
  EXPECT_EQ(s.admin.token_env, "ADMIN_TOKEN");
  EXPECT_TRUE(s.admin.is_guarded());
  EXPECT_TRUE(s.admin.is_loopback());
  const model::Limits& l = s.limits;
  EXPECT_EQ(l.message_bytes, 1u << 20);
  EXPECT_EQ(l.request_bytes, 2u << 20);
  EXPECT_EQ(l.mailbox_memory, 3u << 20);
  EXPECT_EQ(l.address_mailbox_memory, 4096u);
  EXPECT_EQ(l.state_cache, 0u);
  EXPECT_EQ(l.backlog_messages, 5u);
  EXPECT_EQ(l.backlog_bytes, 6ull << 30);
  EXPECT_EQ(l.in_flight, 7u);
  EXPECT_EQ(l.timers_in_memory, 8u);
  EXPECT_EQ(l.epoch_bytes, 9u << 20);
  EXPECT_EQ(l.call_bytes, 77u << 20);
  EXPECT_EQ(l.waiting_requests, 10u);
  EXPECT_EQ(l.http_connections, 11u);
  EXPECT_EQ(l.http_idle_timeout, Duration{12'000});
  EXPECT_EQ(l.http_read_timeout, Duration{13'000});
  EXPECT_EQ(l.reply_timeout, Duration{14'000});
  EXPECT_EQ(l.reply_timeout_max, Duration{15'000});
  EXPECT_EQ(l.unreachable_pause_max, Duration{16'000});
  EXPECT_EQ(s.idempotency.retention, Duration{3'600'000});
  EXPECT_EQ(s.log.segment_bytes, 17u << 20);
  EXPECT_EQ(s.log.epoch_open_max, Duration{18});
  EXPECT_EQ(s.view.checkpoint_bytes, 19u << 20);
  EXPECT_EQ(s.view.dirty_bytes, 20u << 20);
  EXPECT_EQ(s.view.block_cache, 21u << 20);
}

TEST(Load, PutsDocumentsOfSeveralFilesTogether) {
  const Source sources[] = {
      {"a.yaml", "kind: io.statefun.playground.v1/ingress\nspec: {port: 1}\n---\n---\n~\n", {}},
      {"b.yaml", "---\nkind: io.statefun.playground.v1/ingress\nspec: {port: 2}\n...\n", {}}};
  const LoadResult result = load(sources, testing::environment({}));
  EXPECT_THAT(lines(result), IsEmpty());
  EXPECT_EQ(result.configuration.playground_ingresses.size(), 2u);
}

TEST(Load, TakesValuesFromTheEnvironmentWhereverAValueMayStand) {
  const LoadResult result =
      load_text(R"(
kind: io.statefun.endpoints.v2/http
spec:
  functions: ${NS}/*
  urlPathTemplate: http://${HOST:-localhost}:${PORT}/{function.name}
  maxNumBatchRequests: ${BATCH:-5}
  transport: {type: "io.statefun.transports.v1/${TRANSPORT}", timeouts: {call: "${CALL}"}}
---
kind: io.statefun.playground.v1/egress
spec: {port: "${PORT}", topics: ["${NS}-x", "$${y}"]}
)",
                {{"NS", "shop"}, {"PORT", "8000"}, {"TRANSPORT", "okhttp"}, {"CALL", "3s"}});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 1u);
  const auto& e = result.configuration.endpoints[0];
  EXPECT_EQ(e.functions, "shop/*");
  EXPECT_EQ(e.url_template, "http://localhost:8000/{function.name}");
  EXPECT_EQ(e.max_batch, 5u);
  EXPECT_EQ(e.call_timeout, Duration{3'000});
  ASSERT_EQ(result.configuration.playground_egresses.size(), 1u);
  EXPECT_EQ(result.configuration.playground_egresses[0].port, 8000);
  EXPECT_THAT(result.configuration.playground_egresses[0].topics, ElementsAre("shop-x", "${y}"));
}

TEST(Load, FollowsAnchorsAndAliases) {
  const LoadResult result = load_text(R"(
kind: io.statefun.endpoints.v2/http
spec: {functions: a/*, urlPathTemplate: &url "http://h/x", transport: {call: 3s}, onFailure: {retry: &r {maxAttempts: 2}}}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  const LoadResult alias = load_text(
      "kind: holdfast.streams.v1/egress\nspec: {id: &id a/b, topics: &t [x], retention: {time: 1d}, "
      "defaultTopic: x}\n---\n"
      "kind: io.statefun.playground.v1/egress\nspec: {topics: [&n one, two, three], port: 0}\n");
  EXPECT_THAT(lines(alias), IsEmpty());
  const LoadResult used = load_text(
      "kind: io.statefun.endpoints.v1/http\nspec: {functions: a/*, urlPathTemplate: http://h, timeouts: "
      "{call: &t 7s, connect: *t}}\n");
  EXPECT_THAT(lines(used), IsEmpty());
  ASSERT_EQ(used.configuration.endpoints.size(), 1u);
  EXPECT_EQ(used.configuration.endpoints[0].connect_timeout, Duration{7'000});
}

TEST(Describe, SaysWhatWasFound) {
  const LoadResult result = load_text(std::string(kGreeterModule) + R"(---
kind: holdfast.streams.v1/egress
spec: {id: shop/letters, topics: [a, b, c, d, e, f]}
---
kind: io.statefun.endpoints.v1/http
spec: {functions: shop/cart, urlPathTemplate: "http://h/{function.name}", maxNumBatchRequests: 0, onFailure: {then: dead-letter, deadLetter: {egress: shop/letters}}}
---
kind: holdfast.runtime.v1/settings
spec: {partitions: 8, listen: {admin: "[::1]:1"}}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  EXPECT_EQ(describe(result.configuration), R"(endpoints
  example/*     http://functions:8000/statefun  (batch 1000, concurrency 256, call 2min, after 20 attempts park)
  shop/cart     http://h/{function.name}  (batch unbounded, concurrency 256, call 1min, after 20 attempts to shop/letters/a)
ingresses
  playground    port 8090
egresses
  playground    port 8091, topics greetings
  shop/letters  topics a, b, c, d, e and 1 more, kept 7d, up to 1gb a topic
settings
  gateway       127.0.0.1:9999
  admin         [::1]:1
  shards        half the processors
  partitions    8
)");
  EXPECT_EQ(describe(Configuration{}).substr(0, 46), "endpoints: none\ningresses: none\negresses: none");
}

}  // namespace
}  // namespace holdfast::config
