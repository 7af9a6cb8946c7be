// EpochCoordinator: closes epochs, one at a time, as soon as the one before is durable and somebody waits for the next; has the log
// written, and behind it the view.
//
//   idle --close--> cutting --all shards sealed--> writing --durable--> idle
//
// Beside that, when enough has piled up, the rows of all shards up to some epoch are frozen with it, written to the view once it
// is durable, and when the log has grown long, the view is checkpointed and the log trimmed behind it.
//
// Lives on the first shard's loop; log and view are touched on the commit and view loops only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "model/rows.h"
#include "ports/epoch_log.h"
#include "ports/state_store.h"
#include "runtime/row_layers.h"

namespace holdfast::runtime {

class Shard;

enum class Freeze : std::uint8_t { No, Yes };

class EpochCoordinator {
 public:
  struct Limits {
    std::size_t dirty_bytes_max = 0;  // Of one shard.
    std::uint64_t log_bytes_max = 0;
  };
  struct Sealed {
    std::string payload;
    std::shared_ptr<const RowSet> frozen;  // With Freeze::Yes.
    std::size_t dirty_bytes = 0;
  };

  EpochCoordinator(Loop& home, Loop& commit_loop, Loop& view_loop, ports::EpochLog& log, ports::StateStore& store,
                   std::vector<Shard*> shards, model::Epoch first, Limits limits,
                   std::function<void(const Error&)> fatal);

  // Any thread: somebody on a shard waits for the open epoch.
  void request_close();
  // On the home loop: a shard's part of the epoch is complete.
  void sealed(std::size_t shard, model::Epoch epoch, Sealed&& part);
  // On the home loop: closes what is open, brings the view up to it and checkpoints it. `done` on the home loop.
  void settle(std::function<void()> done);

  // Any thread. The log cannot be written for want of space; it is tried again and again.
  [[nodiscard]] bool is_stalled() const { return stalled_.load(std::memory_order_relaxed); }
  [[nodiscard]] Loop& home() const { return home_; }
  void collect(MetricsSink& sink) const;

 private:
  enum class State : std::uint8_t { Idle, Cutting, Writing };
  struct Metrics {
    Counter epochs, log_bytes, view_writes, checkpoints, stalls, log_size, durable_epoch;
    LatencyHistogram append_latency;
  };

  [[nodiscard]] bool is_view_due() const;
  void maybe_close();
  void write();
  void written(Result<void> outcome, std::uint64_t log_bytes, std::uint64_t append_us);
  void become_durable();
  void write_view();
  void view_written(Result<void> outcome);
  void maybe_checkpoint();
  void view_idle();
  void die_of(const char* what, const Error& error);
  void finish_settling();

  Loop& home_;
  Loop& commit_loop_;
  Loop& view_loop_;
  ports::EpochLog& log_;
  ports::StateStore& store_;
  std::vector<Shard*> shards_;
  Limits limits_;
  std::function<void(const Error&)> fatal_;

  State state_ = State::Idle;
  model::Epoch open_;               // Being filled; while cutting or writing: the one being cut or written.
  model::Epoch logged_;             // The newest that the log has; an epoch without rows never gets there.
  bool wanted_ = false;
  std::atomic<bool> request_posted_{false};
  std::atomic<bool> stalled_{false};
  std::vector<Sealed> parts_;
  std::size_t parts_missing_ = 0;
  Freeze freeze_ = Freeze::No;
  std::size_t dirty_bytes_ = 0;     // Of the shard that has most.
  std::uint64_t log_bytes_ = 0;

  // The view.
  bool view_busy_ = false;
  std::vector<std::shared_ptr<const RowSet>> frozen_;
  model::Epoch frozen_epoch_;
  std::vector<std::function<void()>> settling_;
  bool settle_frozen_ = false;      // The freeze that settle() asked for has been taken.
  Metrics metrics_;
};

}  // namespace holdfast::runtime
