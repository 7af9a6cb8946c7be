#include "kafka/positions.h"

#include <array>
#include <charconv>
#include <string_view>

#include "base/log.h"
#include "base/time.h"

namespace holdfast::kafka {
namespace {

constexpr int kAdminMs = 10'000;
constexpr int kAskMs = 5'000;
constexpr std::uint64_t kReadUs = 15'000'000;

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_destroy>>;

AdminOptions options_for(rd_kafka_t* client, rd_kafka_admin_op_t operation) {
  std::array<char, 256> why{};
  AdminOptions options(rd_kafka_AdminOptions_new(client, operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kAdminMs, why.data(), why.size());
  return options;
}

Event wait_for(const Queue& queue) { return Event(rd_kafka_queue_poll(queue.get(), kAdminMs + 1'000)); }

Result<void> create_topic(rd_kafka_t* client, const std::string& name) {
  std::array<char, 512> why{};
  const NewTopic topic(rd_kafka_NewTopic_new(name.c_str(), 1, -1, why.data(), why.size()));
  if (!topic) return fail(ErrorCode::Invalid, "positions topic: " + std::string(why.data()));
  rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "compact");
  // Small segments, cleaned soon: what open() has to read stays a few megabytes.
  rd_kafka_NewTopic_set_config(topic.get(), "segment.bytes", "4194304");
  rd_kafka_NewTopic_set_config(topic.get(), "segment.ms", "3600000");
  rd_kafka_NewTopic_set_config(topic.get(), "min.cleanable.dirty.ratio", "0.1");
  const Queue queue(rd_kafka_queue_new(client));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  const AdminOptions options = options_for(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_CreateTopics(client, topics, 1, options.get(), queue.get());
  const Event event = wait_for(queue);
  if (!event) return fail(ErrorCode::Unavailable, "positions topic " + name + ": no answer");
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::Unavailable, "positions topic " + name + ": " + rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* const* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      log_info("positions topic created", {{"topic", name}});
    } else if (error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      // Whether that matters shows when it is written to.
      log_debug("positions topic not created", {{"topic", name}, {"why", text_of(error)}});
    }
  }
  return {};
}

// Unknown, as when the client may not ask: taken for compacted.
bool is_compacted(rd_kafka_t* client, const std::string& name) {
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  const Queue queue(rd_kafka_queue_new(client));
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  const AdminOptions options = options_for(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_DescribeConfigs(client, resources, 1, options.get(), queue.get());
  const Event event = wait_for(queue);
  if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  std::size_t count = 0;
  const auto* const* described = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConfigResource_error(described[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    std::size_t entries = 0;
    const auto* const* configs = rd_kafka_ConfigResource_configs(described[i], &entries);
    for (std::size_t k = 0; k < entries; ++k) {
      if (std::string_view(rd_kafka_ConfigEntry_name(configs[k])) != "cleanup.policy") continue;
      const char* value = rd_kafka_ConfigEntry_value(configs[k]);
      const std::string_view policy = value != nullptr ? value : "";
      return policy == "compact";  // "compact,delete" deletes, too.
    }
  }
  return true;
}

std::optional<SentPosition> position_of(std::string_view text) {
  SentPosition out;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out.position);
  if (error != std::errc() || (end != last && *end != ' ')) return std::nullopt;
  if (end != last) out.writer.assign(end + 1, last);
  return out;
}

}  // namespace

std::string encode_position(const SentPosition& position) {
  return std::to_string(position.position) + (position.writer.empty() ? "" : " " + position.writer);
}

Result<void> ensure_positions_topic(rd_kafka_t* client, const std::string& topic) {
  // Created, and not only asked for: a question may make the broker create it by itself, with a retention.
  if (auto created = create_topic(client, topic); !created) return created;
  if (!is_compacted(client, topic))
    return fail(ErrorCode::Unavailable,
                "topic " + topic + " forgets by age, and with it how far records have been sent: set its cleanup.policy to compact");
  return {};
}

Result<std::optional<SentPosition>> read_position(const model::KafkaEgressSpec& spec, const std::string& key,
                                                  const std::atomic<bool>& interrupted) {
  const std::string& topic = spec.positions_topic;
  auto conf = reader_conf(spec);
  if (!conf) return fail(conf.error());
  ClientOwner owner{.edge = spec.id};
  std::string trouble;
  owner.failed = [&](rd_kafka_resp_err_t, std::string_view why) { trouble = why; };
  auto reader = make_client(std::move(conf->conf), Client::Consumer, owner);
  if (!reader) return fail(reader.error());
  rd_kafka_t* client = reader->get();
  rd_kafka_poll_set_consumer(client);
  // Asked for by name, it is known within a round trip; librdkafka by itself looks for topics every half second.
  const Topic handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const struct rd_kafka_metadata* raw = nullptr;
  const auto asked = rd_kafka_metadata(client, 0, handle.get(), &raw, kAskMs);
  const Metadata metadata(raw);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorCode::Unavailable, "positions topic " + topic + ": " + text_of(asked));
  const PartitionList partitions(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
  if (const auto error = rd_kafka_assign(client, partitions.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::Unavailable, "positions topic " + topic + ": " + text_of(error));

  std::optional<SentPosition> position;
  // Committed records are shown up to the first one of a transaction that is still open. Past the end of the log as it was at first sight,
  // all that was committed before this call has been shown.
  std::int64_t goal = -1;
  const std::uint64_t began = monotonic_us();
  while (true) {
    const Record record(rd_kafka_consumer_poll(client, 100));
    if (interrupted.load()) return fail(ErrorCode::Unavailable, "positions topic " + topic + ": interrupted");
    if (monotonic_us() - began > kReadUs) {
      const std::string why = !trouble.empty() ? trouble : goal >= 0 ? "a transaction of somebody else stays open" : "no answer";
      return fail(ErrorCode::Unavailable, "positions topic " + topic + ": " + why);
    }
    if (!record) continue;
    if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (goal < 0) {
        std::int64_t low = 0;
        rd_kafka_get_watermark_offsets(client, topic.c_str(), 0, &low, &goal);
      }
      if (record->offset >= goal) return position;
      continue;
    }
    if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      trouble = rd_kafka_message_errstr(record.get());
      if (record->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return fail(ErrorCode::Unavailable, "positions topic " + topic + ": " + trouble);
      continue;
    }
    if (std::string_view(static_cast<const char*>(record->key), record->key_len) != key) continue;
    auto read = position_of({static_cast<const char*>(record->payload), record->len});
    if (!read) return fail(ErrorCode::Unavailable, "positions topic " + topic + ": the record at " + std::to_string(record->offset) + " is no position");
    position = std::move(read);
  }
}

}  // namespace holdfast::kafka
