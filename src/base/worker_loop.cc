#include "base/worker_loop.h"

#include <pthread.h>

#include <chrono>
#include <limits>

#include "base/check.h"

namespace holdfast {
namespace {

using Steady = std::chrono::steady_clock;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count();
}

}  // namespace

WorkerLoop::WorkerLoop(std::string name) {
  // The thread must not look at thread_ before it is set, which tasks do (is_current).
  std::unique_lock lock(mutex_);
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

WorkerLoop::~WorkerLoop() { stop(); }

void WorkerLoop::stop() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) {
    HOLDFAST_CHECK(!is_current());
    thread_.join();
  }
}

void WorkerLoop::post(Task task) {
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    wake = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (wake) wake_.notify_one();
}

Loop::TimerId WorkerLoop::after(Duration delay, Task task) {
  HOLDFAST_CHECK(is_current());
  const TimerId id = next_timer_++;
  std::int64_t due = 0;
  // One more than asked for: the clock's reading is cut to whole milliseconds, and timers never fire early.
  if (__builtin_add_overflow(steady_ms() + 1, delay.ms < 0 ? 0 : delay.ms, &due)) due = std::numeric_limits<std::int64_t>::max();
  timers_.emplace(std::pair{due, id}, std::move(task));
  due_of_.emplace(id, due);
  return id;
}

void WorkerLoop::cancel(TimerId timer) {
  HOLDFAST_CHECK(is_current());
  const auto found = due_of_.find(timer);
  if (found == due_of_.end()) return;
  timers_.erase({found->second, timer});
  due_of_.erase(found);
}

void WorkerLoop::run() {
  std::deque<Task> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      while (tasks_.empty() && !stopping_) {
        if (timers_.empty()) {
          wake_.wait(lock);
          continue;
        }
        const std::int64_t wait = timers_.begin()->first.first - steady_ms();
        if (wait <= 0) break;
        wake_.wait_for(lock, std::chrono::milliseconds(std::min<std::int64_t>(wait, 3'600'000)));
      }
      batch.swap(tasks_);
      if (batch.empty() && stopping_) return;
    }
    for (Task& task : batch) task();
    batch.clear();
    while (!timers_.empty() && timers_.begin()->first.first <= steady_ms()) {
      auto node = timers_.extract(timers_.begin());
      due_of_.erase(node.key().second);
      node.mapped()();
    }
  }
}

}  // namespace holdfast
