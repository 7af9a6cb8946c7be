// World: one data directory on a simulated disk, simulated functions and brokers, and the runtime in their midst, through as many crashes as
// the seed wants.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "connect/dead_letter.h"
#include "connect/outbox.h"
#include "ingress.h"
#include "log/fake_file_system.h"
#include "outside.h"
#include "partition/egress.h"
#include "program.h"
#include "runtime/runtime.h"
#include "scheduler.h"
#include "storage/memory_store.h"

namespace holdfast::sim {

// What goes wrong with calls of functions, in parts of a thousand.
struct Faults {
  std::uint32_t fail = 0;         // A call fails before the function ran.
  std::uint32_t lose = 0;         // It ran, and the answer is lost.
  std::uint32_t unreachable = 0;  // The endpoint is not there.
  std::int64_t slow_ms_max = 5;
};

inline constexpr std::string_view kDeadEgress = "sim/dead";
// Topics, of that egress or of one with an outbox.
inline constexpr std::string_view kDeadLetters = "letters";  // Of functions.
inline constexpr std::string_view kBadRecords = "records";   // Of ingresses.

class World final : private partition::EgressResolver {
 public:
  World(std::uint64_t seed, Random& random);
  ~World() override;

  [[nodiscard]] bool is_up() const { return runtime_ != nullptr; }
  [[nodiscard]] runtime::Runtime& runtime() { return *runtime_; }
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] log::FakeFileSystem& disk() { return disk_; }

  // Starts, with a number of shards, bounds and retentions that the seed chooses. An error is a failed recovery.
  [[nodiscard]] Result<void> start();
  enum class Crash : std::uint8_t { Power, Process };
  void crash(Crash how);
  // Whether the runtime has asked to be stopped, because a disk operation failed; crash() must follow.
  [[nodiscard]] bool is_dying() const { return dying_; }
  // Nothing gets into the log for so long.
  void stall_log(Duration how_long) { scheduler_.stall(log_loop_, how_long); }
  // Lets everything outside be well.
  void heal();

  Faults faults;
  std::array<Instant, kEndpoints.size()> endpoint_down_until{};  // Monotonic.
  std::set<std::uint64_t> poison;                                // Nodes that the functions choke on: nonsense comes back.
  std::array<model::FailurePolicy, kEndpoints.size()> policies;
  model::BadRecordPolicy on_bad_record;
  std::uint16_t partitions = 8;
  std::array<Broker, kAway.size()> brokers;
  Topics topics;
  std::array<partition::Retention, kTopics.size()> retentions;  // Of this life.

  [[nodiscard]] connect::Outbox& outbox(std::size_t away) { return *outboxes_[away]; }
  [[nodiscard]] Ingress& ingress() { return *ingress_; }

 private:
  class Target;
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override;
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& to, partition::DeadLetter&& letter) const override;
  [[nodiscard]] partition::Retention retention(std::string_view stream) const override;
  [[nodiscard]] runtime::Options make_options();
  [[nodiscard]] Duration latency(std::uint64_t ms_max) { return {static_cast<std::int64_t>(random_.below(ms_max + 1))}; }

  Random& random_;
  Scheduler scheduler_;
  log::FakeFileSystem disk_;
  storage::MemoryStore store_{5};
  std::unique_ptr<ports::EpochLog> log_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::array<std::unique_ptr<connect::Outbox>, kAway.size()> outboxes_;
  std::unique_ptr<Ingress> ingress_;
  std::size_t log_loop_ = 0;
  bool dying_ = false;
};

}  // namespace holdfast::sim
