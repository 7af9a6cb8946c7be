// What ingress and sink share of librdkafka's C API: handles with owners, errors as ours, and clients made from documents.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kafka/properties.h"
#include "model/edges.h"

namespace holdfast::kafka {

template <auto Destroy>
struct Destroyer {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Destroyer<rd_kafka_conf_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using Record = std::unique_ptr<rd_kafka_message_t, Destroyer<rd_kafka_message_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroyer<rd_kafka_topic_partition_list_destroy>>;
using ClientError = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_destroy>>;
using Metadata = std::unique_ptr<const struct rd_kafka_metadata, Destroyer<rd_kafka_metadata_destroy>>;

// Leaves without the ceremony of a group member, which our consumers never are; queues and topics must be gone before. Before 2.1 a client
// that had a partition of a topic that was deleted may never end: then it is left behind, idle, and calls its owner no more.
struct ClientDestroyer {
  void operator()(rd_kafka_t* client) const;
};
using ClientHandle = std::unique_ptr<rd_kafka_t, ClientDestroyer>;

[[nodiscard]] inline std::string text_of(rd_kafka_resp_err_t error) { return rd_kafka_err2str(error); }

// Sets one property on a configuration that is thrown away. NotFound: librdkafka has no such property.
[[nodiscard]] Result<void> check_property(const std::string& name, const std::string& value);

struct MadeConf {
  Conf conf;
  model::Properties set;  // All that was set, in order.
  std::vector<std::string> warnings;
  std::optional<Duration> discovery;
};

// What a consumer of `partitions` partitions may hold in memory for them together; they share it evenly. Records beyond it stay with the
// broker, however slow the functions are.
struct ConsumerLimits {
  std::size_t partitions = 8;
  std::uint64_t queued_bytes = 4u << 20;
  std::uint64_t queued_records = 40'000;  // Of which each costs some 500 bytes beside its own.
};
[[nodiscard]] Result<MadeConf> consumer_conf(const model::KafkaIngressSpec& spec, const ConsumerLimits& limits);

// `transactional_id` empty: no transactions, but idempotent unless the spec's delivery is None.
// `batch_bytes`: of the records that go to the broker as one.
[[nodiscard]] Result<MadeConf> producer_conf(const model::KafkaEgressSpec& spec, const std::string& transactional_id,
                                             std::uint64_t batch_bytes = 1'000'000);

// Where the calls of `client_conf` go: the same broker, the same credentials, whichever kind of client they are for.
[[nodiscard]] Result<MadeConf> reader_conf(const model::KafkaEgressSpec& spec);

// Whose client it is, and what it tells him. Outlives the client's handle. What librdkafka logs goes to our log, where no property's value is.
struct ClientOwner {
  std::string edge;  // Ingress or egress id, for the log.
  // Both are called where the client is polled, flushed or asked. Empty: not interested.
  std::function<void(const rd_kafka_message_t& record)> delivered;
  std::function<void(rd_kafka_resp_err_t error, std::string_view why)> failed;
  // Called on a thread of librdkafka's: a fetch of this partition was answered that there is no such one, before what that does shows elsewhere.
  // librdkafka keeps that to itself, but for a line of its log.
  std::function<void(std::string_view topic, std::int32_t partition)> vanished;
};
[[nodiscard]] Result<ClientHandle> make_client(Conf conf, Client kind, ClientOwner& owner);
// Without its brokers: it connects to nothing.
[[nodiscard]] Result<void> try_client(Conf conf, Client kind);

}  // namespace holdfast::kafka
