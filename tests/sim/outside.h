// Outside: a simulated broker that outlives every crash of ours: a topic that records come from, and one that they go to, with
// transactions, fencing and positions as a Kafka broker has them, and with what can go wrong there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/random.h"
#include "model/message.h"
#include "ports/intake.h"
#include "ports/record_sink.h"

namespace holdfast::sim {

// In parts of a thousand, of each call.
struct OutsideFaults {
  std::uint32_t unavailable = 0;     // Nothing happens, and it is said so.
  std::uint32_t unknown_before = 0;  // The connection is lost before the commit got there,
  std::uint32_t unknown_after = 0;   // or after: nobody can tell the two apart.
  std::uint32_t fenced = 0;          // Somebody else opened in between.
  std::uint32_t in_part = 0;         // Only the first records of a page, or none, are taken: there is no room for more.
};

class Outside {
 public:
  explicit Outside(Random& random) : random_(random) {}

  struct Record {
    std::string source;
    std::string text;
  };
  std::vector<model::Message> incoming;  // Its index is its position.
  std::vector<Record> committed;         // What read_committed consumers see.
  std::optional<std::uint64_t> position; // Of the outbox, committed with the records.
  std::uint64_t generation = 0;          // The producer that may write.
  std::set<std::string> unsendable;      // Records that the broker will never take.
  OutsideFaults faults;

  [[nodiscard]] std::unique_ptr<ports::RecordSink> make_sink();

 private:
  class Sink;
  Random& random_;
};

// Takes `incoming` in, batch by batch, as a consumer does.
class SourceDriver {
 public:
  SourceDriver(Outside& outside, Random& random, ports::Intake& intake, Loop& loop);
  void start();

  static constexpr const char* kSource = "sim/in/topic/0";

 private:
  void begin();
  void next();
  Outside& outside_;
  Random& random_;
  ports::Intake& intake_;
  Loop& loop_;
  std::optional<std::uint64_t> at_;
};

}  // namespace holdfast::sim
