// EgressTable: where the records that functions send to egresses go. Every topic of an egress that Holdfast keeps itself (the playground's
// and holdfast.streams) is a stream (model::stream_name); an egress whose records leave (Kafka, NATS) has one, its outbox.
//
// Made once from configuration, then immutable: any thread. No I/O here: the streams are kept by partition/, and read through
// the API.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/edges.h"
#include "partition/egress.h"

namespace holdfast::connect {

// Of a topic's name that comes from a function, as in configuration (and in Kafka).
inline constexpr std::size_t kTopicBytesMax = 249;

class EgressTable final : public partition::EgressResolver {
 public:
  // Conflict: two egresses of one id.
  [[nodiscard]] static Result<EgressTable> create(const std::vector<model::StreamEgressSpec>& streams,
                                                  const std::vector<model::PlaygroundEgressSpec>& playgrounds,
                                                  const std::vector<model::KafkaEgressSpec>& kafka = {},
                                                  const std::vector<model::NatsEgressSpec>& nats = {});

  // io.statefun.playground/egress takes EgressRecords of a listed topic, as the playground does; the payload becomes an
  // io.statefun.types/string.
  // A stream egress takes anything: a KafkaProducerRecord is taken apart into topic, key and value (whose type is
  // unknown: empty), an EgressRecord into topic and payload, and any other value goes to the default topic as it is. A
  // record that names no topic goes there too. A value that is absent, and a topic that configuration would not take either,
  // are refused.
  // A Kafka egress takes KafkaProducerRecords (of StateFun 2 or 3) that name a topic; a NATS egress these, or anything if it has a default
  // subject. They go to the outbox as they are; what goes to Kafka's is known to be a KafkaProducerRecord and needs no type name.
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override;
  // See connect/dead_letter.h. The policy is as configuration resolved it against these egresses.
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& policy, partition::DeadLetter&& letter) const override;
  [[nodiscard]] partition::Retention retention(std::string_view stream) const override;

 private:
  struct Egress {
    enum class Kind { Streams, Playground, Kafka, Nats };
    Kind kind = Kind::Streams;
    bool any_topic = false;
    std::set<std::string, std::less<>> topics;
    std::string default_topic;
    partition::Retention retention;
  };
  [[nodiscard]] Result<partition::ResolvedEgress> to_outbox(const Egress& egress, model::EgressMessage&& message) const;

  std::map<std::string, Egress, std::less<>> egresses_;  // By id.
};

}  // namespace holdfast::connect
