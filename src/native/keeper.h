// Keeper: the thread on which modules are loaded, created, stopped and destroyed, as all of that may block.
//
// Instances outlive what uses them by as long as their last calls take, the keeper itself even: then they stay as they are, for
// the process is about to end.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "base/time.h"
#include "base/worker_loop.h"

namespace holdfast::native {

class Keeper {
 public:
  // Runs `task` on the thread, or not at all if the keeper is closed: says which. Any thread.
  bool post(Task task);
  // One instance more, or less.
  void created();
  void destroyed();
  // Waits until there are no instances, at most so long, and ends the thread.
  void close(Duration wait);

 private:
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t instances_ = 0;
  bool open_ = true;
  WorkerLoop loop_{"modules"};
};

}  // namespace holdfast::native
