// The topic of positions: how far each egress has sent its records, kept by Kafka in the same transactions as the records.
//
// One partition, compacted, a record per egress: key "<directory id>/<egress id>", value "<position> <writer>", the position as decimal text,
// the writer a random name of the process that sent. A compacted topic keeps the last record of a key for ever; a consumer group's offsets,
// the other thing a transaction could carry, are forgotten after a week without a consumer.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "kafka/client.h"
#include "model/edges.h"

namespace holdfast::kafka {

// Makes the topic if it is not there, as far as the client may, and sees that it is compacted.
[[nodiscard]] Result<void> ensure_positions_topic(rd_kafka_t* client, const std::string& topic);

struct SentPosition {
  std::uint64_t position = 0;
  std::string writer;  // Empty: it does not say.
  bool operator==(const SentPosition&) const = default;
};
[[nodiscard]] std::string encode_position(const SentPosition& position);

// The last committed position under `key`. It waits until no transaction is open any more that began before the call, so call it after the
// egress's own are settled (init_transactions).
[[nodiscard]] Result<std::optional<SentPosition>> read_position(const model::KafkaEgressSpec& spec, const std::string& key,
                                                                const std::atomic<bool>& interrupted);

}  // namespace holdfast::kafka
