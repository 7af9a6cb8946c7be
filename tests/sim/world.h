// World: one data directory on a simulated disk, simulated functions, and the runtime over both, through as many crashes as the
// seed wants.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "connect/dead_letter.h"
#include "connect/outbox.h"
#include "log/fake_file_system.h"
#include "outside.h"
#include "partition/egress.h"
#include "program.h"
#include "runtime/runtime.h"
#include "scheduler.h"
#include "storage/memory_store.h"

namespace holdfast::sim {

// What goes wrong, in parts of a thousand.
struct Faults {
  std::uint32_t fail = 0;         // A call fails before the function ran.
  std::uint32_t lose = 0;         // It ran, and the answer is lost.
  std::uint32_t unreachable = 0;  // The endpoint is not there.
  std::int64_t slow_ms_max = 5;
};

class World final : private partition::EgressResolver {
 public:
  World(std::uint64_t seed, Random& random);
  ~World() override;

  [[nodiscard]] bool is_up() const { return runtime_ != nullptr; }
  [[nodiscard]] runtime::Runtime& runtime() { return *runtime_; }
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] log::FakeFileSystem& disk() { return disk_; }

  // Starts, with a number of shards and bounds that the seed chooses. An error is a failed recovery.
  [[nodiscard]] Result<void> start();
  enum class Crash { Power, Process };
  void crash(Crash how);
  // Whether the runtime has asked to be stopped, because a disk operation failed; crash() must follow.
  [[nodiscard]] bool is_dying() const { return dying_; }

  Faults faults;
  std::set<std::uint64_t> poison;  // Nodes that the functions choke on: nonsense comes back.
  model::FailurePolicy policy;
  std::uint64_t calls = 0;         // Of functions.
  Outside outside;
  [[nodiscard]] connect::Outbox& outbox() { return *outbox_; }

 private:
  class Target;
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override;
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& to, partition::DeadLetter&& letter) const override;
  [[nodiscard]] partition::Retention retention(std::string_view stream) const override;

  Random& random_;
  Scheduler scheduler_;
  log::FakeFileSystem disk_;
  storage::MemoryStore store_;
  std::unique_ptr<ports::EpochLog> log_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::unique_ptr<connect::Outbox> outbox_;
  std::unique_ptr<SourceDriver> source_;
  std::uint64_t life_ = 0;
  bool dying_ = false;
};

}  // namespace holdfast::sim
