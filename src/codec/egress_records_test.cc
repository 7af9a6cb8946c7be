#include "codec/egress_records.h"

#include <gtest/gtest.h>

namespace holdfast::codec {
namespace {

TEST(KafkaRecord, KeyMayBeAnyBytesButTheTopicIsText) {
  const KafkaRecord record{"\xff\x01", std::string("\0v", 2), "t", {}};
  EXPECT_EQ(parse_kafka_record(encode_kafka_record(record)).value(), record);
  EXPECT_FALSE(parse_kafka_record("\x1a\x01\xff").has_value());
}

TEST(KafkaRecord, HeadersKeepTheirOrderAndMayRepeat) {
  const KafkaRecord record{"k", "v", "t", {{"trace", "\xff"}, {"", ""}, {"trace", "2"}}};
  EXPECT_EQ(parse_kafka_record(encode_kafka_record(record)).value(), record);
  EXPECT_EQ(parse_kafka_record("\x0a\x01k\x22\x06\x0a\x01h\x12\x01x\x1a\x01t").value(), (KafkaRecord{"k", "", "t", {{"h", "x"}}}));
}

TEST(KafkaRecord, HeadersThatAreNoneAreRefused) {
  EXPECT_FALSE(parse_kafka_record("\x22\x01\x0a").has_value()) << "cut off";
  EXPECT_FALSE(parse_kafka_record("\x22\x03\x0a\x01\xff").has_value()) << "a key that is no text";
  std::string most;
  for (std::size_t i = 0; i < kKafkaHeadersMax; ++i) most += std::string("\x22\0", 2);
  EXPECT_EQ(parse_kafka_record(most).value().headers.size(), kKafkaHeadersMax);
  EXPECT_FALSE(parse_kafka_record(most + std::string("\x22\0", 2)).has_value());
}

TEST(KafkaRecord, TypeIsThatOfStatefun3OrOf2) {
  EXPECT_TRUE(is_kafka_record("type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"));
  EXPECT_TRUE(is_kafka_record("type.googleapis.com/org.apache.flink.statefun.flink.io.KafkaProducerRecord"));
  EXPECT_FALSE(is_kafka_record("type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord"));
  EXPECT_TRUE(is_kinesis_record("type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord"));
  EXPECT_TRUE(is_kinesis_record("type.googleapis.com/org.apache.flink.statefun.flink.io.KinesisEgressRecord"));
  EXPECT_FALSE(is_kinesis_record("KinesisEgressRecord"));
}

TEST(KafkaRecord, GarbageIsRefused) { EXPECT_FALSE(parse_kafka_record("garbage").has_value()); }

TEST(PlaygroundRecord, IsReadAsThePlaygroundDoes) {
  EXPECT_EQ(parse_playground_record(R"({"topic":"greetings","payload":"Hello \u00e9\n"})").value(),
            (PlaygroundRecord{"greetings", "Hello \xc3\xa9\n"}));
  EXPECT_EQ(parse_playground_record(R"({"payload":5,"topic":"t","more":[1]})").value(), (PlaygroundRecord{"t", "5"}));
  EXPECT_EQ(parse_playground_record(R"({"payload":true,"topic":"t"})").value(), (PlaygroundRecord{"t", "true"}));
}

TEST(PlaygroundRecord, WithoutTopicOrPayloadIsRefused) {
  for (const char* json : {"", "[]", "{}", R"({"topic":"t"})", R"({"payload":"p"})", R"({"topic":"t","payload":{}})",
                           R"({"topic":null,"payload":"p"})"})
    EXPECT_FALSE(parse_playground_record(json).has_value()) << json;
}

TEST(PlaygroundRecord, WritesWhatItReads) {
  const PlaygroundRecord record{"a \"topic\"", "line\nline\\"};
  EXPECT_EQ(parse_playground_record(encode_playground_record(record)).value(), record);
}

}  // namespace
}  // namespace holdfast::codec
