// Kafka in and out, as StateFun 3.1 and later write it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kKafkaEgress;
using testing::kKafkaIngress;
using testing::lines;
using testing::load_text;
using ::testing::Pair;
using testing::problems_of;

// The shopping example of the playground, with what people add to it.
constexpr const char* kShop = R"(kind: io.statefun.endpoints.v2/http
spec:
  functions: com.example/*
  urlPathTemplate: http://functions:8000/statefun
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: com.example/restock
  address: kafka:9092, kafka-2:9092
  consumerGroupId: my-group-id
  startupPosition:
    type: earliest
  topics:
    - topic: restock-items
      valueType: com.example/RestockItem
      targets:
        - com.example/stock
        - com.example/audit
    - topic: user.visits_1
      valueType: io.statefun.types/string
      targets: [com.example/user]
---
kind: io.statefun.kafka.v1/egress
spec:
  id: com.example/receipts
  address: kafka:9092
  deliverySemantic:
    type: exactly-once
    transactionTimeout: 15min
  properties:
    - linger.ms: 2
    - sasl.password: ${PASSWORD}
)";

TEST(Kafka, TakesAModuleOfThePlaygroundAsItIs) {
  const LoadResult result = load_text(kShop, {{"PASSWORD", "xyz"}});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.kafka_ingresses.size(), 1u);
  const auto& in = result.configuration.kafka_ingresses[0];
  EXPECT_EQ(in.id, "com.example/restock");
  EXPECT_EQ(in.bootstrap_servers, "kafka:9092,kafka-2:9092");
  EXPECT_EQ(in.group_id, "my-group-id");
  EXPECT_EQ(in.start.from, model::KafkaStart::From::Earliest);
  EXPECT_FALSE(in.reset_to_earliest);
  EXPECT_THAT(in.properties, IsEmpty());
  EXPECT_THAT(in.routes, IsEmpty());
  EXPECT_EQ(in.on_bad_record.then, model::BadRecordAction::Park);
  ASSERT_EQ(in.topics.size(), 2u);
  EXPECT_EQ(in.topics[0].topic, "restock-items");
  EXPECT_EQ(in.topics[0].value_type, "com.example/RestockItem");
  EXPECT_THAT(in.topics[0].targets, ElementsAre("com.example/stock", "com.example/audit"));
  EXPECT_EQ(in.topics[1].topic, "user.visits_1");
  EXPECT_EQ(in.topics[1].value_type, "io.statefun.types/string");
  EXPECT_THAT(in.topics[1].targets, ElementsAre("com.example/user"));
  ASSERT_EQ(result.configuration.kafka_egresses.size(), 1u);
  const auto& out = result.configuration.kafka_egresses[0];
  EXPECT_EQ(out.id, "com.example/receipts");
  EXPECT_EQ(out.bootstrap_servers, "kafka:9092");
  EXPECT_EQ(out.delivery, model::KafkaEgressSpec::Delivery::ExactlyOnce);
  EXPECT_EQ(out.transaction_timeout, Duration{15 * 60'000});
  EXPECT_THAT(out.properties, ElementsAre(Pair("linger.ms", "2"), Pair("sasl.password", "xyz")));
}

constexpr std::string_view kHead =
    "id: a/in\naddress: k:9092\nconsumerGroupId: g\ntopics: [{topic: t, valueType: a/T, targets: [a/f]}]\n";
constexpr std::string_view kServed =
    "---\nkind: io.statefun.endpoints.v2/http\nspec: {functions: a/*, urlPathTemplate: http://h}\n";

// An ingress with nothing wrong and these lines more; the first of them is line 7.
LoadResult load_ingress(std::string_view more, std::string_view documents = {}) {
  std::string text = "kind: io.statefun.kafka.v1/ingress\nspec:\n";
  const std::string spec = std::string(kHead) + std::string(more);
  for (std::size_t at = 0; at < spec.size();) {
    const auto end = std::min(spec.find('\n', at), spec.size());
    text += "  " + spec.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return load_text(text + std::string(kServed) + std::string(documents));
}

model::KafkaIngressSpec ingress(std::string_view more, std::string_view documents = {}) {
  const LoadResult result = load_ingress(more, documents);
  EXPECT_THAT(lines(result), IsEmpty());
  return result.configuration.kafka_ingresses.size() == 1 ? result.configuration.kafka_ingresses[0]
                                                          : model::KafkaIngressSpec{};
}

TEST(KafkaIngress, BeginsAtTheLatestRecordAsStateFunDoes) {
  EXPECT_EQ(ingress("").start.from, model::KafkaStart::From::Latest);
  EXPECT_FALSE(ingress("").reset_to_earliest);
}

TEST(KafkaIngress, TakesEveryStartupPosition) {
  using From = model::KafkaStart::From;
  EXPECT_EQ(ingress("startupPosition: {type: latest}").start.from, From::Latest);
  EXPECT_EQ(ingress("startupPosition: {type: earliest}").start.from, From::Earliest);
  EXPECT_EQ(ingress("startupPosition: {type: GROUP-OFFSETS}").start.from, From::GroupOffsets)
      << "as 2.2 takes it";
  for (const std::string_view form :
       {"startupPosition: {type: specific-offsets, offsets: [{t/0: 91}, {t/12: 0}]}",
        "startupPosition: {type: specific-offsets, offsets: {t/0: 91, t/12: 0}}",
        "startupPosition:\n  type: specific-offsets\n  offsets:\n    - t/0: 91\n    - t/12: 0"}) {
    const auto start = ingress(form).start;
    EXPECT_EQ(start.from, From::Specific);
    ASSERT_EQ(start.offsets.size(), 2u);
    EXPECT_EQ(start.offsets[0].topic, "t");
    EXPECT_EQ(start.offsets[0].partition, 0);
    EXPECT_EQ(start.offsets[0].offset, 91);
    EXPECT_EQ(start.offsets[1].partition, 12);
    EXPECT_EQ(start.offsets[1].offset, 0);
  }
  const auto date = ingress("startupPosition: {type: date, date: '2020-02-01 04:15:00.125 +0000'}").start;
  EXPECT_EQ(date.from, From::Date);
  EXPECT_EQ(date.date, Instant{1'580'530'500'125});
  EXPECT_EQ(ingress("startupPosition: {type: date, date: '2020-02-01 04:15:00.125 +0130'}").start.date,
            Instant{1'580'530'500'125 - 90 * 60'000});
  EXPECT_EQ(ingress("startupPosition: {type: date, date: '1969-12-31 23:59:59.999 -0100'}").start.date,
            Instant{3'600'000 - 1});
}

TEST(KafkaIngress, TakesBrokersAndGroupFromPropertiesButItsKeysWin) {
  const LoadResult result = load_text(
      "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n"
      "  topics: [{topic: t, valueType: a/T, targets: [a/f]}]\n"
      "  properties: {bootstrap.servers: 'SASL_SSL://[::1]:9092', group.id: g, isolation.level: "
      "read_committed}\n" +
      std::string(kServed));
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.kafka_ingresses.size(), 1u);
  const auto& in = result.configuration.kafka_ingresses[0];
  EXPECT_EQ(in.bootstrap_servers, "SASL_SSL://[::1]:9092");
  EXPECT_EQ(in.group_id, "g");
  EXPECT_THAT(in.properties, ElementsAre(Pair("isolation.level", "read_committed")));

  const LoadResult both =
      load_ingress("properties:\n  - bootstrap.servers: other:1\n  - group.id: g\n  - a: b\n  - a: c");
  EXPECT_THAT(lines(both),
              ElementsAre("m.yaml:8:26: warning: spec.properties[0].\"bootstrap.servers\": expected no "
                          "bootstrap.servers beside address, got \"other:1\" (address wins)",
                          "m.yaml:11:7: warning: spec.properties[3].a: expected each of them once, got \"a\" "
                          "again (the value at m.yaml:10:10 has no effect)"));
  EXPECT_EQ(both.configuration.kafka_ingresses[0].bootstrap_servers, "k:9092");
  EXPECT_THAT(both.configuration.kafka_ingresses[0].properties, ElementsAre(Pair("a", "c")));
}

TEST(KafkaIngress, SaysWhatBecomesOfBadRecords) {
  const std::string egresses =
      "---\nkind: holdfast.streams.v1/egress\nspec: {id: a/letters}\n"
      "---\nkind: io.statefun.kafka.v1/egress\nspec: {id: a/out, address: 'k:1'}\n";
  EXPECT_EQ(ingress("onBadRecord: {then: park}").on_bad_record.then, model::BadRecordAction::Park);
  EXPECT_EQ(ingress("onBadRecord: {then: skip}").on_bad_record.then, model::BadRecordAction::Skip);
  const auto stream =
      ingress("onBadRecord: {then: dead-letter, deadLetter: {egress: a/letters}}", egresses).on_bad_record;
  EXPECT_EQ(stream.then, model::BadRecordAction::DeadLetter);
  EXPECT_EQ(stream.dead_letter_egress, "a/letters");
  EXPECT_EQ(stream.dead_letter_topic, "letters");
  const auto kafka =
      ingress("onBadRecord: {then: dead-letter, deadLetter: {egress: a/out, topic: bad}}", egresses)
          .on_bad_record;
  EXPECT_EQ(kafka.dead_letter_egress, "a/out");
  EXPECT_EQ(kafka.dead_letter_topic, "bad");
  EXPECT_THAT(
      lines(load_ingress("onBadRecord: {then: drop}")),
      ElementsAre("m.yaml:7:23: spec.onBadRecord.then: expected park, dead-letter or skip, got \"drop\""));
  EXPECT_THAT(
      lines(load_ingress("onBadRecord: {then: dead-letter, deadLetter: {egress: a/out}}", egresses)),
      ElementsAre(
          "m.yaml:7:48: spec.onBadRecord.deadLetter.topic: expected a topic of the egress, got nothing "
          "(a Kafka topic: 1 to 249 letters, digits, ., _ and -)"));
  EXPECT_THAT(
      lines(load_ingress("onBadRecord: {then: dead-letter, deadLetter: {egress: a/none, topic: t}, x: 1}")),
      ElementsAre("m.yaml:7:57: spec.onBadRecord.deadLetter.egress: expected the id of an egress, got "
                  "\"a/none\" (no document declares it)",
                  "m.yaml:7:76: spec.onBadRecord.x: expected a known key, got \"x\" (known here: then, "
                  "deadLetter)"));
}

TEST(KafkaIngress, NamesWhatIsMissing) {
  EXPECT_THAT(
      problems_of(kKafkaIngress, "topics: []"),
      ElementsAre("m.yaml:3:3: spec.id: expected an ingress id as namespace/name, got nothing",
                  "m.yaml:3:3: spec.address: expected brokers as host:port, separated by commas, got nothing",
                  "m.yaml:3:3: spec.consumerGroupId: expected the id of a consumer group, got nothing",
                  "m.yaml:3:11: spec.topics: expected a list of at least one topic, got an empty list"));
  EXPECT_THAT(
      problems_of(kKafkaIngress, "id: a/in\naddress: k:1\nconsumerGroupId: g\ntopics: [{}, t]"),
      ElementsAre(
          "m.yaml:6:12: spec.topics[0].topic: expected a Kafka topic: 1 to 249 letters, digits, ., _ "
          "and -, got nothing",
          "m.yaml:6:12: spec.topics[0].valueType: expected a type as namespace/name, got nothing",
          "m.yaml:6:12: spec.topics[0].targets: expected a list of at least one function, got nothing",
          "m.yaml:6:16: spec.topics[1]: expected a map, got \"t\""));
}

TEST(KafkaIngress, NamesWhatIsWrongInATopic) {
  EXPECT_THAT(
      lines(load_text(
          "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: in\n  address: k\n  consumerGroupId: ''\n"
          "  topics:\n"
          "    - {topic: t u, valueType: T T, targets: [a/*, b, holdfast/request]}\n"
          "    - {topic: t, valueType: a/T, targets: [a/f, a/f], valueTyp: x}\n"
          "    - {topic: t, valueType: a/T, targets: a/f}\n" +
          std::string(kServed))),
      ElementsAre(
          "m.yaml:3:7: spec.id: expected an ingress id as namespace/name, got \"in\" (there must be one /)",
          "m.yaml:4:12: spec.address: expected brokers as host:port, separated by commas, got \"k\" (the "
          "port of "
          "\"k\" is missing)",
          "m.yaml:5:20: spec.consumerGroupId: expected the id of a consumer group, got \"\"",
          "m.yaml:7:15: spec.topics[0].topic: expected a Kafka topic: 1 to 249 letters, digits, ., _ and -, "
          "got "
          "\"t u\"",
          "m.yaml:7:31: spec.topics[0].valueType: expected a type as namespace/name, got \"T T\" (it has white space "
          "or control characters in it)",
          "m.yaml:7:46: spec.topics[0].targets[0]: expected a function as namespace/name, got \"a/*\" (a "
          "message "
          "goes to one function, not to all of a namespace)",
          "m.yaml:7:51: spec.topics[0].targets[1]: expected a function as namespace/name, got \"b\" (the / "
          "is "
          "missing)",
          "m.yaml:7:54: spec.topics[0].targets[2]: expected a function as namespace/name, got "
          "\"holdfast/request\" (the namespace holdfast is reserved)",
          "m.yaml:8:49: warning: spec.topics[1].targets: expected each function once, got \"a/f\" again (it "
          "gets "
          "each record as often)",
          "m.yaml:8:55: warning: spec.topics[1].valueTyp: expected a known key, got \"valueTyp\" (it is "
          "ignored; "
          "did you mean \"valueType\"?)",
          "m.yaml:9:15: spec.topics[2].topic: expected each topic once, got \"t\" again (first at "
          "m.yaml:8:15)",
          "m.yaml:9:43: spec.topics[2].targets: expected a list, got \"a/f\""));
}

// As Kafka's clients do (ClientUtils.parseAndValidateAddresses).
TEST(KafkaIngress, SkipsEmptyBrokers) {
  for (const std::string address : {"a:1,b:2,", ",a:1,b:2", "a:1,,b:2", " a:1 , , b:2 , "}) {
    const auto result = load_text("kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: '" + address +
                                  "'\n  consumerGroupId: g\n  topics: [{topic: t, valueType: a/T, targets: [a/f]}]\n");
    ASSERT_TRUE(result.ok()) << address;
    EXPECT_EQ(result.configuration.kafka_ingresses.at(0).bootstrap_servers, "a:1,b:2") << address;
  }
}

// RoutableKafkaIngressSpec takes valueType to the letter, so there are files with a bare name.
TEST(KafkaIngress, TakesAnyTextAsTheTypeOfItsValues) {
  for (const std::string type : {"T", "a/T", "a/b/T", "/T", "a/", "https://example.com/T#1"}) {
    const auto result = load_text("kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: a:1\n  consumerGroupId: g\n"
                                  "  topics: [{topic: t, valueType: '" + type + "', targets: [a/f]}]\n");
    ASSERT_TRUE(result.ok()) << type;
    EXPECT_EQ(result.configuration.kafka_ingresses.at(0).topics.at(0).value_type, type);
  }
}

// SnakeYAML makes numbers and booleans of them before StateFun's PropertiesJsonDeserializer sees them.
TEST(Kafka, ReadsPropertiesAsSnakeYamlDoes) {
  const std::tuple<std::string, std::string> table[] = {
      {"10_000", "10000"}, {"0x10", "16"},     {"010", "8"},       {"'010'", "010"}, {"yes", "true"},    {"On", "true"},
      {"OFF", "false"},    {"'yes'", "yes"},   {"y", "y"},         {"True", "true"}, {"SASL_SSL", "SASL_SSL"}, {"1e3", "1e3"},
      {"!!str 010", "010"}, {"0_0", "0"},      {"a_1", "a_1"},     {"-0x1", "-1"},
  };
  for (const auto& [written, read] : table) {
    const auto result = load_text("kind: io.statefun.kafka.v1/egress\nspec:\n  id: a/out\n  address: a:1\n  properties: [{p: " + written + "}]\n");
    ASSERT_TRUE(result.ok()) << written;
    EXPECT_EQ(result.configuration.kafka_egresses.at(0).properties.at(0).second, read) << written;
  }
}

TEST(KafkaIngress, NamesWhatIsWrongWithTheBrokers) {
  const auto said = [](const std::string& address) {
    const auto all =
        problems_of(kKafkaIngress, "id: a/in\naddress: '" + address +
                                       "'\nconsumerGroupId: g\ntopics: [{topic: t, valueType: a/T, "
                                       "targets: [a/f]}]\n" +
                                       std::string());
    for (const auto& line : all)
      if (line.find("spec.address") != std::string::npos) return line.substr(line.find(", got") + 2);
    return std::string();
  };
  EXPECT_EQ(said("a:1,b:2"), "");
  EXPECT_EQ(said(" a:1 , b:2 "), "");
  EXPECT_EQ(said("PLAINTEXT://a_b.c-d:1"), "");
  EXPECT_EQ(said(""), "got \"\"");
  EXPECT_EQ(said("a:1,"), "");
  EXPECT_EQ(said(","), "got \",\"");
  EXPECT_EQ(said("a:0"), "got \"a:0\" (the port of \"a:0\" is not a number from 1 to 65535)");
  EXPECT_EQ(said("a:65536"), "got \"a:65536\" (the port of \"a:65536\" is not a number from 1 to 65535)");
  EXPECT_EQ(said(":1"), "got \":1\" (the host of \":1\" is missing)");
  EXPECT_EQ(said("a;b:1"), "got \"a;b:1\" (\"a;b:1\" is not host:port)");
  EXPECT_EQ(said("://a:1"), "got \"://a:1\" (\"://a:1\" has an odd scheme)");
}

TEST(KafkaIngress, NamesWhatIsWrongWithTheStartupPosition) {
  const auto said = [](const std::string& position) {
    return lines(load_ingress("startupPosition: " + position));
  };
  EXPECT_THAT(said("earliest"),
              ElementsAre("m.yaml:7:20: spec.startupPosition: expected a map, got \"earliest\""));
  EXPECT_THAT(said("{}"), ElementsAre("m.yaml:7:20: spec.startupPosition.type: expected latest, earliest, "
                                      "group-offsets, specific-offsets or date, got nothing"));
  EXPECT_THAT(
      said("{type: group-offset}"),
      ElementsAre("m.yaml:7:27: spec.startupPosition.type: expected latest, earliest, group-offsets, "
                  "specific-offsets or date, got \"group-offset\" (did you mean \"group-offsets\"?)"));
  EXPECT_THAT(
      said("{type: latest, offsets: [{t/0: 1}], date: x}"),
      ElementsAre("m.yaml:7:44: warning: spec.startupPosition.offsets: expected this key only beside type: "
                  "specific-offsets, got type: latest (it has no effect)",
                  "m.yaml:7:62: warning: spec.startupPosition.date: expected this key only beside type: "
                  "date, got type: latest (it has no effect)"));
  EXPECT_THAT(
      said("{type: specific-offsets}"),
      ElementsAre("m.yaml:7:20: spec.startupPosition.offsets: expected a list of topic/partition: offset, "
                  "got nothing"));
  EXPECT_THAT(
      said("{type: specific-offsets, offsets: []}"),
      ElementsAre("m.yaml:7:54: spec.startupPosition.offsets: expected a list of topic/partition: offset, "
                  "got an empty list"));
  EXPECT_THAT(
      said("{type: specific-offsets, offsets: [{t: 1}, {t/-1: 1}, {t/0: -1}, {u/0: 1}, x, {t/1: ~}]}"),
      ElementsAre(
          "m.yaml:7:59: spec.startupPosition.offsets[0].t: expected a partition as topic/number, got \"t\"",
          "m.yaml:7:70: spec.startupPosition.offsets[1].t/-1: expected a partition as topic/number, got "
          "\"t/-1\"",
          "m.yaml:7:80: spec.startupPosition.offsets[2].t/0: expected an integer from 0 to "
          "9223372036854775807, "
          "got \"-1\"",
          "m.yaml:7:91: warning: spec.startupPosition.offsets[3].u/0: expected a partition of one of topics, "
          "got "
          "\"u/0\" (it has no effect)",
          "m.yaml:7:95: spec.startupPosition.offsets[4]: expected name: value, got \"x\"",
          "m.yaml:7:99: spec.startupPosition.offsets[5].t/1: expected an integer from 0 to "
          "9223372036854775807, "
          "got nothing"));
}

TEST(KafkaIngress, TakesDatesExactlyAsJavaDoes) {
  const auto said = [](const std::string& date) {
    const auto all = lines(load_ingress("startupPosition: {type: date, date: '" + date + "'}"));
    return all.empty() ? std::string() : all[0].substr(all[0].find(" ("));
  };
  const std::string pattern =
      " (the pattern is yyyy-MM-dd HH:mm:ss.SSS Z: three digits of milliseconds, +HHMM for the zone)";
  EXPECT_EQ(said("2020-02-29 23:59:59.999 +1800"), "");
  // The first is what StateFun's documentation shows, and StateFun refuses.
  for (const std::string wrong :
       {"2020-02-01 04:15:00.00 Z", "2020-02-01 04:15:00.000 Z", "2020-02-01 04:15:00 +0000",
        "2020-02-01 04:15:00.000 +00:00", "2020-02-01T04:15:00.000 +0000", "", "2020-2-1 04:15:00.000 +0000",
        "2020-02-01 04:15:00.000 +0000 "})
    EXPECT_EQ(said(wrong), pattern) << wrong;
  EXPECT_EQ(said("2021-02-29 00:00:00.000 +0000"), " (there is no such day)");
  EXPECT_EQ(said("2020-13-01 00:00:00.000 +0000"), " (there is no such day)");
  EXPECT_EQ(said("2020-02-01 24:00:00.000 +0000"), " (there is no such time of day)");
  EXPECT_EQ(said("2020-02-01 23:00:60.000 +0000"), " (there is no such time of day)");
  EXPECT_EQ(said("2020-02-01 00:00:00.000 +1801"), " (there is no such zone)");
  EXPECT_THAT(
      lines(load_ingress("startupPosition: {type: date}")),
      ElementsAre("m.yaml:7:20: spec.startupPosition.date: expected a date as 2020-02-01 04:15:00.000 +0000, "
                  "got nothing"));
}

TEST(KafkaIngress, WarnsOfTargetsThatNobodyServes) {
  const LoadResult result = load_text(
      "kind: io.statefun.kafka.v1/ingress\nspec: {id: a/in, address: 'k:1', consumerGroupId: g, topics: "
      "[{topic: t, "
      "valueType: a/T, targets: [a/f, b/g, c.d/h, c/h]}]}\n---\n"
      "kind: io.statefun.endpoints.v2/http\nspec: {functions: a/f, urlPathTemplate: http://h}\n---\n"
      "kind: io.statefun.endpoints.v2/http\nspec: {functions: c.d/*, urlPathTemplate: http://h}\n");
  EXPECT_TRUE(result.ok());
  EXPECT_THAT(
      lines(result),
      ElementsAre(
          "m.yaml:2:105: warning: spec.topics[0].targets: expected a function that an endpoint of these "
          "files serves, got \"b/g\" (without one its records go as onBadRecord says)",
          "m.yaml:2:117: warning: spec.topics[0].targets: expected a function that an endpoint of these "
          "files serves, got \"c/h\" (without one its records go as onBadRecord says)"));
}

model::KafkaEgressSpec egress(const std::string& more) {
  const LoadResult result =
      load_text("kind: io.statefun.kafka.v1/egress\nspec: {id: a/out, address: 'k:9092'" +
                std::string(more.empty() ? "" : ", ") + more + "}\n");
  EXPECT_THAT(lines(result), IsEmpty()) << more;
  return result.configuration.kafka_egresses.size() == 1 ? result.configuration.kafka_egresses[0]
                                                         : model::KafkaEgressSpec{};
}

TEST(KafkaEgress, HasTheDefaultsOfStateFun) {
  const auto out = egress("");
  EXPECT_EQ(out.delivery, model::KafkaEgressSpec::Delivery::AtLeastOnce);
  EXPECT_EQ(out.transaction_timeout, Duration{60'000});
  EXPECT_EQ(out.outbox_bytes, 1ull << 30);
  EXPECT_EQ(out.positions_topic, "__holdfast_positions");
}

TEST(KafkaEgress, TakesEverySemanticAndTheOldSpellingOfItsTimeoutFirst) {
  using Delivery = model::KafkaEgressSpec::Delivery;
  EXPECT_EQ(egress("deliverySemantic: {type: none}").delivery, Delivery::None);
  EXPECT_EQ(egress("deliverySemantic: {type: at-least-once}").delivery, Delivery::AtLeastOnce);
  const auto plain = egress("deliverySemantic: {type: exactly-once}");
  EXPECT_EQ(plain.delivery, Delivery::ExactlyOnce);
  EXPECT_EQ(plain.transaction_timeout, Duration{60'000});
  EXPECT_EQ(
      egress("deliverySemantic: {type: exactly-once, transactionTimeoutMillis: 100000}").transaction_timeout,
      Duration{100'000});
  EXPECT_EQ(
      egress("deliverySemantic: {type: exactly-once, transactionTimeout: 5min, transactionTimeoutMillis: 7}")
          .transaction_timeout,
      Duration{7});
}

TEST(KafkaEgress, TakesOurKeys) {
  const auto out = egress("outboxBytes: 64mb, positionsTopic: shop.positions");
  EXPECT_EQ(out.outbox_bytes, 64ull << 20);
  EXPECT_EQ(out.positions_topic, "shop.positions");
}

TEST(KafkaEgress, NamesWhatIsWrong) {
  EXPECT_THAT(
      problems_of(
          kKafkaEgress,
          "id: io.statefun.playground/egress\ndeliverySemantic: {type: exactly_once}\noutboxBytes: 1kb\n"
          "positionsTopic: a/b\npropertys: []"),
      ElementsAre(
          "m.yaml:3:3: spec.address: expected brokers as host:port, separated by commas, got nothing",
          "m.yaml:3:7: spec.id: expected an id of your own, got \"io.statefun.playground/egress\" (it is the "
          "id of the playground's egress)",
          "m.yaml:4:28: spec.deliverySemantic.type: expected none, at-least-once or exactly-once, got "
          "\"exactly_once\" (did you mean \"exactly-once\"?)",
          "m.yaml:5:16: spec.outboxBytes: expected a size from 1mb to 16384gb, as 1000, 64kb or 16mb, got "
          "\"1kb\"",
          "m.yaml:6:19: spec.positionsTopic: expected a Kafka topic: 1 to 249 letters, digits, ., _ and -, "
          "got \"a/b\"",
          "m.yaml:7:3: warning: spec.propertys: expected a known key, got \"propertys\" (it is ignored; did "
          "you mean \"properties\"?)"));
  EXPECT_THAT(
      problems_of(kKafkaEgress,
                  "id: a/o\naddress: k:1\ndeliverySemantic: {type: exactly-once, "
                  "transactionTimeout: 0}"),
      ElementsAre(
          "m.yaml:5:62: spec.deliverySemantic.transactionTimeout: expected a duration from 1ms to 7d, "
          "as 500ms, 10s or 2 min, got \"0\""));
}

TEST(KafkaEgress, MayTakeTheDeadLettersOfAnEndpoint) {
  const std::string egress = "---\nkind: io.statefun.kafka.v1/egress\nspec: {id: a/out, address: 'k:1'}\n";
  const auto with = [&](const std::string& letter) {
    return load_text(
        "kind: io.statefun.endpoints.v2/http\nspec: {functions: a/*, urlPathTemplate: http://h, onFailure: "
        "{then: dead-letter, deadLetter: " +
        letter + "}}\n" + egress);
  };
  const LoadResult result = with("{egress: a/out, topic: dead}");
  EXPECT_THAT(lines(result), IsEmpty());
  EXPECT_EQ(result.configuration.endpoints[0].on_failure.dead_letter_stream, "a/out/outbox");
  EXPECT_EQ(result.configuration.endpoints[0].on_failure.dead_letter_topic, "dead");
  EXPECT_THAT(lines(with("{egress: a/out}")),
              ElementsAre(HasSubstr(
                  "onFailure.deadLetter.topic: expected a topic of the egress, got nothing (a Kafka "
                  "topic")));
  EXPECT_THAT(lines(with("{egress: a/out, topic: 'a:b'}")),
              ElementsAre(HasSubstr(
                  "onFailure.deadLetter.topic: expected a topic of the egress, got \"a:b\" (a Kafka "
                  "topic")));
}

TEST(Kafka, IdsAreDeclaredOnceOverAllKindsAndFiles) {
  EXPECT_THAT(
      lines(load_text("kind: holdfast.streams.v1/egress\nspec: {id: a/o}\n---\n"
                      "kind: io.statefun.kafka.v1/egress\nspec: {id: a/o, address: 'k:1'}\n")),
      ElementsAre("m.yaml:5:12: spec.id: expected an egress id that no other egress has, got \"a/o\" again "
                  "(first at m.yaml:2:12)"));
  const std::string in =
      "kind: io.statefun.kafka.v1/ingress\nspec: {id: a/i, address: 'k:1', consumerGroupId: g, "
      "topics: [{topic: t, valueType: a/T, targets: [a/f]}]}\n";
  EXPECT_THAT(
      lines(load_text(in + "---\n" + in + std::string(kServed))),
      ElementsAre("m.yaml:5:12: spec.id: expected an ingress id that no other ingress has, got \"a/i\" again "
                  "(first at m.yaml:2:12)"));
}

TEST(Kafka, ShowsNoSecretsOfItsProperties) {
  const auto said =
      problems_of(kKafkaIngress,
                  "id: a/i\nconsumerGroupId: g\ntopics: [{topic: t, valueType: a/T, targets: [a/f]}]\n"
                  "properties:\n  - bootstrap.servers: ${SECRET}",
                  {{"SECRET", "hunter2"}});
  EXPECT_THAT(said, ElementsAre(HasSubstr("warning: spec.topics[0].targets"),
                                HasSubstr("got \"${SECRET}\" (the value of the variable is not shown)")));
}

}  // namespace
}  // namespace holdfast::config
