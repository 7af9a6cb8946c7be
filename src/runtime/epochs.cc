#include "runtime/epochs.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr Duration kNoSpacePause{500};

}  // namespace

EpochCoordinator::EpochCoordinator(Loop& home, Loop& commit_loop, Loop& view_loop, ports::EpochLog& log,
                                   ports::StateStore& store, std::vector<Shard*> shards, model::Epoch first, Limits limits,
                                   std::function<void(const Error&)> fatal)
    : home_(home),
      commit_loop_(commit_loop),
      view_loop_(view_loop),
      log_(log),
      store_(store),
      shards_(std::move(shards)),
      limits_(limits),
      fatal_(std::move(fatal)),
      open_(first),
      logged_{first.value - 1},
      log_bytes_(log.bytes()) {
  parts_.resize(shards_.size());
}

// What was acknowledged is on disk; a restart reads it back and knows.
void EpochCoordinator::die_of(const char* what, const Error& error) {
  log_error(what, {{"error", error.message}});
  fatal_(error);
}

void EpochCoordinator::request_close() {
  if (home_.is_current()) {
    wanted_ = true;
    maybe_close();
    return;
  }
  if (request_posted_.exchange(true)) return;
  home_.post([this] {
    request_posted_.store(false);
    wanted_ = true;
    maybe_close();
  });
}

// Above a bound nothing is taken in that would want an epoch closed, so the view is not left to wait for that.
bool EpochCoordinator::is_view_due() const {
  return !view_busy_ && (dirty_bytes_ > limits_.dirty_bytes_max || !settling_.empty());
}

void EpochCoordinator::maybe_close() {
  if (state_ != State::Idle || (!wanted_ && !is_view_due())) return;
  wanted_ = false;
  state_ = State::Cutting;
  parts_missing_ = shards_.size();
  freeze_ = is_view_due() || (!view_busy_ && log_bytes_ > limits_.log_bytes_max) ? Freeze::Yes : Freeze::No;
  if (freeze_ == Freeze::Yes) {
    view_busy_ = true;
    settle_frozen_ = !settling_.empty();
  }
  const model::Epoch epoch = open_;
  for (std::size_t i = 1; i < shards_.size(); ++i)
    shards_[i]->loop().post([shard = shards_[i], epoch, freeze = freeze_] { shard->close_epoch(epoch, freeze); });
  shards_[0]->close_epoch(epoch, freeze_);
}

void EpochCoordinator::sealed(std::size_t shard, model::Epoch epoch, Sealed&& part) {
  HOLDFAST_CHECK(state_ == State::Cutting && epoch == open_ && parts_missing_ > 0);
  parts_[shard] = std::move(part);
  if (--parts_missing_ > 0) return;
  state_ = State::Writing;
  dirty_bytes_ = 0;
  bool empty = true;
  for (const Sealed& sealed : parts_) {
    dirty_bytes_ = std::max(dirty_bytes_, sealed.dirty_bytes);
    if (!sealed.payload.empty()) empty = false;
  }
  if (empty) become_durable();  // Nothing to write: as durable as the epoch before it.
  else write();
}

void EpochCoordinator::write() {
  commit_loop_.post([this] {
    std::vector<std::string_view> payloads;
    payloads.reserve(parts_.size());
    for (const Sealed& sealed : parts_) payloads.push_back(sealed.payload);
    const std::uint64_t started = monotonic_us();
    auto outcome = log_.append(open_, payloads);
    const std::uint64_t took = monotonic_us() - started;
    home_.post([this, outcome = std::move(outcome), bytes = log_.bytes(), took]() mutable {
      written(std::move(outcome), bytes, took);
    });
  });
}

void EpochCoordinator::written(Result<void> outcome, std::uint64_t log_bytes, std::uint64_t append_us) {
  if (!outcome) {
    if (outcome.error().code != ErrorCode::NoSpace) return die_of("cannot write the log", outcome.error());
    if (!stalled_.exchange(true)) log_error("the disk is full: nothing is taken in until there is space", {{"error", outcome.error().message}});
    metrics_.stalls.add();
    home_.after(kNoSpacePause, [this] { write(); });
    return;
  }
  if (stalled_.exchange(false)) log_info("the disk has space again");
  for (const Sealed& sealed : parts_) metrics_.log_bytes.add(sealed.payload.size());
  metrics_.epochs.add();
  metrics_.append_latency.record_us(append_us);
  metrics_.log_size.set(log_bytes);
  log_bytes_ = log_bytes;
  logged_ = open_;
  become_durable();
}

