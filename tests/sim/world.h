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
#include "disks.h"
#include "expiry.h"
#include "followers.h"
#include "ingress.h"
#include "log/fake_file_system.h"
#include "outside.h"
#include "partition/egress.h"
#include "partition/item.h"
#include "program.h"
#include "runtime/runtime.h"
#include "scheduler.h"

namespace holdfast::sim {

// What goes wrong with calls of functions and with the log, in parts of a thousand.
struct Faults {
  std::uint32_t fail = 0;         // A call fails before the function ran.
  std::uint32_t lose = 0;         // It ran, and the answer is lost.
  std::uint32_t unreachable = 0;  // The endpoint is not there.
  std::int64_t slow_ms_max = 5;
  std::uint32_t hang = 0;         // The log hangs behind an epoch in which something rare has happened.
};

inline constexpr Duration kForGood{1'000'000'000};
inline constexpr std::string_view kDeadEgress = "sim/dead";
// Topics, of that egress or of one with an outbox.
inline constexpr std::string_view kDeadLetters = "letters";  // Of functions.
inline constexpr std::string_view kBadRecords = "records";   // Of ingresses.

// In one of so many epochs what has just happened outside has its effect.
inline constexpr std::uint64_t kRareEpochs = 3;

// What watchers of items write down: a record for each change of a watched one, from what to what.
inline constexpr std::string_view kWatched = "free", kChanges = "sim/changes";

class World final : private partition::EgressResolver, private partition::ItemWatchers {
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
  // Stops as the program does: first what comes in, then what goes out, then the runtime, in which whatever is under way has so long.
  void stop(Duration grace);
  // It has; crash() must follow, and there is nothing left that it could take away.
  [[nodiscard]] bool has_stopped() const { return stop_ == Stop::Done; }
  // Whether the view has what the log had when the runtime was told to stop, so that the next start need not read it back.
  [[nodiscard]] bool view_has_all() const { return view_.reached() >= logged_at_stop_; }
  // Whether the runtime has asked to be stopped, because a disk operation failed; crash() must follow.
  [[nodiscard]] bool is_dying() const { return dying_; }
  // Nothing gets into the log any more.
  void hang_log() { scheduler_.stall(log_loop_, kForGood); }
  // Something has happened that seldom does: what it leads to may be the last that gets into the log.
  void note_rarity() { rare_epochs_ = kRareEpochs; }
  // Whether the log hangs because of that.
  [[nodiscard]] bool log_hangs() const { return log_hangs_; }
  // Some of the shards stand still, for so long at most: what is asked of all of them is not done until then.
  void stall_shards(Duration at_most);
  // So many bytes more fit on the log's disk, if any number is said; nothing more goes into the view, or does.
  void set_space(std::optional<std::uint64_t> log_bytes, bool view);
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
  mutable Expiry expiry;  // Hears of answers that are accepted while their records are resolved.
  std::array<partition::Retention, kTopics.size()> retentions;  // Of this life.

  [[nodiscard]] connect::Outbox& outbox(std::size_t away) { return *outboxes_[away]; }
  [[nodiscard]] Ingress& ingress() { return *ingress_; }
  // Are there in each life, once somebody has put them there.
  std::unique_ptr<Followers> followers;

 private:
  class Target;
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override;
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& to, partition::DeadLetter&& letter) const override;
  [[nodiscard]] partition::Retention retention(std::string_view stream) const override;
  void changed(const model::ItemKey& item, const model::ItemRow* before, const model::ItemRow* after,
               std::vector<model::Command>& commands) const override;
  void appended();
  enum class Stop : std::uint8_t { No, Edges, Runtime, Done };
  [[nodiscard]] runtime::Options make_options();
  [[nodiscard]] Duration latency(std::uint64_t ms_max) { return {static_cast<std::int64_t>(random_.below(ms_max + 1))}; }

  Random& random_;
  Scheduler scheduler_;
  log::FakeFileSystem disk_;
  View view_;
  std::unique_ptr<WatchedLog> log_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::array<std::unique_ptr<connect::Outbox>, kAway.size()> outboxes_;
  std::unique_ptr<Ingress> ingress_;
  std::size_t log_loop_ = 0;  // Those before it are the shards'.
  bool dying_ = false;
  Stop stop_ = Stop::No;
  model::Epoch logged_at_stop_;
  std::uint64_t rare_epochs_ = 0;  // So many of the next epochs may be the last.
  bool log_hangs_ = false;
};

}  // namespace holdfast::sim
