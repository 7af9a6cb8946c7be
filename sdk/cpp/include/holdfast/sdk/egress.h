/// @file
/// Records for egresses.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/sdk/type.h"

namespace holdfast::sdk {

/// A value as a Kafka or Kinesis record carries it: text and bytes as they are, values of a Type as that type writes them.
///
///     ctx.send_egress("example/out", {.topic = "greetings", .key = name, .value = "Hello"});
///     ctx.send_egress("example/out", {.topic = "baskets", .value = sf::record_value(kBasketType, basket)});
template <typename T>
[[nodiscard]] std::string record_value(const Type<T>& type, const T& value) {
  std::string out;
  type.write(value, out);
  return out;
}
/// Without StateFun's wrapping of standard types: what is no text needs a Type of its own.
template <typename T>
  requires(HasType<T> && !std::same_as<T, std::string> && !std::is_arithmetic_v<T>)
[[nodiscard]] std::string record_value(const T& value) {
  return record_value(type_of<T>, value);
}

/// A record for a Kafka egress.
struct KafkaRecord {
  std::string topic;       ///< Not empty.
  std::string key = {};    ///< Empty: a record without a key. UTF-8 on Flink; any bytes on Holdfast.
  std::string value = {};  ///< Bytes of the record.
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< Holdfast only; Flink StateFun leaves them out.
};

/// A record for a Kinesis egress.
struct KinesisRecord {
  std::string stream;                  ///< Not empty.
  std::string partition_key;           ///< Not empty.
  std::string value = {};              ///< Bytes of the record.
  std::string explicit_hash_key = {};  ///< Empty: Kinesis hashes the partition key.
};

///@{ A record as it travels: for Kafka, a "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord". Throws InvalidArgument if it
/// lacks what it must have.
[[nodiscard]] TypedValue typed(const KafkaRecord& record);
[[nodiscard]] TypedValue typed(const KinesisRecord& record);
///@}

}  // namespace holdfast::sdk
