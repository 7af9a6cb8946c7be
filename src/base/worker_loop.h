// WorkerLoop: a Loop on a thread of its own for work that blocks (writing the log, writing the view). It waits for tasks and
// timers and nothing else; whoever needs sockets takes net::EventLoop.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/loop.h"

namespace holdfast {

class WorkerLoop final : public Loop {
 public:
  // Starts the thread; `name` (15 characters count) is what the system shows for it.
  explicit WorkerLoop(std::string name);
  // stop(), if that was not called.
  ~WorkerLoop() override;
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  // Runs the tasks posted so far, drops timers and what is posted later, and ends the thread. Not on the loop's thread.
  void stop();

  void post(Task task) override;
  TimerId after(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] bool is_current() const override { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  // On the loop's thread only. By due time on the steady clock in milliseconds, then by birth.
  std::map<std::pair<std::int64_t, TimerId>, Task> timers_;
  std::map<TimerId, std::int64_t> due_of_;
  TimerId next_timer_ = 1;
  std::thread thread_;
};

}  // namespace holdfast