void EpochCoordinator::become_durable() {
  const model::Epoch epoch = open_;
  metrics_.durable_epoch.set(epoch.value);
  if (freeze_ == Freeze::Yes) {
    frozen_.clear();
    for (Sealed& sealed : parts_) frozen_.push_back(std::move(sealed.frozen));
    frozen_epoch_ = logged_;
    freeze_ = Freeze::No;
    write_view();
  }
  for (Sealed& sealed : parts_) sealed = {};
  open_ = {epoch.value + 1};
  state_ = State::Idle;
  for (std::size_t i = 1; i < shards_.size(); ++i)
    shards_[i]->loop().post([shard = shards_[i], epoch] { shard->durable(epoch); });
  shards_[0]->durable(epoch);
  maybe_close();
}

void EpochCoordinator::write_view() {
  view_loop_.post([this] {
    auto outcome = store_.apply(writes_of(frozen_), frozen_epoch_);
    home_.post([this, outcome = std::move(outcome)]() mutable { view_written(std::move(outcome)); });
  });
}

void EpochCoordinator::view_written(Result<void> outcome) {
  if (!outcome) {
    if (outcome.error().code != ErrorCode::NoSpace) return die_of("cannot write the view", outcome.error());
    home_.after(kNoSpacePause, [this] { write_view(); });
    return;
  }
  metrics_.view_writes.add();
  frozen_.clear();
  for (std::size_t i = 1; i < shards_.size(); ++i) shards_[i]->loop().post([shard = shards_[i]] { shard->thaw(); });
  shards_[0]->thaw();
  maybe_checkpoint();
}

void EpochCoordinator::maybe_checkpoint() {
  if (log_bytes_ <= limits_.log_bytes_max && !settle_frozen_) return view_idle();
  view_loop_.post([this] {
    auto reached = store_.checkpoint();
    home_.post([this, reached = std::move(reached)]() mutable {
      if (!reached) {
        if (reached.error().code != ErrorCode::NoSpace) return die_of("cannot checkpoint the view", reached.error());
        log_warn("cannot checkpoint the view", {{"error", reached.error().message}});
        home_.after(kNoSpacePause, [this] { maybe_checkpoint(); });
        return;
      }
      metrics_.checkpoints.add();
      commit_loop_.post([this, epoch = *reached] {
        if (auto trimmed = log_.trim(epoch); !trimmed) log_warn("cannot trim the log", {{"error", trimmed.error().message}});
        home_.post([this, bytes = log_.bytes()] {
          log_bytes_ = bytes;
          metrics_.log_size.set(bytes);
          if (settle_frozen_) finish_settling();
          view_idle();
        });
      });
    });
  });
}

void EpochCoordinator::view_idle() {
  view_busy_ = false;
  maybe_close();
}

void EpochCoordinator::settle(std::function<void()> done) {
  settling_.push_back(std::move(done));
  wanted_ = true;
  maybe_close();
}

void EpochCoordinator::finish_settling() {
  settle_frozen_ = false;
  for (auto& done : std::exchange(settling_, {})) done();
}

void EpochCoordinator::collect(MetricsSink& sink) const {
  sink.counter("holdfast_log_epochs_total", "Epochs written to the log.", {}, metrics_.epochs.get());
  sink.counter("holdfast_log_written_bytes_total", "Bytes of rows written to the log.", {}, metrics_.log_bytes.get());
  sink.histogram("holdfast_log_append_seconds", "Time to append one epoch and sync it.", {}, metrics_.append_latency);
  sink.gauge("holdfast_log_size_bytes", "Bytes a recovery would have to read.", {}, static_cast<double>(metrics_.log_size.get()));
  sink.gauge("holdfast_log_durable_epoch", "The last durable epoch.", {}, static_cast<double>(metrics_.durable_epoch.get()));
  sink.counter("holdfast_log_stalls_total", "Appends that failed for want of disk space.", {}, metrics_.stalls.get());
  sink.counter("holdfast_view_writes_total", "Batches of committed rows written to the view.", {}, metrics_.view_writes.get());
  sink.counter("holdfast_view_checkpoints_total", "Checkpoints of the view.", {}, metrics_.checkpoints.get());
}

}  // namespace holdfast::runtime
