// The inside of EventLoop, with Asio in it. Only event_loop.cc and fd_watcher.cc include this.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/event_loop.h"

namespace holdfast::net {

// Where tasks wait. Outlives the loop as long as somebody holds a handle.
struct LoopHandle::Mailbox {
  Mailbox();
  ~Mailbox();
  void post(Task task);
  void shut();
  [[nodiscard]] bool is_current() const {
    return thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  std::vector<Task> local;  // Posted on the loop's thread, which alone touches it.
  std::mutex mutex;
  std::vector<Task> remote;  // Under `mutex`, as is `open`.
  bool open = true;
  // Both sequentially consistent: a poster sets has_remote, then looks at asleep; the loop the other way round.
  std::atomic<bool> has_remote{false};
  std::atomic<bool> asleep{false};
  std::atomic<std::thread::id> thread{};
  int wake_fd = -1;
};

struct EventLoop::Impl {
  explicit Impl(std::shared_ptr<LoopHandle::Mailbox> box);
  void run();
  void arm_wake();
  void wait_for_sockets();
  std::size_t poll_sockets(std::size_t count);
  std::size_t run_tasks();
  std::size_t run_timers();

  using TimerKey = std::pair<std::int64_t, TimerId>;  // Due time in steady microseconds.

  // No locks inside: only the loop's thread touches it, others wake it through the mailbox.
  boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::shared_ptr<LoopHandle::Mailbox> mailbox;
  boost::asio::posix::stream_descriptor wake;
  std::map<TimerKey, Task> timers;
  std::unordered_map<TimerId, std::int64_t> due_of;
  TimerId next_timer = 1;
  Task after_turn;
  std::vector<Task> batch;
  bool stopping = false;
};

}  // namespace holdfast::net
