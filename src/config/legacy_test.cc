// module.yaml of StateFun 2.0 to 3.0, as they were written for each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/describe.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::lines;
using testing::load_text;
using ::testing::Pair;

constexpr Duration kSecond{1'000}, kMinute{60'000};

// Descriptor sets are looked up beside the file.
class Legacy : public testing::Folder {
 protected:
  LoadResult load_module(const std::string& text) {
    write("shop.desc", "x");
    return load_files({file_ = write("module.yaml", text)});
  }
  // Without the file's name.
  std::vector<std::string> said(const LoadResult& result) {
    std::vector<std::string> out = lines(result);
    for (std::string& line : out)
      for (std::size_t at = 0; (at = line.find(file_ + ":")) != std::string::npos;)
        line.erase(at, file_.size() + 1);
    return out;
  }
  std::string file_;
};

// StateFun 2.0.
constexpr const char* kVersion1 = R"(version: "1.0"

module:
  meta:
    type: remote
  spec:
    functions:
      - function:
          meta:
            kind: http
            type: com.example.shop/cart
          spec:
            endpoint: http://localhost:5959/statefun
            states:
              - items
              - total
            maxNumBatchRequests: 10000
            timeout: 2min
      - function:
          meta:
            kind: http
            type: com.example.shop/stock
          spec:
            endpoint: http+unix:///run/stock.sock/statefun
    routers:
      - router:
          meta:
            type: org.apache.flink.statefun.sdk/protobuf-router
          spec:
            ingress: com.example.shop/orders
            target: "com.example.shop/cart/{{$.customer}}"
            messageType: org.example.shop.Order
            descriptorSet: classpath:shop.desc
      - router:
          meta:
            type: org.apache.flink.statefun.sdk/protobuf-router
          spec:
            ingress: com.example.shop/orders
            target: "com.example.shop/{{$.kind}}/{{$.lines[0].item}}-{{$.country}}"
            messageType: org.example.shop.Order
            descriptorSet: shop.desc
    ingresses:
      - ingress:
          meta:
            type: statefun.kafka.io/protobuf-ingress
            id: com.example.shop/orders
          spec:
            address: kafka-broker:9092
            topics:
              - orders
              - orders.late
            consumerGroupId: shop
            autoOffsetResetPosition: EARLIEST
            startupPosition:
              type: specific-offsets
              offsets:
                - orders/0: 91
                - orders/1: 11
            properties:
              - foo.config: bar
            messageType: org.example.shop.Order
            descriptorSet: classpath:shop.desc
    egresses:
      - egress:
          meta:
            type: statefun.kafka.io/generic-egress
            id: com.example.shop/receipts
          spec:
            address: kafka-broker:9092
            deliverySemantic:
              type: exactly-once
              transactionTimeoutMillis: 100000
            properties:
              - foo.config: bar
)";

