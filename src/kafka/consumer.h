// Consumer: librdkafka's consumer as the ingress needs it: partitions are assigned by hand, each has a queue of its own that is simply not
// read while its records cannot be taken in, and nothing is remembered in the consumer group but what is committed for others to see.
//
// Two kinds of calls: those that return at once, for the thread that reads; and questions to the broker that block, for another thread
// (librdkafka allows it), which are marked below.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kafka/client.h"
#include "model/edges.h"

namespace holdfast::kafka {

struct PartitionName {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const PartitionName&) const = default;
};

struct Watermarks {
  std::uint64_t low = 0;   // Oldest offset there is.
  std::uint64_t high = 0;  // After the last one.
};

// The queue of one partition. Must be gone before its consumer.
class PartitionQueue {
 public:
  // `wake` is called by a thread of librdkafka's when the empty queue gets something; it must not block.
  PartitionQueue(rd_kafka_t* client, const PartitionName& name, std::function<void()> wake);
  ~PartitionQueue();
  PartitionQueue(const PartitionQueue&) = delete;
  PartitionQueue& operator=(const PartitionQueue&) = delete;

  // The next record, or an event about the partition in the form of one (`err` says which). Null: none is here.
  [[nodiscard]] Record next();
  [[nodiscard]] std::size_t length() const;

 private:
  Queue queue_;
  std::function<void()> wake_;
};

class Consumer {
 public:
  // `wake`: as for a queue, for what concerns no partition: poll().
  // `failed`: a connection is lost or refused. Called from within poll() and the questions.
  struct Events {
    std::function<void()> wake;
    std::function<void(std::string why)> failed;
    // As ClientOwner's.
    std::function<void(PartitionName name)> vanished;
  };
  [[nodiscard]] static Result<std::shared_ptr<Consumer>> create(const model::KafkaIngressSpec& spec, const ConsumerLimits& limits, Events events);
  ~Consumer();

  void poll();
  [[nodiscard]] std::unique_ptr<PartitionQueue> queue(const PartitionName& name, std::function<void()> wake);
  // Begins to read a partition; its queue was made before.
  [[nodiscard]] Result<void> assign(const PartitionName& name, std::uint64_t offset);
  // Ends it: what was fetched and not taken out of the queue is gone when it returns. To read from elsewhere is to do both: librdkafka's seek
  // does nothing in some states of a partition, without a word.
  void unassign(const PartitionName& name);
  // End of the log as the last answer of the broker had it.
  [[nodiscard]] std::optional<std::uint64_t> seen_end(const PartitionName& name) const;
  // For others to look at. Returns at once; `wait_ms` > 0: when it is done, or the time is over.
  void commit(const std::map<PartitionName, std::uint64_t>& offsets, int wait_ms);

  // Blocking: the number of partitions of each of the ingress's topics; none: there is no such topic; an error is the topic's.
  using TopicSizes = std::map<std::string, Result<std::optional<std::int32_t>>>;
  [[nodiscard]] Result<TopicSizes> ask_topics();
  [[nodiscard]] Result<Watermarks> ask_watermarks(const PartitionName& name);
  // The offset of the first record not older than `time`; none: there is none.
  [[nodiscard]] Result<std::optional<std::uint64_t>> ask_offset_at(const PartitionName& name, Instant time);
  // The group's offset. None: it has none. Invalid: we may not ask.
  [[nodiscard]] Result<std::optional<std::uint64_t>> ask_committed(const PartitionName& name);

 private:
  Consumer() = default;
  ClientOwner owner_;  // Before the client, which it outlives.
  Events events_;
  ClientHandle client_;
  std::map<std::string, Topic> topics_;  // Handles make librdkafka know them; also what ask_topics() asks for.
  Queue main_;
};

}  // namespace holdfast::kafka
