// BlockingPool: threads for functions that wait. Each is made when there is work and none of those there are is idle, up to a bound.
//
// How much waits for a thread is bounded by who runs it (Admission). Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "base/loop.h"
#include "server/thread_group.h"

namespace holdfast::sdk::server {

class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads_max) : threads_max_(threads_max) {}
  // False, and the task is dropped: the system gives no thread, not even a first one; or shut() was called.
  [[nodiscard]] bool run(Task task);
  // Drops what has not begun and waits for what has. False: some tasks still run; their threads are let go. Not from one of its threads.
  bool shut(std::chrono::steady_clock::time_point deadline);
  // Whether the caller is one of its threads.
  [[nodiscard]] bool is_current() const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Task> tasks;
    std::size_t idle = 0;
    bool shut = false;
  };
  static void work(State& state);

  const std::size_t threads_max_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::size_t threads_ = 0;  // Under the lock.
  ThreadGroup group_;        // Likewise, until shut().
};

}  // namespace holdfast::sdk::server
