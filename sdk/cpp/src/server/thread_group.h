// ThreadGroup: threads that end by themselves, and are waited for only so long. One that is still in somebody's function by then is let
// go: what it uses must be kept alive by what it runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::sdk::server {

class ThreadGroup {
 public:
  ThreadGroup() = default;
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;
  ~ThreadGroup();  // Lets all go.

  // Throws std::system_error if the system gives no thread.
  void start(std::function<void()> body);
  // True: all have ended. False: some have not, and are let go. Not from one of its threads.
  bool join_until(std::chrono::steady_clock::time_point deadline);

 private:
  struct Ended {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t count = 0;
  };
  std::vector<std::thread> threads_;
  std::shared_ptr<Ended> ended_ = std::make_shared<Ended>();
};

}  // namespace holdfast::sdk::server
