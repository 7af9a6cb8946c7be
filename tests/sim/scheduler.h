// Scheduler: simulated time and simulated event loops. Which loop runs next, and whose task of several posters, is decided by the seed;
// tasks of one poster to one loop stay in order, timers never fire early: exactly what base/loop.h promises and no more.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/loop.h"
#include "base/random.h"
#include "base/time.h"

namespace holdfast::sim {

class Scheduler;

class SimLoop final : public Loop {
 public:
  SimLoop(Scheduler& scheduler, std::int64_t latency_ms_max) : scheduler_(scheduler), latency_ms_max_(latency_ms_max) {}

  void post(Task task) override;
  TimerId after(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] bool is_current() const override;

 private:
  friend class Scheduler;
  struct Posted {
    Instant runnable_at;
    Task task;
  };
  Scheduler& scheduler_;
  std::int64_t latency_ms_max_;  // A posted task may lie this long: how slow the disk behind a blocking loop is.
  std::map<int, std::deque<Posted>> queues_;  // By the index of the poster; -1: from outside.
  int index_ = 0;
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  std::map<TimerId, Instant> due_;
};

class Scheduler final : public Clock {
 public:
  explicit Scheduler(Random& random) : random_(random) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Moment steady() const override { return {now_.unix_ms}; }
  SimLoop& add_loop(std::int64_t latency_ms_max);
  // Runs one task or, if none can run, lets time pass to the next one (at most to `until`). False: nothing to do before `until`.
  bool step(Instant until);
  // Everything that was going on is gone, the loops with it.
  void crash();
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  friend class SimLoop;
  Random& random_;
  Instant now_{1'700'000'000'000};
  std::vector<std::unique_ptr<SimLoop>> loops_;
  SimLoop* current_ = nullptr;
  Loop::TimerId next_timer_ = 1;
  std::uint64_t steps_ = 0;
};

}  // namespace holdfast::sim
