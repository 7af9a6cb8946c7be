// The inside of EventLoop. Only event_loop.cc and fd_watcher.cc include this.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "net/event_loop.h"
#include "net/poller.h"
#include "net/timer_queue.h"

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
  // The wake-up itself is all there is to it: with edges, nobody has to read the counter.
  struct Wake final : Poller::Watched {
    void on_edges(std::uint32_t /*events*/) override {}
    void on_turn() override {}
    void on_end() override {}
  };

  explicit Impl(std::shared_ptr<LoopHandle::Mailbox> box);
  void run();
  void wait_for_sockets();
  void run_tasks();
  void run_timers();

  std::shared_ptr<LoopHandle::Mailbox> mailbox;
  Wake wake;
  Poller poller;
  TimerQueue timers;  // In steady microseconds.
  Task after_turn;
  std::vector<Task> batch;
  bool stopping = false;
};

}  // namespace holdfast::net
