// PartitionReader: takes one partition in, batch by batch.
//
//   asking --its row, or where to begin, made durable--> reading --position gone from the broker--> asking the broker --> reading
//      ^                                                  |    |
//      +-------------- the core has another position -----+    +-- seek() --> asking the broker --> reading
//
// While reading, one batch is with the core and the next one is being filled. While both are full the queue is not read, and librdkafka
// fetches no more. A record is let go of when it is in a batch: one of them would keep all that was fetched with it in memory. So a batch
// that the core refuses, which is rare because it lets batches wait, is read from the broker again, after a pause.
//
// It reads only while it has a turn, or has caught up (turns.h), and is not held. Without that it is not assigned: nothing is fetched for it.
//
// Each time it is assigned it looks back: it begins at the last record that it has read, and goes on only if that is still the one that is
// there (last_read.h). Should the topic have been deleted and made anew meanwhile, it begins at that one's first record. What the last record
// was is kept beside the position, a second behind it at most.
//
// What it has read is only ever what lies behind the position it holds: every answer that comes late, from before a seek or a new
// beginning, is told by its `round` and dropped. Should the core have taken such a batch after all, the next one does not fit, and the
// row says where to go on.
//
// All of it on the ingress's loop, but for the counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/worker_loop.h"
#include "connect/ingress_parts.h"
#include "kafka/consumer.h"
#include "kafka/last_read.h"
#include "kafka/start.h"
#include "kafka/turns.h"
#include "model/edges.h"
#include "ports/edges.h"
#include "ports/intake.h"

namespace holdfast::kafka {

// What the partitions of an ingress share.
struct ReaderWorld {
  const model::KafkaIngressSpec& spec;
  ports::Intake& intake;
  std::shared_ptr<WorkerLoop> loop;   // Where it lives.
  std::shared_ptr<WorkerLoop> asker;  // Where questions to the broker are asked.
  connect::RecordRouter& router;
  Turns& turns;
  std::function<std::shared_ptr<Consumer>()> consumer;  // The ingress's, just now.
  std::uint32_t batch_records = 1000;
  std::uint64_t batch_bytes = 1u << 20;
};

class PartitionReader {
 public:
  using Metrics = connect::SourceMetrics;

  PartitionReader(ReaderWorld world, PartitionName name, Birth birth);
  ~PartitionReader();

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] const PartitionName& name() const { return name_; }
  // `begun` once its position is durable and it reads.
  void start(std::function<void()> begun);
  // Nothing more is taken in; for good.
  void stop();
  // While true nothing is taken in; what is with the core already may still be.
  void hold(bool held);
  void seek(ports::SeekTo to, std::function<void(Result<void>)> done);
  // About once a second.
  void tick();
  // Lets go of the consumer, which goes; begin_anew() goes on with the next one.
  void leave_client();
  // From the core's position; what was read and not taken in is read again.
  void begin_anew(std::uint64_t after_ms);
  // Its topic, or the way to it, was away: it looks back before it goes on.
  void look_again();

  [[nodiscard]] ports::SourceInfo info() const;
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] const Metrics& metrics() const { return metrics_; }
  // All below it is durable. None: nothing since start.
  [[nodiscard]] std::optional<std::uint64_t> durable_next() const;

 private:
  struct Batch {
    std::vector<model::Command> commands;  // Gone once the core has it.
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t next = 0;  // Position after it.
    std::optional<LastRead> last;
  };
  enum class LookBack : std::uint8_t { Yes, No };
  using Question = std::function<Result<std::uint64_t>(const Questions& ask)>;

  void ask_row();
  void ask_last_read(std::uint64_t position);
  void settle(std::uint64_t position);
  void ask_broker(Question question, std::function<void(Result<std::uint64_t>)> then);
  void read_from(std::uint64_t position, LookBack look_back = LookBack::Yes);
  void position_is_gone();
  [[nodiscard]] std::uint64_t offset_to_look_back_to() const;
  // Whether the record is the one that is looked for; if not, reading has ended.
  bool look_back(const rd_kafka_message_t& record);
  void is_not_there(Instead instead);
  void made_anew(std::uint64_t first);
  void forget_last_read(std::uint64_t position);
  void note_last_read();

  void ask_for_turn();
  void begin_turn();
  // Not assigned any more. What is in the queue is gone, and will be fetched again.
  void let_go();
  void pump();
  void fill();
  [[nodiscard]] bool has_room() const;
  // Nothing but markers and gaps lies between what was read and a later position.
  [[nodiscard]] bool has_passed_more() const;
  void route(rd_kafka_message_t& record, std::vector<model::Command>& commands);
  void event(const rd_kafka_message_t& event);
  void give();
  void taken(Result<void> result);
  void refill_soon();
  [[nodiscard]] Questions questions() const;
  void drop();
  // Runs `then` on the loop, unless something has begun anew meanwhile.
  template <typename T, typename Then>
  std::function<void(Result<T>)> in_this_round(Then then);
  void look_at_end();
  void end_seek(Result<void> result);

  const ReaderWorld world_;
  const PartitionName name_;
  const std::string place_;  // The partition's number.
  const std::string source_;
  const std::string last_read_row_;
  const Birth birth_;

  std::unique_ptr<PartitionQueue> queue_;
  std::optional<LastRead> read_last_;   // Of what was read, with the core or not.
  std::optional<LastRead> taken_last_;  // Of what the core has taken in.
  std::optional<LastRead> noted_last_;  // As it is kept.
  bool asked_last_ = false;
  LookBack look_back_ = LookBack::Yes;
  bool looking_back_ = false;  // It has not met the last record yet.
  bool known_again_ = false;   // Since it began to read.
  std::atomic<bool> signalled_{false};  // A wake-up is on its way to the loop.
  bool assigned_ = false;
  bool reading_ = false;      // Its position is known; it reads, or waits for its turn to.
  std::uint64_t turn_records_ = 0;
  std::uint64_t progress_us_ = 0;  // When something was last taken out of the queue.
  bool held_ = false;
  bool stopped_ = false;
  std::function<void()> begun_;
  std::function<void(Result<void>)> seek_done_;
  std::uint64_t round_ = 0;  // Counts beginnings.

  std::uint64_t next_ = 0;            // The core's position, as far as it has answered.
  bool known_ = false;                // Whether there is one.
  std::optional<Batch> with_core_;
  bool waiting_ = false;              // The batch with the core waits for room.
  std::uint64_t given_us_ = 0;
  std::uint64_t pause_ms_ = 0;        // Before the next try; grows while the core refuses.
  Batch filling_;
  std::optional<std::uint64_t> passed_;  // The broker has nothing below it but what was read: markers of transactions, gaps.
  std::uint64_t noted_us_ = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> durable_;  // Position plus one; 0: none.
  std::optional<std::uint64_t> end_;
  bool asking_end_ = false;
  std::uint64_t asked_end_us_ = 0;
  std::string trouble_;
  Metrics metrics_;
};

}  // namespace holdfast::kafka
