#include "connect/egress_table.h"

#include <gtest/gtest.h>

#include "codec/egress_records.h"
#include "codec/standard_types.h"

namespace holdfast::connect {
namespace {

using model::TypedValue;

EgressTable table_of(std::vector<model::StreamEgressSpec> streams, std::vector<model::PlaygroundEgressSpec> playgrounds = {}) {
  auto table = EgressTable::create(streams, playgrounds);
  EXPECT_TRUE(table.has_value());
  return std::move(*table);
}
TypedValue kafka(const codec::KafkaRecord& record) {
  return {std::string(codec::kKafkaRecordType), codec::encode_kafka_record(record), true};
}
TypedValue playground(const std::string& json) { return {std::string(model::kPlaygroundRecordType), json, true}; }
TypedValue text(const std::string& s) { return {std::string(model::kStringType), codec::encode_string(s), true}; }

const model::EgressMessage kToPlayground{std::string(model::kPlaygroundEgress), playground(R"({"topic":"greetings","payload":"hi"})")};

std::string error_of(const EgressTable& table, const model::EgressMessage& message) {
  const auto resolved = table.resolve(message);
  return resolved ? "none" : resolved.error().message;
}

TEST(PlaygroundEgress, PayloadBecomesAStringInTheTopicsStream) {
  const auto table = table_of({}, {{8091, {"greetings"}}});
  const auto resolved = table.resolve(kToPlayground);
  ASSERT_TRUE(resolved.has_value()) << resolved.error().message;
  EXPECT_EQ(resolved->stream, "io.statefun.playground/egress/greetings");
  EXPECT_EQ(resolved->record.value, text("hi"));
  EXPECT_EQ(resolved->record.key, "");
}

TEST(PlaygroundEgress, RefusesWhatThePlaygroundRefuses) {
  const auto table = table_of({}, {{8091, {"greetings"}}});
  const std::string id(model::kPlaygroundEgress);
  EXPECT_EQ(error_of(table, {id, playground(R"({"topic":"other","payload":"hi"})")}),
            "egress io.statefun.playground/egress: unknown topic other");
  EXPECT_EQ(error_of(table, {id, playground(R"({"topic":"","payload":"hi"})")}),
            "egress io.statefun.playground/egress: a record without a topic");
  EXPECT_EQ(error_of(table, {id, text("hi")}),
            "egress io.statefun.playground/egress: expected a record of type io.statefun.playground/EgressRecord, got "
            "io.statefun.types/string");
  EXPECT_TRUE(error_of(table, {id, playground("{")}).starts_with("egress io.statefun.playground/egress: EgressRecord: not JSON"));
  EXPECT_EQ(error_of(table, {id, {std::string(model::kPlaygroundRecordType), "", false}}),
            "egress io.statefun.playground/egress: a record without a value");
}

TEST(StreamEgress, KafkaRecordIsTakenApart) {
  const auto resolved = table_of({{"bench/out"}}).resolve({"bench/out", kafka({"k1", std::string("\0v", 2), "results"})});
  ASSERT_TRUE(resolved.has_value()) << resolved.error().message;
  EXPECT_EQ(resolved->stream, "bench/out/results");
  EXPECT_EQ(resolved->record.key, "k1");
  EXPECT_EQ(resolved->record.value, (TypedValue{"", std::string("\0v", 2), true}));
}

TEST(StreamEgress, PlaygroundRecordIsTakenApart) {
  const auto resolved = table_of({{"bench/out"}}).resolve({"bench/out", kToPlayground.argument});
  ASSERT_TRUE(resolved.has_value()) << resolved.error().message;
  EXPECT_EQ(resolved->stream, "bench/out/greetings");
  EXPECT_EQ(resolved->record.value, text("hi"));
}

TEST(StreamEgress, AnythingElseGoesToTheDefaultTopicAsItIs) {
  const TypedValue value{"shop/order", "\xff", true};
  EXPECT_EQ(table_of({{"shop/orders"}}).resolve({"shop/orders", value})->stream, "shop/orders/orders");
  const auto resolved = table_of({{"shop/orders", {"a", "b"}, "b"}}).resolve({"shop/orders", value});
  ASSERT_TRUE(resolved.has_value());
  EXPECT_EQ(resolved->stream, "shop/orders/b");
  EXPECT_EQ(resolved->record.value, value);
}

TEST(StreamEgress, ZeroLengthValueIsARecordButNoValueIsNot) {
  const auto table = table_of({{"shop/orders"}});
  EXPECT_TRUE(table.resolve({"shop/orders", {"io.statefun.types/int", "", true}}).has_value());
  EXPECT_EQ(error_of(table, {"shop/orders", {"io.statefun.types/int", "", false}}), "egress shop/orders: a record without a value");
}

TEST(StreamEgress, RecordWithoutATopicGoesToTheDefaultOne) {
  EXPECT_EQ(table_of({{"shop/orders"}}).resolve({"shop/orders", kafka({"k", "v", ""})})->stream, "shop/orders/orders");
}

TEST(StreamEgress, OnlyListedTopicsAndTheDefaultOneAreTaken) {
  const auto table = table_of({{"shop/orders", {"a"}, "rest"}});
  EXPECT_EQ(table.resolve({"shop/orders", kafka({"", "v", "a"})})->stream, "shop/orders/a");
  EXPECT_EQ(table.resolve({"shop/orders", kafka({"", "v", "rest"})})->stream, "shop/orders/rest");
  EXPECT_EQ(error_of(table, {"shop/orders", kafka({"", "v", "b"})}), "egress shop/orders: unknown topic b");
}

TEST(StreamEgress, TopicsThatNoUrlCanHoldAreRefused) {
  const auto table = table_of({{"shop/orders"}});
  EXPECT_EQ(error_of(table, {"shop/orders", kafka({"", "v", "a\nb"})}), "egress shop/orders: not a topic name: a\\x0ab");
  EXPECT_NE(error_of(table, {"shop/orders", kafka({"", "v", "a/b"})}), "none");
  EXPECT_EQ(error_of(table, {"shop/orders", kafka({"", "v", std::string(kTopicBytesMax, 't')})}), "none");
  EXPECT_NE(error_of(table, {"shop/orders", kafka({"", "v", std::string(kTopicBytesMax + 1, 't')})}), "none");
}

TEST(StreamEgress, BrokenKafkaRecordIsRefused) {
  EXPECT_EQ(error_of(table_of({{"shop/orders"}}), {"shop/orders", {std::string(codec::kKafkaRecordType), "\x0a\x05k", true}}),
            "egress shop/orders: KafkaProducerRecord field 1 at byte 0: the length is beyond the end");
}

TEST(EgressTable, UnknownEgressIsRefused) {
  EXPECT_EQ(error_of(table_of({}), {"shop/nothing", text("x")}), "unknown egress shop/nothing");
  EXPECT_EQ(table_of({}).resolve({"shop/nothing", text("x")}).error().code, ErrorCode::NotFound);
}

TEST(EgressTable, TwoEgressesOfOneIdAreAConflict) {
  EXPECT_FALSE(EgressTable::create({{"a/b"}, {"a/b"}}, {}).has_value());
  EXPECT_FALSE(EgressTable::create({}, {{8091, {"a"}}, {8092, {"b"}}}).has_value());
}

TEST(EgressTable, RetentionIsTheEgresssAndForEverWhereNoneFeeds) {
  const auto table = table_of({{"shop/orders", {}, "", Duration{5000}, 77}, {"shop/orders/eu", {}, "", Duration{6000}, 78}});
  EXPECT_EQ(table.retention("shop/orders/a").time.ms, 5000);
  EXPECT_EQ(table.retention("shop/orders/a").bytes, 77u);
  EXPECT_EQ(table.retention("shop/orders/eu/a").time.ms, 6000);
  EXPECT_EQ(table.retention("shop/gone/a").time.ms, 0);
  EXPECT_EQ(table.retention("shop/gone/a").bytes, 0u);
  EXPECT_EQ(table.retention("").time.ms, 0);
  EXPECT_EQ(table.retention("/").time.ms, 0);
}

}  // namespace
}  // namespace holdfast::connect
