// Formats of what ingresses and egresses are made of: names and addresses of brokers, and where to begin.
#pragma once

#include <string>
#include <utility>

#include "base/time.h"
#include "config/formats.h"

namespace holdfast::config {

[[nodiscard]] Format<std::string> ingress_id();     // "ns/name", one slash.
[[nodiscard]] Format<std::string> function_type();  // "ns/name"; the namespace may have slashes.
[[nodiscard]] Format<std::string> value_type();     // "ns/name", or any other text without white space.
[[nodiscard]] Format<std::string> type_url();       // Of module.yaml 2.0: taken to the letter.
[[nodiscard]] Format<std::string> message_type();   // Of Protobuf: "org.x.Message".
// "ns/type/id" with {{$.field}} anywhere; the paths of StateFun 2.2's ProtobufPathParser.
[[nodiscard]] Format<std::string> address_template();
[[nodiscard]] Format<std::string> kafka_topic();
[[nodiscard]] Format<std::string> kinesis_stream();
// host:port, separated by commas; each may have a scheme, as Kafka's clients take it. Gives it without white
// space.
[[nodiscard]] Format<std::string> broker_list();
// "topic/partition" and an offset, of startupPosition.offsets.
[[nodiscard]] Format<std::pair<std::string, std::int32_t>> topic_partition();
// Java's pattern yyyy-MM-dd HH:mm:ss.SSS Z, to the letter.
[[nodiscard]] Format<Instant> start_date();
[[nodiscard]] Format<std::string> nats_subject();  // To publish to: no wildcards.
[[nodiscard]] Format<std::string> nats_pattern();  // To subscribe to: * for a token, > for the rest.
[[nodiscard]] Format<std::string> nats_url();
[[nodiscard]] Format<std::string> nats_name(std::string expected);  // Of streams, consumers and queue groups.
[[nodiscard]] Format<std::string> header_name();
[[nodiscard]] Format<std::string> http_url();
// `format` of the text in lower case.
[[nodiscard]] Format<std::string> any_case(Format<std::string> format);
[[nodiscard]] Format<std::string> not_empty(std::string expected);  // Anything else goes, line feeds too.

}  // namespace holdfast::config
