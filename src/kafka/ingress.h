// Ingress: records of Kafka's topics become messages to functions, each exactly once.
//
// A partition's position is part of the epoch that took its records in (ports/intake.h); it is never Kafka's. So there is no consumer group
// to join, no rebalance and no fencing: partitions are assigned by hand, all of them. What is durable is committed to the group every few
// seconds, for those who look at lag from outside.
//
// Rows: "<id>/<topic>/<partition>" is a partition's position, "<id>/<topic>/<partition>/read" the last record that was read of it (last_read.h),
// "<id>/<topic>/*" how many partitions were seen of a topic, "<id>" whether the
// ingress is paused. A partition that came after its topic was first seen begins at its first record, wherever the document says to begin:
// nobody could have seen its records before. A topic that is not there at the first start counts as seen, with no partitions.
//
// Nothing ends it: brokers that are away, topics that are missing, records that cannot be read are trouble, shown and tried again.
//
// Two threads: one reads and talks to the core, one asks the brokers questions that block. Its memory is bounded for all partitions
// together (ConsumerLimits, and a batch with the core and one being filled for each).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/worker_loop.h"
#include "connect/ingress_parts.h"
#include "kafka/rotated_files.h"
#include "kafka/turns.h"
#include "model/edges.h"
#include "ports/edges.h"
#include "ports/intake.h"
#include "ports/streams.h"

namespace holdfast::kafka {

class Consumer;
class PartitionReader;

using connect::IngressWorld;

class Ingress final : public ports::Ingress {
 public:
  // Invalid: what the document says cannot be: properties, routes. Nothing is connected yet.
  [[nodiscard]] static Result<std::unique_ptr<Ingress>> create(model::KafkaIngressSpec spec, IngressWorld world);
  ~Ingress() override;

  [[nodiscard]] const std::string& id() const override { return spec_.id; }
  void start() override;
  // Does not wait for a batch that the core has not answered: taken in or not, that is part of an epoch or it is not.
  void stop(std::function<void()> done) override;
  void info(Done<ports::IngressInfo> done) override;
  void pause(Done<void> done) override;
  void resume(Done<void> done) override;
  void seek(std::string source, ports::SeekTo to, Done<void> done) override;
  void retry_parked(Done<std::uint64_t> done) override;
  void skip_parked(Done<std::uint64_t> done) override;
  void collect(MetricsSink& sink) const override;

 private:
  struct Topic {
    std::string name;
    bool asking = false;  // For its row.
    bool seen = false;    // Its row is known, or made.
    std::int32_t partitions = 0;  // That have readers.
    std::uint32_t missed = 0;     // Times in a row that it was not there.
    std::string trouble;
  };

  Ingress(model::KafkaIngressSpec spec, IngressWorld world, connect::RouteByValue by_value, std::optional<Duration> discovery);

  void ask_whether_paused();
  void connect(std::size_t partitions);
  [[nodiscard]] Result<std::shared_ptr<Consumer>> make_consumer(std::size_t partitions);
  // Of files that have changed: makes the client anew, and goes on with it.
  void renew_client();
  void discover();
  void discover_after(std::int64_t ms);
  void look_at(Topic& topic, Result<std::optional<std::int32_t>> size);
  void ask_seen(Topic& topic, std::int32_t partitions);
  void add_readers(Topic& topic, std::int32_t partitions, std::optional<std::uint64_t> seen);
  void note_seen(Topic& topic, std::int32_t partitions);
  void set_paused(bool paused, Done<void> done);
  void hold_or_go_on();
  void commit(int wait_ms);
  void tick();
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] std::string seen_row(const Topic& topic) const { return spec_.id + "/" + topic.name + "/*"; }

  const model::KafkaIngressSpec spec_;
  const IngressWorld world_;
  const Duration discovery_;             // 0: partitions are looked for once.
  std::shared_ptr<WorkerLoop> loop_;     // Whoever answers late holds it.
  std::shared_ptr<WorkerLoop> asker_;
  connect::RecordRouter router_;
  connect::ParkedKeeper parked_;

  // On the loop.
  Turns turns_;
  std::shared_ptr<Consumer> consumer_;  // A question that is under way holds it, too.
  RotatedFiles files_;
  std::size_t sized_for_ = 0;  // Partitions that the consumer's limits are for.
  std::vector<Topic> topics_;
  bool asked_ = false;   // Whether it is paused.
  bool paused_ = false;
  bool stopping_ = false;
  bool discovering_ = false;
  bool found_all_ = false;
  Loop::TimerId next_discovery_ = 0;
  std::string failure_;   // What the client said last.
  std::string trouble_;   // With the brokers.
  std::map<std::string, std::uint64_t> committed_;  // By source.
  std::uint64_t ticks_ = 0;

  mutable std::mutex readers_mutex_;  // Adding one, and looking at them from elsewhere.
  std::vector<std::unique_ptr<PartitionReader>> readers_;
  Counter paused_metric_, trouble_metric_;
};

}  // namespace holdfast::kafka
