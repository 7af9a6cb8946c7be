// Scheduler: simulated time and simulated event loops. Which loop runs next, and whose task of several posters, is decided by the seed;
// tasks of one poster to one loop stay in order, timers never fire early: exactly what base/loop.h promises and no more.
//
// There are two times, as on a machine: loops and their timers go by monotonic(), which only passes; now() is the machine's clock, which
// somebody may set, both ways.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/random.h"
#include "base/time.h"

namespace holdfast::sim {

class Scheduler;

class SimLoop final : public Loop {
 public:
  SimLoop(Scheduler& scheduler, Duration latency_max) : scheduler_(scheduler), latency_max_(latency_max) {}

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
  Duration latency_max_;  // What another loop posts may lie this long: until the thread is awake, or the disk behind a blocking loop is done.
  Instant stalled_until_;
  std::map<int, std::deque<Posted>> queues_;  // By the index of the poster; -1: from outside.
  int index_ = 0;
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  std::map<TimerId, Instant> due_;
};

class Scheduler final : public Clock {
 public:
  explicit Scheduler(Random& random) : random_(random) {}

  [[nodiscard]] Instant now() const override { return monotonic_ + set_by_; }
  [[nodiscard]] Moment steady() const override { return {monotonic_.unix_ms}; }
  [[nodiscard]] Instant monotonic() const { return monotonic_; }
  // The latest that the clock has ever shown.
  [[nodiscard]] Instant latest() const { return monotonic_ + set_by_max_; }
  // Sets the clock forward, or back.
  void set_clock(Duration by);
  // So often has it been set.
  [[nodiscard]] std::size_t sets() const { return sets_.size(); }
  // The latest that the clock has shown between two times that are monotonic and past.
  [[nodiscard]] Instant latest_between(Instant from, Instant to) const;
  // Sets it to the latest that it would show without having been set back.
  void set_clock_to_latest() { set_clock({set_by_max_.ms - set_by_.ms}); }

  SimLoop& add_loop(Duration latency_max);
  [[nodiscard]] std::size_t loops() const { return loops_.size(); }
  // Nothing runs on the loop for so long: its thread hangs in a call, or gets no processor.
  void stall(std::size_t loop, Duration how_long);
  // No loop is stalled any more.
  void let_go();

  // Runs one task or, if none can run, lets time pass to the next one (at most to `until`, which is monotonic). False: nothing to do
  // before `until`.
  bool step(Instant until);
  // Everything that was going on is gone, the loops with it.
  void crash();
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  friend class SimLoop;
  Random& random_;
  Instant monotonic_{1'700'000'000'000};
  Duration set_by_{};
  Duration set_by_max_{};
  std::vector<std::pair<Instant, Duration>> sets_;  // From when on (monotonic) it has been set by how much; at first not at all.
  std::vector<std::unique_ptr<SimLoop>> loops_;
  SimLoop* current_ = nullptr;
  Loop::TimerId next_timer_ = 1;
  std::uint64_t steps_ = 0;
};

}  // namespace holdfast::sim
