// Properties: what the `properties` of Kafka documents, written for Java's client, mean to librdkafka.
//
// A name that both know is passed on, one that Java spells or says otherwise is translated, one that only means something inside a
// JVM (deserializers, metric reporters, flink.*) is left out with a warning, and so is one that neither knows, as Java's client does. What decides
// about exactly-once is not up to them: those names are left out with a warning, too.
//
// Values may be secrets: they appear in no error, no warning and no log.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/edges.h"

namespace holdfast::kafka {

enum class Client : std::uint8_t { Consumer, Producer };

struct ClientProperties {
  model::Properties set;              // In librdkafka's words.
  std::vector<std::string> warnings;  // One for each property that is left out.
  // How often the consumer is to look for new partitions, where the document says so. 0: never.
  std::optional<Duration> discovery;
};
[[nodiscard]] Result<ClientProperties> translate_properties(const model::Properties& properties, Client client);

// org.apache.kafka's sasl.jaas.config: the login module's name and its options, as they are.
struct JaasConfig {
  std::string module;
  model::Properties options;
};
[[nodiscard]] Result<JaasConfig> parse_jaas_config(std::string_view text);

// What `holdfast check` can say about a document without a broker: makes the client, files of certificates and all, and lets it go.
// Answers the warnings.
[[nodiscard]] Result<std::vector<std::string>> validate(const model::KafkaIngressSpec& spec);
[[nodiscard]] Result<std::vector<std::string>> validate(const model::KafkaEgressSpec& spec);

}  // namespace holdfast::kafka
