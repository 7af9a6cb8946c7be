// The records that functions address to egresses: Kafka's from io.statefun.sdk.egress, and the playground's JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::codec {

inline constexpr std::string_view kKafkaRecordType =
    "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord";
// Of StateFun 2: the same message under another name.
inline constexpr std::string_view kKafkaRecordTypeV2 =
    "type.googleapis.com/org.apache.flink.statefun.flink.io.KafkaProducerRecord";
[[nodiscard]] inline bool is_kafka_record(std::string_view type_name) {
  return type_name == kKafkaRecordType || type_name == kKafkaRecordTypeV2;
}

// io.statefun.sdk.egress.KafkaProducerRecord. Headers, which a fork of StateFun has as field 4, are passed over.
struct KafkaRecord {
  std::string key;    // Empty: none. Any bytes: the Java SDK puts them there unchecked.
  std::string value;
  std::string topic;
  bool operator==(const KafkaRecord&) const = default;
};
[[nodiscard]] Result<KafkaRecord> parse_kafka_record(std::string_view bytes);
[[nodiscard]] std::string encode_kafka_record(const KafkaRecord& record);

// io.statefun.playground/EgressRecord: {"topic": "…", "payload": "…"}. Numbers and booleans are taken as their text, as
// the playground does; other members, which it refuses, are passed over.
struct PlaygroundRecord {
  std::string topic;
  std::string payload;
  bool operator==(const PlaygroundRecord&) const = default;
};
[[nodiscard]] Result<PlaygroundRecord> parse_playground_record(std::string_view json);
[[nodiscard]] std::string encode_playground_record(const PlaygroundRecord& record);

}  // namespace holdfast::codec
