// Outside: simulated brokers that outlive every crash of ours, each with what can go wrong there. Records go to three kinds of them:
//
//   Transactions  a page is one transaction with the position it ends at, whoever opens later fences off who came before: Kafka.
//   Messages      each record is stored by itself, under an id by which one that comes again is known: JetStream.
//   Loose         as Messages, but one that comes again is stored again: whoever sends at least once.
//
// One that has no room for a page takes what it has room for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "model/message.h"
#include "ports/record_sink.h"
#include "scheduler.h"

namespace holdfast::sim {

// In parts of a thousand, of each call.
struct BrokerFaults {
  std::uint32_t unavailable = 0;     // Nothing happens, and it is said so.
  std::uint32_t unknown_before = 0;  // The connection is lost before all of it got there,
  std::uint32_t unknown_after = 0;   // or after: nobody can tell the two apart.
  std::uint32_t fenced = 0;          // Somebody else opened in between. Transactions only.
};

class Broker {
 public:
  enum class Kind : std::uint8_t { Transactions, Messages, Loose };
  Broker(Kind kind, Random& random, const Scheduler& scheduler) : kind_(kind), random_(random), scheduler_(scheduler) {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::unique_ptr<ports::RecordSink> make_sink();
  // It answers, has room, and nothing goes wrong any more.
  void heal();

  std::vector<model::StreamRecord> stored;  // What consumers see.
  std::set<std::string> unsendable;         // Values that it does not take, for now.
  BrokerFaults faults;
  Instant down_until;                       // Monotonic.
  std::optional<std::uint64_t> room;        // For so many records more; none: for any number.
  bool has_refused = false;                 // Since somebody looked last.

 private:
  class Transactions;
  class Messages;
  [[nodiscard]] bool happens(std::uint32_t thousandths) { return random_.below(1000) < thousandths; }
  [[nodiscard]] bool is_away() { return scheduler_.monotonic() < down_until || happens(faults.unavailable); }
  [[nodiscard]] std::vector<ports::SendOutcome::Refused> refused(std::span<const ports::StreamPage::Entry> records);
  // Whether there is; then there is for one less.
  [[nodiscard]] bool has_room();

  const Kind kind_;
  Random& random_;
  const Scheduler& scheduler_;
  std::optional<std::uint64_t> position_;                  // Transactions: of the outbox, kept with the records.
  std::uint64_t generation_ = 0;                           // Transactions: of the producer that may write.
  std::set<std::pair<std::uint64_t, std::int64_t>> ids_;   // Messages: of what is stored.
};

}  // namespace holdfast::sim