TEST_F(Legacy, Version1IsReadToTheLastKey) {
  const LoadResult result = load_module(kVersion1);
  EXPECT_THAT(said(result), IsEmpty());
  const auto& c = result.configuration;
  ASSERT_EQ(c.endpoints.size(), 2u);
  const auto& cart = c.endpoints[0];
  EXPECT_EQ(cart.functions, "com.example.shop/cart");
  EXPECT_EQ(cart.url_template, "http://localhost:5959/statefun");
  EXPECT_EQ(cart.protocol, model::FunctionProtocol::V2);
  EXPECT_EQ(cart.max_batch, 10'000u);
  EXPECT_EQ(cart.call_timeout, Duration{2 * kMinute.ms});
  EXPECT_EQ(cart.connect_timeout, Duration{10 * kSecond.ms});
  EXPECT_EQ(cart.read_timeout, Duration{10 * kSecond.ms});
  EXPECT_EQ(cart.write_timeout, Duration{10 * kSecond.ms});
  const std::string unset(model::kUnsetType);
  EXPECT_THAT(cart.states, ElementsAre(model::StateSpec{"items", unset}, model::StateSpec{"total", unset}));
  const auto& stock = c.endpoints[1];
  EXPECT_EQ(stock.url_template, "http+unix:///run/stock.sock/statefun");
  EXPECT_EQ(stock.max_batch, 1'000u);
  EXPECT_EQ(stock.call_timeout, kMinute);
  EXPECT_THAT(stock.states, IsEmpty());

  ASSERT_EQ(c.kafka_ingresses.size(), 1u);
  const auto& in = c.kafka_ingresses[0];
  EXPECT_EQ(in.id, "com.example.shop/orders");
  EXPECT_EQ(in.bootstrap_servers, "kafka-broker:9092");
  EXPECT_EQ(in.group_id, "shop");
  EXPECT_TRUE(in.reset_to_earliest);
  EXPECT_EQ(in.start.from, model::KafkaStart::From::Specific);
  EXPECT_EQ(in.start.offsets.size(), 2u);
  EXPECT_THAT(in.properties, ElementsAre(Pair("foo.config", "bar")));
  ASSERT_EQ(in.topics.size(), 2u);
  EXPECT_EQ(in.topics[0].topic, "orders");
  EXPECT_EQ(in.topics[0].value_type, "type.googleapis.com/org.example.shop.Order");
  EXPECT_THAT(in.topics[0].targets, IsEmpty());
  EXPECT_EQ(in.topics[1].topic, "orders.late");
  ASSERT_EQ(in.routes.size(), 2u);
  EXPECT_EQ(in.routes[0].target, "com.example.shop/cart/{{$.customer}}");
  EXPECT_EQ(in.routes[0].message_type, "org.example.shop.Order");
  EXPECT_EQ(in.routes[0].descriptor_set, (folder_ / "shop.desc").string());
  EXPECT_EQ(in.routes[1].target, "com.example.shop/{{$.kind}}/{{$.lines[0].item}}-{{$.country}}");
  EXPECT_EQ(in.routes[1].descriptor_set, (folder_ / "shop.desc").string());

  ASSERT_EQ(c.kafka_egresses.size(), 1u);
  EXPECT_EQ(c.kafka_egresses[0].id, "com.example.shop/receipts");
  EXPECT_EQ(c.kafka_egresses[0].delivery, model::KafkaEgressSpec::Delivery::ExactlyOnce);
  EXPECT_EQ(c.kafka_egresses[0].transaction_timeout, Duration{100'000});
}

// StateFun 2.1 and 2.2.
constexpr const char* kVersion2 = R"(version: "2.0"

module:
  meta:
    type: remote
  spec:
    functions:
      - function:
          meta:
            kind: http
            type: example/greeter
          spec:
            endpoint: http://python-worker:8000/statefun
            states:
              - name: seen_count
                expireAfter: 60000millisecond
                expireMode: after-invoke
              - name: last
                expireAfter: 5min
                expireMode: after-write
              - name: forever
              - name: default_mode
                expireAfter: 1d
            maxNumBatchRequests: 500
            timeout: 2minutes
            connectTimeout: 20seconds
            readTimeout: 1min
            writeTimeout: 3s
    ingresses:
      - ingress:
          meta:
            type: statefun.kafka.io/routable-protobuf-ingress
            id: example/names
          spec:
            address: kafka-broker:9092
            consumerGroupId: my-group-id
            topics:
              - topic: names
                typeUrl: com.googleapis/example.GreetRequest
                targets:
                  - example/greeter
      - ingress:
          meta:
            type: statefun.kinesis.io/routable-protobuf-ingress
            id: example/clicks
          spec:
            awsRegion:
              type: specific
              id: us-west-1
            streams:
              - stream: clicks
                typeUrl: com.googleapis/example.Click
                targets:
                  - example/greeter
    egresses:
      - egress:
          meta:
            type: statefun.kafka.io/generic-egress
            id: example/greets
          spec:
            address: kafka-broker:9092
      - egress:
          meta:
            type: statefun.kinesis.io/generic-egress
            id: example/kinesis-greets
          spec:
            awsCredentials:
              type: default
            maxOutstandingRecords: 10
)";

TEST(LegacyVersion2, IsReadToTheLastKey) {
  const LoadResult result = load_text(kVersion2);
  EXPECT_THAT(lines(result), IsEmpty());
  const auto& c = result.configuration;
  ASSERT_EQ(c.endpoints.size(), 1u);
  const auto& e = c.endpoints[0];
  EXPECT_EQ(e.protocol, model::FunctionProtocol::V2);
  EXPECT_EQ(e.max_batch, 500u);
  EXPECT_EQ(e.call_timeout, Duration{2 * kMinute.ms});
  EXPECT_EQ(e.connect_timeout, Duration{20 * kSecond.ms});
  EXPECT_EQ(e.read_timeout, kMinute);
  EXPECT_EQ(e.write_timeout, Duration{3 * kSecond.ms});
  using Mode = model::ExpireMode;
  const std::string unset(model::kUnsetType);
  EXPECT_THAT(e.states, ElementsAre(model::StateSpec{"seen_count", unset, Mode::AfterInvoke, kMinute},
                                    model::StateSpec{"last", unset, Mode::AfterWrite, {5 * kMinute.ms}},
                                    model::StateSpec{"forever", unset},
                                    model::StateSpec{
                                        "default_mode", unset, Mode::AfterInvoke, {24 * 60 * kMinute.ms}}));
  ASSERT_EQ(c.kafka_ingresses.size(), 1u);
  EXPECT_EQ(c.kafka_ingresses[0].id, "example/names");
  ASSERT_EQ(c.kafka_ingresses[0].topics.size(), 1u);
  EXPECT_EQ(c.kafka_ingresses[0].topics[0].value_type, "com.googleapis/example.GreetRequest")
      << "to the letter";
  EXPECT_THAT(c.kafka_ingresses[0].topics[0].targets, ElementsAre("example/greeter"));
  EXPECT_THAT(c.kafka_ingresses[0].routes, IsEmpty());
  ASSERT_EQ(c.kafka_egresses.size(), 1u);
  EXPECT_EQ(c.kafka_egresses[0].delivery, model::KafkaEgressSpec::Delivery::AtLeastOnce);
  ASSERT_EQ(c.kinesis.size(), 2u);
  EXPECT_EQ(c.kinesis[0].id, "example/clicks");
  EXPECT_TRUE(c.kinesis[0].is_ingress);
  EXPECT_EQ(c.kinesis[1].id, "example/kinesis-greets");
  EXPECT_FALSE(c.kinesis[1].is_ingress);
}

// StateFun 3.0.
constexpr const char* kVersion3 = R"(version: "3.0"

module:
  meta:
    type: remote
  spec:
    endpoints:
      - endpoint:
          meta:
            kind: http
          spec:
            functions: com.foo.bar/*
            urlPathTemplate: http://bar.foo.com:8080/functions/{function.name}
            timeouts:
              call: 1minutes
              connect: 10seconds
              read: 10second
              write: 20seconds
            maxNumBatchRequests: 10000
      - endpoint:
          meta:
            kind: io.statefun.endpoints.v2/http
          spec:
            functions: com.foo.bar/specific_function
            urlPathTemplate: http://bar.foo.com:8080/functions/abc
    ingresses:
      - ingress:
          meta:
            type: io.statefun.kafka/ingress
            id: com.foo.bar/names
          spec:
            address: kafka-broker:9092
            consumerGroupId: g
            topics:
              - topic: names
                valueType: com.foo.bar/Name
                targets:
                  - com.foo.bar/greeter
      - ingress:
          meta: {type: io.statefun.kinesis/ingress, id: com.foo.bar/clicks}
          spec: {streams: [{stream: s, valueType: com.foo.bar/Click, targets: [com.foo.bar/x]}]}
    egresses:
      - egress:
          meta:
            type: io.statefun.kafka/egress
            id: com.foo.bar/out
          spec:
            address: kafka-broker:9092
            deliverySemantic:
              type: exactly-once
              transactionTimeout: 15min
      - egress:
          meta: {type: holdfast.streams.v1/egress, id: com.foo.bar/letters}
          spec: {}
---
kind: holdfast.runtime.v1/settings
spec: {partitions: 8}
)";

TEST(LegacyVersion3, IsReadBesideOurOwnDocuments) {
  const LoadResult result = load_text(kVersion3);
  EXPECT_THAT(lines(result), IsEmpty());
  const auto& c = result.configuration;
  ASSERT_EQ(c.endpoints.size(), 2u);
  EXPECT_EQ(c.endpoints[0].functions, "com.foo.bar/*");
  EXPECT_EQ(c.endpoints[0].protocol, model::FunctionProtocol::V3);
  EXPECT_EQ(c.endpoints[0].max_batch, 10'000u);
  EXPECT_EQ(c.endpoints[0].call_timeout, kMinute);
  EXPECT_EQ(c.endpoints[0].write_timeout, Duration{20 * kSecond.ms});
  EXPECT_EQ(c.endpoints[1].functions, "com.foo.bar/specific_function");
  EXPECT_EQ(c.endpoints[1].call_timeout, Duration{2 * kMinute.ms}) << "the transport of v2";
  ASSERT_EQ(c.kafka_ingresses.size(), 1u);
  EXPECT_EQ(c.kafka_ingresses[0].id, "com.foo.bar/names");
  EXPECT_EQ(c.kafka_ingresses[0].topics[0].value_type, "com.foo.bar/Name");
  ASSERT_EQ(c.kafka_egresses.size(), 1u);
  EXPECT_EQ(c.kafka_egresses[0].id, "com.foo.bar/out");
  ASSERT_EQ(c.streams.size(), 1u);
  EXPECT_EQ(c.streams[0].id, "com.foo.bar/letters");
  EXPECT_EQ(c.streams[0].default_topic, "letters");
  ASSERT_EQ(c.kinesis.size(), 1u);
  EXPECT_EQ(c.settings.partitions, 8);
}

// As the README of the early Go SDK has it: meta and spec stand beside `function:`, not in it.
TEST(LegacyFragment, OfFunctionsAloneIsEnough) {
  const LoadResult result = load_text(R"(functions:
  - function:
    meta:
      kind: http
      type: demo/greeter
    spec:
      endpoint: http://localhost:8000/statefun
      protocol: interim
  - function:
      meta: {kind: HTTP, type: demo/in}
      spec: {endpoint: "http://localhost:8000/statefun"}
  - meta: {kind: http, type: demo/bare}
    spec: {endpoint: "http://localhost:8000/statefun", protocol: v3}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 3u);
  EXPECT_EQ(result.configuration.endpoints[0].functions, "demo/greeter");
  EXPECT_EQ(result.configuration.endpoints[0].protocol, model::FunctionProtocol::Interim);
  EXPECT_EQ(result.configuration.endpoints[1].functions, "demo/in");
  EXPECT_EQ(result.configuration.endpoints[1].protocol, model::FunctionProtocol::V2);
  EXPECT_EQ(result.configuration.endpoints[2].functions, "demo/bare");
  EXPECT_EQ(result.configuration.endpoints[2].protocol, model::FunctionProtocol::V3);
}

TEST(LegacyFragment, MayHaveAModuleWithoutAVersionOrOtherSections) {
  const LoadResult module = load_text(
      "module:\n  spec:\n    functions:\n      - function: {meta: {kind: http, type: a/f}, spec: {endpoint: "
      "http://h}}\n");
  EXPECT_THAT(lines(module), IsEmpty());
  EXPECT_EQ(module.configuration.endpoints.size(), 1u);
  const LoadResult egresses = load_text(
      "egresses:\n  - egress: {meta: {type: statefun.kafka.io/generic-egress, id: a/o}, spec: {address: "
      "'k:1'}}\n"
      "---\nfunctions:\n  - function: {meta: {kind: http, type: a/f}, spec: {endpoint: http://h, onFailure: "
      "{then: dead-letter, deadLetter: {egress: a/o, topic: t}}}}\n");
  EXPECT_THAT(lines(egresses), IsEmpty());
  ASSERT_EQ(egresses.configuration.endpoints.size(), 1u);
  EXPECT_EQ(egresses.configuration.endpoints[0].on_failure.dead_letter_stream, "a/o/outbox");
  EXPECT_EQ(egresses.configuration.endpoints[0].on_failure.dead_letter_topic, "t");
}

TEST(LegacyVersions, AreThreeAndWrittenAsYouLike) {
  for (const std::string version : {"1.0", "'2.0'", "\"3.0\""})
    EXPECT_THAT(lines(load_text("version: " + version + "\nmodule: {spec: {functions: []}}\n")), IsEmpty())
        << version;
  for (const std::string version : {"3.1", "3", "v3.0", "[3.0]"})
    EXPECT_THAT(lines(load_text("version: " + version + "\nmodule: {spec: {}}\n")),
                ElementsAre("m.yaml:1:10: version: expected \"1.0\", \"2.0\" or \"3.0\", got " +
                            std::string(version[0] == '[' ? "a list" : "\"" + version + "\"") +
                            " (StateFun 3.1 and later have documents with kind and spec, and no version)"));
  EXPECT_THAT(lines(load_text("version: '3.0'\n")),
              ElementsAre("m.yaml:1:1: module: expected a map with meta and spec, got nothing"));
  EXPECT_THAT(lines(load_text("version: '3.0'\nmodule: {meta: {type: embedded}}\n")),
              ElementsAre("m.yaml:2:9: module.spec: expected a map, got nothing",
                          "m.yaml:2:23: module.meta.type: expected remote, got \"embedded\""));
}

TEST(LegacyErrors, NameWhatIsWrongInFunctions) {
  EXPECT_THAT(
      lines(load_text(R"(version: "2.0"
module:
  meta: {type: remote}
  spec:
    functions:
      - function: {meta: {kind: grpc, type: a/g}, spec: {host: h, port: 5000}}
      - function: {meta: {kind: https, type: a/*}, spec: {endpoint: "localhost:80", timeout: 1.5s}}
      - function: {meta: {type: f}}
      - function: http
      - f
      - functin: {}
      - function:
          meta: {kind: http, type: a/f}
          spec:
            endpoint: http://h
            connectTimout: 1s
            protocol: V2
            states:
              - a
              - {name: a, expireAfter: 0}
              - {expireAfter: 1s, expireMode: after-read}
              - {name: b, expireMode: after-write}
              - [x]
      - function: {meta: {kind: http, type: a/f}, spec: {endpoint: http://h}}
    function: []
)")),
      ElementsAre("m.yaml:6:33: module.spec.functions[0].function.meta.kind: expected http, got \"grpc\" "
                  "(StateFun never "
                  "called functions of kind grpc)",
                  "m.yaml:7:33: module.spec.functions[1].function.meta.kind: expected http, got \"https\" "
                  "(did you mean "
                  "\"http\"?)",
                  "m.yaml:7:46: module.spec.functions[1].function.meta.type: expected a function as "
                  "namespace/name, got \"a/*\" "
                  "(a message goes to one function, not to all of a namespace)",
                  "m.yaml:7:69: module.spec.functions[1].function.spec.endpoint: expected a URL as "
                  "http://host:port/path or "
                  "http+unix:///path/to.sock/path, {function.name} anywhere behind the scheme, got "
                  "\"localhost:80\" (the scheme "
                  "is missing)",
                  "m.yaml:7:94: module.spec.functions[1].function.spec.timeout: expected a duration from 1ms "
                  "to 36500d, as "
                  "500ms, 10s or 2 min, got \"1.5s\"",
                  "m.yaml:8:19: module.spec.functions[2].function.spec: expected a map, got nothing",
                  "m.yaml:9:19: module.spec.functions[3].function: expected a map, got \"http\"",
                  "m.yaml:10:9: module.spec.functions[4]: expected a map, got \"f\"",
                  "m.yaml:11:9: module.spec.functions[5].meta: expected a map, got nothing",
                  "m.yaml:11:9: module.spec.functions[5].spec: expected a map, got nothing",
                  "m.yaml:11:9: warning: module.spec.functions[5].functin: expected a known key, got "
                  "\"functin\" (it is "
                  "ignored; did you mean \"function\"?)",
                  "m.yaml:16:13: warning: module.spec.functions[6].function.spec.connectTimout: expected a "
                  "known key, got "
                  "\"connectTimout\" (it is ignored; did you mean \"connectTimeout\"?)",
                  "m.yaml:17:23: module.spec.functions[6].function.spec.protocol: expected v3, v2 or "
                  "interim, got \"V2\" (did "
                  "you mean \"v2\"?)",
                  "m.yaml:20:24: module.spec.functions[6].function.spec.states[1]: expected each state once, "
                  "got \"a\" again "
                  "(first at m.yaml:19:17)",
                  "m.yaml:20:40: module.spec.functions[6].function.spec.states[1].expireAfter: expected a "
                  "duration from 1ms to "
                  "36500d, as 500ms, 10s or 2 min, got \"0\"",
                  "m.yaml:21:17: module.spec.functions[6].function.spec.states[2].name: expected the name of "
                  "a state, got "
                  "nothing",
                  "m.yaml:21:47: module.spec.functions[6].function.spec.states[2].expireMode: expected "
                  "after-invoke or "
                  "after-write, got \"after-read\"",
                  "m.yaml:22:39: warning: module.spec.functions[6].function.spec.states[3].expireMode: "
                  "expected this key only "
                  "beside expireAfter, got \"after-write\" (the state never expires)",
                  "m.yaml:23:17: module.spec.functions[6].function.spec.states[4]: expected the name of a "
                  "state, got a list",
                  "m.yaml:24:45: module.spec.functions[7].function.meta.type: expected functions that no "
                  "other endpoint has, "
                  "got \"a/f\" again (first at m.yaml:13:36)",
                  "m.yaml:25:5: warning: module.spec.function: expected a known key, got \"function\" (it is "
                  "ignored; did you "
                  "mean \"functions\"?)"));
}

TEST(LegacyErrors, NameTypesAndIdsWhereTheyStand) {
  EXPECT_THAT(
      lines(load_text(R"(version: "3.0"
module:
  spec:
    endpoints:
      - endpoint: {meta: {kind: grpc}, spec: {functions: a/*, urlPathTemplate: http://h}}
    ingresses:
      - ingress: {meta: {type: io.statefun.kafka/ingres, id: a/i}, spec: {}}
      - ingress: {meta: {type: io.statefun.kafka/egress, id: a/j}, spec: {}}
      - ingress: {meta: {id: a/k}, spec: {}}
    egresses:
      - egress: {meta: {type: io.statefun.kafka/egress}, spec: {address: 'k:1'}}
      - egress: {meta: {type: io.statefun.kafka/egress, id: o}, spec: {address: k}}
      - egress: {meta: {type: io.statefun.kafka/egress}, spec: {id: a/o, address: 'k:1'}}
      - egress: {meta: {type: io.statefun.kafka/egress, id: a/o}, spec: {address: 'k:1'}}
)")),
      ElementsAre(
          HasSubstr("m.yaml:5:33: module.spec.endpoints[0].endpoint.meta.kind: expected a known kind, got "
                    "\"grpc\""),
          "m.yaml:7:32: module.spec.ingresses[0].ingress.meta.type: expected a known type, got "
          "\"io.statefun.kafka/ingres\" (did you mean \"io.statefun.kafka/ingress\"?)",
          HasSubstr("m.yaml:8:32: module.spec.ingresses[1].ingress.meta.type: expected a known type, got "
                    "\"io.statefun.kafka/egress\""),
          "m.yaml:9:25: module.spec.ingresses[2].ingress.meta.type: expected what it is, as "
          "statefun.kafka.io/protobuf-ingress, got nothing",
          "m.yaml:11:24: module.spec.egresses[0].egress.meta.id: expected an egress id as namespace/name, "
          "got nothing",
          "m.yaml:12:61: module.spec.egresses[1].egress.meta.id: expected an egress id as namespace/name, "
          "got \"o\" "
          "(there must be one /)",
          "m.yaml:12:81: module.spec.egresses[1].egress.spec.address: expected brokers as host:port, "
          "separated by "
          "commas, got \"k\" (the port of \"k\" is missing)",
          "m.yaml:14:61: module.spec.egresses[3].egress.meta.id: expected an egress id that no other egress "
          "has, got "
          "\"a/o\" again (first at m.yaml:13:69)"));
}

TEST_F(Legacy, RoutersAndTheirIngressesMustFindEachOther) {
  const LoadResult result = load_module(R"(routers:
  - router: {meta: {type: org.apache.flink.statefun.sdk/protobuf-router}, spec: {ingress: a/none, target: "a/f/{{$.x}}", messageType: p.M, descriptorSet: shop.desc}}
  - router: {meta: {type: org.apache.flink.statefun.sdk/protobuf-router}, spec: {ingress: a/routable, target: "a/f/{{$.x}}", messageType: p.M, descriptorSet: shop.desc}}
  - router: {meta: {type: org.apache.flink.statefun.sdk/Protobuf-Router}, spec: {ingress: a/proto, target: "b/f/{{$.x}}", messageType: q.M, descriptorSet: "file:shop.desc"}}
  - router: {meta: {type: a/router}, spec: {ingress: a/known, target: x, messageType: 1M, descriptorSet: none.desc}}
ingresses:
  - ingress: {meta: {type: statefun.kafka.io/protobuf-ingress, id: a/known}, spec: {address: "k:1", consumerGroupId: g, topics: [t], messageType: p.M, descriptorSet: shop.desc}}
  - ingress: {meta: {type: statefun.kafka.io/protobuf-ingress, id: a/proto}, spec: {address: "k:1", consumerGroupId: g, topics: [t], messageType: p.M, descriptorSet: shop.desc}}
  - ingress: {meta: {type: statefun.kafka.io/protobuf-ingress, id: a/lonely}, spec: {address: "k:1", consumerGroupId: g, topics: [t, t, {topic: t}], messageType: p.M, descriptorSet: shop.desc}}
  - ingress: {meta: {type: statefun.kafka.io/routable-protobuf-ingress, id: a/routable}, spec: {address: "k:1", consumerGroupId: g, topics: [{topic: t, typeUrl: u, targets: [a/f]}]}}
functions:
  - function: {meta: {kind: http, type: a/f}, spec: {endpoint: "http://h"}}
)");
  EXPECT_THAT(
      said(result),
      ElementsAre("2:91: routers[0].router.spec.ingress: expected the id of a "
                  "statefun.kafka.io/protobuf-ingress, got "
                  "\"a/none\" (nothing declares it)",
                  "3:91: routers[1].router.spec.ingress: expected the id of a "
                  "statefun.kafka.io/protobuf-ingress, got "
                  "\"a/routable\" (that ingress has its targets in topics)",
                  "4:108: warning: routers[2].router.spec.target: expected a function that an endpoint of "
                  "these files serves, "
                  "got \"b/f/{{$.x}}\" (without one its records go as onBadRecord says)",
                  "4:136: warning: routers[2].router.spec.messageType: expected the type of the messages of "
                  "its ingress, "
                  "type.googleapis.com/p.M, got \"q.M\" (they are read as if they were of the other type)",
                  "5:27: routers[3].router.meta.type: expected "
                  "org.apache.flink.statefun.sdk/protobuf-router, got \"a/router\"",
                  "5:71: routers[3].router.spec.target: expected an address as namespace/name/{{$.field}}, "
                  "got \"x\" (the id is "
                  "missing)",
                  "5:87: routers[3].router.spec.messageType: expected the full name of a Protobuf message, "
                  "as org.x.Message, "
                  "got \"1M\"",
                  "5:106: routers[3].router.spec.descriptorSet: expected a file that can be read, got "
                  "\"none.desc\" (there is "
                  "no " +
                      (folder_ / "none.desc").string() + ")",
                  "9:68: ingresses[2].ingress.meta.id: expected an ingress that a router names, got "
                  "\"a/lonely\" (its "
                  "records would go nowhere)",
                  "9:134: ingresses[2].ingress.spec.topics: expected each topic once, got \"t\" again (first "
                  "at 9:131)",
                  "9:137: ingresses[2].ingress.spec.topics[2]: expected a Kafka topic: 1 to 249 letters, "
                  "digits, ., _ and -, "
                  "got a map"));
}

TEST(LegacyTemplates, AreCheckedAsFarAsTheyCanBe) {
  const auto fault = [](const std::string& target) {
    const auto all =
        lines(load_text("routers: [{meta: {type: org.apache.flink.statefun.sdk/protobuf-router}, spec: "
                        "{ingress: a/i, target: '" +
                        target + "', messageType: M, descriptorSet: none}}]\n"));
    for (const std::string& line : all)
      if (line.find("spec.target: expected an address") != std::string::npos)
        return line.substr(line.find(" (") + 1);
    return std::string();
  };
  for (const std::string good : {"a/f/{{$.x}}", "a/f/1", "a.b/c/f/{{$.x.y_1.z}}",
                                 "com.{{$.a}}/f-{{$.b}}/x{{$.c}}{{$.d[12]}}", "a/f/{{$.a[0].b}}"})
    EXPECT_EQ(fault(good), "") << good;
  EXPECT_EQ(fault("a/f"), "(the / is missing)");
  EXPECT_EQ(fault("f/{{$.x}}"), "(the / is missing)");
  EXPECT_EQ(fault("a/f/"), "(the id is missing)");
  EXPECT_EQ(fault("/f/{{$.x}}"), "(the namespace is missing)");
  EXPECT_EQ(fault("a/*/{{$.x}}"), "(a message goes to one function, not to all of a namespace)");
  EXPECT_EQ(fault("holdfast/request/{{$.x}}"), "(the namespace holdfast is reserved)");
  EXPECT_EQ(fault("a/f/{{$.x}"), "(the }} of a {{ is missing)");
  EXPECT_EQ(fault("a/f/{$.x}}"), "(braces stand in pairs: {{$.field}})");
  EXPECT_EQ(fault("a/f/{{x}}"), "(\"{{x}}\" does not begin with $.)");
  EXPECT_EQ(fault("a/f/{{$.}}"), "(\"{{$.}}\" has something in it that is no field)");
  EXPECT_EQ(fault("a/f/{{$.a..b}}"), "(\"{{$.a..b}}\" has something in it that is no field)");
  EXPECT_EQ(fault("a/f/{{$.a[x]}}"), "(\"{{$.a[x]}}\" has an index that is no number)");
  EXPECT_EQ(fault("a/f/{{ $.a }}"), "(it has white space or control characters in it)");
}

TEST(Protocol, IsChosenByConfigurationForEveryEndpoint) {
  const LoadResult result = load_text(R"(kind: io.statefun.endpoints.v2/http
spec: {functions: a/*, urlPathTemplate: http://h, protocol: v2, states: [x, {name: y, expireAfter: 1s}]}
---
kind: io.statefun.endpoints.v1/http
spec: {functions: b/*, urlPathTemplate: http://h, protocol: interim}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: c/*, urlPathTemplate: http://h}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: d/*, urlPathTemplate: http://h, states: [x]}
)");
  EXPECT_THAT(
      lines(result),
      ElementsAre("m.yaml:11:59: warning: spec.states: expected no states with protocol v3, got a list (they "
                  "have no effect: functions of v3 declare them themselves)"));
  const auto& e = result.configuration.endpoints;
  ASSERT_EQ(e.size(), 4u);
  EXPECT_EQ(e[0].protocol, model::FunctionProtocol::V2);
  EXPECT_EQ(e[0].states.size(), 2u);
  EXPECT_EQ(e[1].protocol, model::FunctionProtocol::Interim);
  EXPECT_EQ(e[2].protocol, model::FunctionProtocol::V3);
  EXPECT_THAT(e[3].states, IsEmpty());
}

TEST_F(Legacy, IsDescribedAsItWillRun) {
  const LoadResult result = load_module(std::string(kVersion1) + R"(---
kind: holdfast.nats.v1/ingress
spec:
  id: a/in
  servers: [nats://n1:4222, nats://n2:4222]
  subjects:
    - {subject: orders.*, valueType: a/Order, targets: [com.example.shop/cart], key: {subjectToken: 1}}
    - {subject: visits, valueType: a/Visit, targets: [com.example.shop/cart], key: {header: Visitor}}
  jetstream: {stream: ORDERS, durable: d, startFrom: earliest}
  onBadRecord: {then: dead-letter, deadLetter: {egress: a/nats, topic: bad}}
---
kind: holdfast.nats.v1/egress
spec: {id: a/nats, servers: ["nats://n1:4222"], defaultSubject: rest}
---
kind: io.statefun.kinesis.v1/egress
spec: {id: a/kinesis}
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: b/*
  urlPathTemplate: http://h
  protocol: v2
  states: [{name: seen, expireAfter: 1d}, count]
  onFailure: {then: dead-letter, deadLetter: {egress: com.example.shop/receipts, topic: dead}}
)");
  EXPECT_THAT(said(result), IsEmpty());
  const std::string text = describe(result.configuration);
  EXPECT_EQ(text.substr(0, text.find("settings\n")),
            R"(endpoints
  com.example.shop/cart      http://localhost:5959/statefun  (batch 10000, concurrency 256, call 2min, after 20 attempts park, protocol v2, states items, total)
  com.example.shop/stock     http+unix:///run/stock.sock/statefun  (batch 1000, concurrency 256, call 1min, after 20 attempts park, protocol v2, no states)
  b/*                        http://h  (batch 1000, concurrency 256, call 2min, after 20 attempts to com.example.shop/receipts/dead, protocol v2, states seen for 1d, count)
ingresses
  com.example.shop/orders    Kafka kafka-broker:9092, group shop, from offsets of 2 partitions, bad records park
    orders                   type.googleapis.com/org.example.shop.Order by its routers
    orders.late              type.googleapis.com/org.example.shop.Order by its routers
    router                   org.example.shop.Order to com.example.shop/cart/{{$.customer}}
    router                   org.example.shop.Order to com.example.shop/{{$.kind}}/{{$.lines[0].item}}-{{$.country}}
  a/in                       NATS nats://n1:4222 and 1 more, stream ORDERS, durable d, from earliest, bad records to a/nats/bad
    orders.*                 a/Order to com.example.shop/cart, id from token 1
    visits                   a/Visit to com.example.shop/cart, id from header Visitor
egresses
  com.example.shop/receipts  Kafka kafka-broker:9092, exactly-once, outbox up to 1gb
  a/nats                     NATS nats://n1:4222, JetStream, default rest, outbox up to 1gb
  a/kinesis                  Kinesis, not supported yet
)");
}

}  // namespace
}  // namespace holdfast::config
