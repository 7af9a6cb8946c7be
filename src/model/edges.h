// What comes in and goes out beside plain function calls: ingress and egress documents, as values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/endpoint.h"

namespace holdfast::model {

// io.statefun.playground.v1/ingress
struct PlaygroundIngressSpec {
  std::uint16_t port = 8090;
};

// io.statefun.playground.v1/egress: GET /<topic> pops one record.
struct PlaygroundEgressSpec {
  std::uint16_t port = 8091;
  std::vector<std::string> topics;
};
inline constexpr std::string_view kPlaygroundEgress = "io.statefun.playground/egress";
inline constexpr std::string_view kPlaygroundRecordType = "io.statefun.playground/EgressRecord";

// holdfast.streams.v1/egress: records kept durably per topic, read by position.
struct StreamEgressSpec {
  std::string id;                   // The egress that functions name.
  std::vector<std::string> topics;  // Empty: any topic.
  std::string default_topic;        // For records that do not name one; empty: the part of `id` after the slash.
  Duration retention_time{7LL * 24 * 3600 * 1000};  // 0: for ever.
  std::uint64_t retention_bytes = 1ull << 30;       // Per topic; 0: no bound.
};

// --- Records from outside --------------------------------------------------------------------------------------------

// What becomes of a record that cannot be made into a message: no key, no value, too large, a target that nobody serves.
enum class BadRecordAction : std::uint8_t {
  Park,        // It is kept, with where it came from and why, until somebody says retry or skip. The rest goes on.
  DeadLetter,  // It goes to a topic of an egress.
  Skip,        // It is gone (and counted).
};
struct BadRecordPolicy {
  BadRecordAction then = BadRecordAction::Park;
  std::string dead_letter_egress;  // Only for DeadLetter.
  std::string dead_letter_topic;
};

// org.apache.flink.statefun.sdk/protobuf-router of module.yaml 1.0 and 2.0: the target is worked out from fields of the message.
struct ProtobufRoute {
  std::string target;          // "ns/type/{{$.field}}"; {{$.a.b}} anywhere in it.
  std::string message_type;    // Full name, "org.x.Msg".
  std::string descriptor_set;  // File with a FileDescriptorSet, as `protoc --include_imports --descriptor_set_out` writes it.
};

// What of a topic, stream or subject goes where. A record goes to each target, with its key as the id.
struct SourceTopic {
  std::string topic;
  std::string value_type;            // Becomes TypedValue's type name; the value's bytes stay as they are.
  std::vector<std::string> targets;  // Function types. Empty only where `routes` of the ingress say it.
};

// --- Kafka -----------------------------------------------------------------------------------------------------------

using Properties = std::vector<std::pair<std::string, std::string>>;  // Of the client, in the order they were written.

struct KafkaStart {
  enum class From : std::uint8_t { Latest, Earliest, GroupOffsets, Specific, Date };
  struct Offset {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
  };
  From from = From::Latest;
  std::vector<Offset> offsets;  // Specific only; partitions that are not listed begin as with GroupOffsets.
  Instant date;                 // Date only.
};

// io.statefun.kafka.v1/ingress. Where to begin counts for a partition that has no position yet; from then on its position is part of
// what Holdfast keeps.
struct KafkaIngressSpec {
  std::string id;
  std::string bootstrap_servers;
  std::string group_id;  // Offsets are committed to it for others to look at; they are never read but for GroupOffsets.
  std::vector<SourceTopic> topics;
  bool reset_to_earliest = false;  // autoOffsetResetPosition: where to go on when the position is gone from the broker.
  KafkaStart start;
  Properties properties;
  std::vector<ProtobufRoute> routes;  // Of protobuf-ingress; beside the topics' targets.
  BadRecordPolicy on_bad_record;
};

struct KafkaEgressSpec {
  enum class Delivery : std::uint8_t { None, AtLeastOnce, ExactlyOnce };
  std::string id;
  std::string bootstrap_servers;
  Delivery delivery = Delivery::AtLeastOnce;
  Duration transaction_timeout{60'000};  // ExactlyOnce only.
  Properties properties;
  std::uint64_t outbox_bytes = 1ull << 30;                   // Records that wait for the broker; beyond it functions that emit to it wait.
  std::string positions_topic = "__holdfast_positions";      // ExactlyOnce only: how far each egress has got. Compacted.
};

// --- NATS ------------------------------------------------------------------------------------------------------------

struct NatsConnection {
  std::vector<std::string> servers;  // nats:// or tls:// URLs.
  std::string user, password_env, token_env;  // Secrets by reference; empty: none.
  std::string credentials_file;
  TlsSpec tls;
};

// holdfast.nats.v1/ingress. Core: what is published while nobody listens is gone. JetStream: each message once, by its
// stream sequence, which is part of what Holdfast keeps.
struct NatsIngressSpec {
  struct Key {
    std::optional<std::uint32_t> subject_token;  // Counted from 0.
    std::string header;                          // Or a header's value. Neither: the whole subject.
  };
  struct Subject {
    SourceTopic source;  // `topic` is the subject pattern, with * and >.
    Key key;
  };
  std::string id;
  NatsConnection connection;
  std::vector<Subject> subjects;
  std::string queue_group;  // Core only; empty: none.
  std::string stream;       // JetStream; empty: core.
  std::string durable;      // JetStream: name of the consumer that shows our progress to others; empty: none.
  bool start_at_earliest = false;  // JetStream, without a position: from the first message kept, or only new ones.
  BadRecordPolicy on_bad_record;
};

// holdfast.nats.v1/egress. Takes KafkaProducerRecord (topic is the subject, key becomes the header Holdfast-Key) and any other value
// (to default_subject).
struct NatsEgressSpec {
  std::string id;
  NatsConnection connection;
  bool jetstream = true;        // Acknowledged, de-duplicated by Nats-Msg-Id. False: core, at most once.
  std::string default_subject;  // Empty: a record must name one.
  std::uint64_t outbox_bytes = 1ull << 30;
};

// Kinesis documents are read and checked; running them is not supported yet.
struct KinesisSpec {
  std::string id;
  std::string place;  // "file:line:column" of the document.
  bool is_ingress = true;
};

// The stream that holds a topic of an egress.
[[nodiscard]] inline std::string stream_name(std::string_view egress, std::string_view topic) {
  return std::string(egress) + "/" + std::string(topic);
}

// The stream that keeps the records an ingress has parked. Streams are taken apart at their last slash, so the id is written without.
[[nodiscard]] inline std::string parked_stream(std::string_view ingress_id) {
  std::string topic(ingress_id);
  std::ranges::replace(topic, '/', ':');
  return stream_name("holdfast/parked", topic);
}

}  // namespace holdfast::model
