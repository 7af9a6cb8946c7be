// EventLoop: the real Loop (base/loop.h): one thread that waits for sockets, timers and posted tasks.
//
// A turn runs a bounded batch of ready socket handlers, then the tasks posted so far, then the timers that are due, then the
// after-turn hook. Posting from another thread wakes the loop at most once per turn, and only if it sleeps: a wake-up costs
// more than most tasks, so work handed over in one go is woken for once. Not here: how sockets are watched (fd_watcher.h).
#pragma once

#include <memory>

#include "base/loop.h"

namespace holdfast::net {

// A way to post to a loop that may be gone by then. Copyable, any thread.
class LoopHandle {
 public:
  // Runs `task` on the loop; drops it, unrun and on the caller's thread, if the loop has been destroyed.
  void post(Task task) const;
  [[nodiscard]] bool is_current() const;

 private:
  friend class EventLoop;
  struct Mailbox;
  explicit LoopHandle(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  std::shared_ptr<Mailbox> mailbox_;
};

class EventLoop final : public Loop {
 public:
  struct Impl;

  EventLoop();
  // Not while run() is under way. Tasks and timers that have not run are dropped.
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Makes the calling thread the loop's thread until stop(). May be called again after it has returned.
  void run();
  // Any thread. What the caller posted before it still runs.
  void stop();

  void post(Task task) override;
  // Before run(), the thread that owns the loop may call these two as well.
  TimerId after(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] bool is_current() const override;
  // Whether run() is under way, on whatever thread.
  [[nodiscard]] bool is_running() const;

  // `hook` runs at the end of every turn. Set it before run() or on the loop's thread.
  void set_after_turn(Task hook);

  [[nodiscard]] LoopHandle handle() const;
  // For net/ only.
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::net
