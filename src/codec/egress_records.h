// The records that functions address to egresses: Kafka's and Kinesis's of io.statefun.sdk.egress, and the playground's JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::codec {

inline constexpr std::string_view kKafkaRecordType =
    "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord";
inline constexpr std::string_view kKinesisRecordType =
    "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord";

// Whether a value of this type is one. The records of StateFun 2, org.apache.flink.statefun.flink.io.…, are the same ones.
[[nodiscard]] bool is_kafka_record(std::string_view type_name);
[[nodiscard]] bool is_kinesis_record(std::string_view type_name);

inline constexpr std::size_t kKafkaHeadersMax = 1000;  // Of one record.

struct KafkaHeader {
  std::string key;
  std::string value;
  bool operator==(const KafkaHeader&) const = default;
};

// KafkaProducerRecord. Headers (field 4, as a fork of StateFun has it) are an extension: who does not know them passes them over.
struct KafkaRecord {
  std::string key;    // Empty: none. Any bytes: the Java SDK puts them there unchecked.
  std::string value;
  std::string topic;
  std::vector<KafkaHeader> headers;  // In their order, and as often as they are there.
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
