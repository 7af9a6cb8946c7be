// FakeLoop: a Loop and the Clock that goes with it, which move only when told to.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <utility>

#include "base/loop.h"
#include "base/time.h"

namespace holdfast::testing {

class FakeLoop final : public Loop, public Clock {
 public:
  void post(Task task) override { posted_.push_back(std::move(task)); }
  TimerId after(Duration delay, Task task) override {
    timers_.emplace(std::pair{now_ + delay, ++last_id_}, std::move(task));
    return last_id_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& t) { return t.first.second == timer; });
  }
  [[nodiscard]] bool is_current() const override { return true; }
  [[nodiscard]] Instant now() const override { return now_ + stepped_; }
  [[nodiscard]] Moment steady() const override { return {now_.unix_ms}; }

  // The time of day is set; no time passes.
  void step_clock(Duration by) { stepped_.ms += by.ms; }

  // Runs what is posted until nothing is, at most `tasks_max` tasks; says whether it came to an end. Time stands still.
  bool run(std::size_t tasks_max = 100'000) {
    for (; tasks_max > 0 && !posted_.empty(); --tasks_max) {
      Task task = std::move(posted_.front());
      posted_.pop_front();
      task();
    }
    return posted_.empty();
  }
  // Runs what is posted by now, and nothing that it posts; says how much that was.
  std::size_t run_posted() {
    const std::size_t count = posted_.size();
    for (std::size_t i = 0; i < count; ++i) {
      Task task = std::move(posted_.front());
      posted_.pop_front();
      task();
    }
    return count;
  }
  // Lets time pass, with everything that happens on the way.
  bool advance(Duration by) {
    const Instant until = now_ + by;
    bool idle = run();
    while (idle && !timers_.empty() && timers_.begin()->first.first <= until) {
      auto timer = timers_.extract(timers_.begin());
      if (now_ < timer.key().first) now_ = timer.key().first;
      timer.mapped()();
      idle = run();
    }
    now_ = until;
    return idle;
  }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }

 private:
  std::deque<Task> posted_;
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  TimerId last_id_ = 0;
  Instant now_{1'000'000};
  Duration stepped_;
};

}  // namespace holdfast::testing
