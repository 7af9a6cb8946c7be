// Pool: threads for the functions of one endpoint that block. They are started as they are needed, up to the endpoint's number.
//
// What waits is bounded by the endpoint's maxConcurrentRequests: a call that is given up before a thread is free is taken out.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "native/calls.h"

namespace holdfast::native {

class Pool {
 public:
  struct Job {
    std::shared_ptr<Calls> calls;
    Admission admission;  // Until the function has returned.
    const Function* function = nullptr;
    holdfast_call call{};
    std::string request;
    std::string traceparent;
  };

  explicit Pool(std::size_t threads_max);
  // Waits for the functions that are running; those that wait are not run.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Any thread.
  [[nodiscard]] std::unique_ptr<Job> make_job();
  void run(std::unique_ptr<Job> job);
  [[nodiscard]] std::uint64_t waiting() const;
  [[nodiscard]] std::uint64_t running() const;

 private:
  void work();

  const std::size_t threads_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> jobs_;
  std::vector<std::unique_ptr<Job>> spare_;  // Keep the memory of their requests.
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::size_t sweep_at_;  // So many waiting jobs are looked through for given up ones.
  bool stopping_ = false;
};

}  // namespace holdfast::native
