// KafkaSink: where the outbox of a Kafka egress sends its records.
//
// Exactly once: each page is one Kafka transaction, and in it, beside the records, goes the position they end at (positions.h). So what is
// in the topics and what is known to be there are one thing; after any doubt open() asks Kafka. The doubt is met in one way, whatever it
// was - a commit whose answer is lost, a broker that is gone, a producer that was shut out: the producers are thrown away, Unavailable is
// returned, and open() begins with init_transactions, which settles what the old ones left behind before the position is read.
//
// Two producers take turns. After a commit the broker needs some milliseconds to write its markers, and makes whoever begins the next
// transaction under the same id wait for at least 20 more; the other one need not wait. Order is kept: a transaction begins after the one
// before is committed. Measured, 10 records a transaction, one broker on a machine of two cores: one producer 30-60 transactions/s, with a
// pause of 3 ms between two 80-90; two producers 100-150/s, p50 4-5 ms.
//
// Standing still for long is no special case. The broker forgets a transactional id after a week (transactional.id.expiration.ms) and an
// idle producer id after a day; the next transaction then fails with INVALID_PRODUCER_ID_MAPPING or UNKNOWN_PRODUCER_ID before anything of
// it is committed, and open() begins afresh under a new producer id. An older process that still has the forgotten one fails in the same
// way, so it cannot commit either. The position stays, because compaction keeps the last record of a key for ever.
//
// At least once: an idempotent producer; a page is sent when all of it is acknowledged. None: a page is sent when it is handed to librdkafka.
//
// A record is a KafkaProducerRecord; an empty key is a null key. The trace context is header traceparent, unless the record has one. One
// thread, but for interrupt().
#pragma once

#include <memory>
#include <set>
#include <string>

#include "model/edges.h"
#include "ports/record_sink.h"

namespace holdfast::kafka {

class KafkaSink final : public ports::RecordSink {
 public:
  // `directory_id` is the data directory's: two of them never share a transactional id, one and its successor always do.
  // `read_uncommitted`: topics that ingresses of this process read from the same brokers without isolation.level=read_committed, to be
  // warned of when a transaction goes there.
  KafkaSink(model::KafkaEgressSpec spec, std::string directory_id, std::set<std::string> read_uncommitted = {});
  ~KafkaSink() override;

  [[nodiscard]] Result<std::optional<std::uint64_t>> open() override;
  [[nodiscard]] Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) override;
  [[nodiscard]] Result<void> reset(std::uint64_t position) override;
  void interrupt() override;
  [[nodiscard]] std::string trouble() const override;
  [[nodiscard]] bool keeps_position() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::kafka
