#include "kafka/consumer.h"

#include <utility>

#include "base/log.h"

namespace holdfast::kafka {
namespace {

constexpr int kAskMs = 3'000;

Result<void> judged(const char* what, const PartitionName& name, rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const bool is_forbidden = error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
  return fail(is_forbidden ? ErrorCode::Invalid : ErrorCode::Unavailable, std::string(what) + " of " + name.topic + "/" + std::to_string(name.partition) + ": " + text_of(error));
}

PartitionList list_of(const PartitionName& name, std::int64_t offset) {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), name.topic.c_str(), name.partition)->offset = offset;
  return list;
}

void on_event(rd_kafka_t*, void* wake) { (*static_cast<std::function<void()>*>(wake))(); }

}  // namespace

PartitionQueue::PartitionQueue(rd_kafka_t* client, const PartitionName& name, std::function<void()> wake)
    : queue_(rd_kafka_queue_get_partition(client, name.topic.c_str(), name.partition)), wake_(std::move(wake)) {
  rd_kafka_queue_forward(queue_.get(), nullptr);  // Not into the consumer's own queue. Holds for what is assigned from now on, too.
  rd_kafka_queue_cb_event_enable(queue_.get(), on_event, &wake_);
}

PartitionQueue::~PartitionQueue() { rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr); }

Record PartitionQueue::next() { return Record(rd_kafka_consume_queue(queue_.get(), 0)); }
std::size_t PartitionQueue::length() const { return rd_kafka_queue_length(queue_.get()); }

Result<std::shared_ptr<Consumer>> Consumer::create(const model::KafkaIngressSpec& spec, const ConsumerLimits& limits, Events events) {
  auto conf = consumer_conf(spec, limits);
  if (!conf) return fail(conf.error());
  std::shared_ptr<Consumer> consumer(new Consumer);
  consumer->owner_.edge = spec.id;
  consumer->events_ = std::move(events);
  consumer->owner_.failed = [self = consumer.get()](rd_kafka_resp_err_t, std::string_view why) { self->events_.failed(std::string(why)); };
  consumer->owner_.vanished = [self = consumer.get()](std::string_view topic, std::int32_t partition) {
    self->events_.vanished({std::string(topic), partition});
  };
  auto client = make_client(std::move(conf->conf), Client::Consumer, consumer->owner_);
  if (!client) return fail(client.error());
  consumer->client_ = std::move(*client);
  rd_kafka_poll_set_consumer(consumer->client_.get());
  consumer->main_.reset(rd_kafka_queue_get_consumer(consumer->client_.get()));
  rd_kafka_queue_cb_event_enable(consumer->main_.get(), on_event, &consumer->events_.wake);
  for (const auto& topic : spec.topics)
    consumer->topics_.emplace(topic.topic, rd_kafka_topic_new(consumer->client_.get(), topic.topic.c_str(), nullptr));
  return consumer;
}

Consumer::~Consumer() {
  rd_kafka_queue_cb_event_enable(main_.get(), nullptr, nullptr);
}

void Consumer::poll() {
  while (const Record record{rd_kafka_consumer_poll(client_.get(), 0)}) {
    // What concerns a partition is in its own queue; this is, say, a group we may not commit to.
    if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      log_error("a record outside of its partition's queue", {{"ingress", owner_.edge}, {"offset", record->offset}});
      continue;
    }
    log_debug("kafka consumer", {{"ingress", owner_.edge}, {"says", rd_kafka_message_errstr(record.get())}});
  }
}

std::unique_ptr<PartitionQueue> Consumer::queue(const PartitionName& name, std::function<void()> wake) {
  return std::make_unique<PartitionQueue>(client_.get(), name, std::move(wake));
}

Result<void> Consumer::assign(const PartitionName& name, std::uint64_t offset) {
  const auto list = list_of(name, static_cast<std::int64_t>(offset));
  const ClientError error(rd_kafka_incremental_assign(client_.get(), list.get()));
  if (!error) return {};
  return fail(ErrorCode::Unavailable, "assignment of " + name.topic + "/" + std::to_string(name.partition) + ": " + rd_kafka_error_string(error.get()));
}

void Consumer::unassign(const PartitionName& name) {
  const auto list = list_of(name, RD_KAFKA_OFFSET_INVALID);
  const ClientError error(rd_kafka_incremental_unassign(client_.get(), list.get()));
}

std::optional<std::uint64_t> Consumer::seen_end(const PartitionName& name) const {
  std::int64_t low = -1, high = -1;
  if (rd_kafka_get_watermark_offsets(client_.get(), name.topic.c_str(), name.partition, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
    return std::nullopt;
  return static_cast<std::uint64_t>(high);
}

void Consumer::commit(const std::map<PartitionName, std::uint64_t>& offsets, int wait_ms) {
  if (offsets.empty()) return;
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [name, offset] : offsets)
    rd_kafka_topic_partition_list_add(list.get(), name.topic.c_str(), name.partition)->offset = static_cast<std::int64_t>(offset);
  if (wait_ms <= 0) {
    rd_kafka_commit(client_.get(), list.get(), 1);
    return;
  }
  const Queue done(rd_kafka_queue_new(client_.get()));
  rd_kafka_commit_queue(client_.get(), list.get(), done.get(), nullptr, nullptr);
  const Event event(rd_kafka_queue_poll(done.get(), wait_ms));
}

Result<Consumer::TopicSizes> Consumer::ask_topics() {
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, kAskMs);
  const Metadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorCode::Unavailable, "no broker answers: " + text_of(error));
  TopicSizes sizes;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto& topic = metadata->topics[i];
    if (!topics_.contains(topic.topic)) continue;
    Result<std::optional<std::int32_t>> size = std::optional<std::int32_t>();
    if (topic.partition_cnt > 0) size = topic.partition_cnt;
    else if (topic.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) size = fail(ErrorCode::Unavailable, text_of(topic.err));
    sizes.emplace(topic.topic, std::move(size));
  }
  return sizes;
}

Result<Watermarks> Consumer::ask_watermarks(const PartitionName& name) {
  std::int64_t low = 0, high = 0;
  const auto error = rd_kafka_query_watermark_offsets(client_.get(), name.topic.c_str(), name.partition, &low, &high, kAskMs);
  if (auto good = judged("watermarks", name, error); !good) return fail(good.error());
  return Watermarks{static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high)};
}

Result<std::optional<std::uint64_t>> Consumer::ask_offset_at(const PartitionName& name, Instant time) {
  const auto list = list_of(name, time.unix_ms);
  auto error = rd_kafka_offsets_for_times(client_.get(), list.get(), kAskMs);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = list->elems[0].err;
  if (auto good = judged("offset by time", name, error); !good) return fail(good.error());
  const std::int64_t offset = list->elems[0].offset;
  if (offset < 0) return std::nullopt;
  return static_cast<std::uint64_t>(offset);
}

Result<std::optional<std::uint64_t>> Consumer::ask_committed(const PartitionName& name) {
  const auto list = list_of(name, RD_KAFKA_OFFSET_INVALID);
  auto error = rd_kafka_committed(client_.get(), list.get(), kAskMs);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = list->elems[0].err;
  if (auto good = judged("committed offset", name, error); !good) return fail(good.error());
  const std::int64_t offset = list->elems[0].offset;
  if (offset < 0) return std::nullopt;
  return static_cast<std::uint64_t>(offset);
}

}  // namespace holdfast::kafka
