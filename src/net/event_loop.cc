#include "net/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "net/event_loop_impl.h"

namespace holdfast::net {
namespace {

constexpr std::int64_t kWaitMaxMs = 1000LL * 60 * 60 * 24;  // What the system takes; a later timer is waited for again.
constexpr std::int64_t kDelayMaxMs = 1000LL * 60 * 60 * 24 * 3650;

std::int64_t steady_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

LoopHandle::Mailbox::Mailbox() : wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { HOLDFAST_CHECK(wake_fd >= 0); }

LoopHandle::Mailbox::~Mailbox() { ::close(wake_fd); }

void LoopHandle::Mailbox::post(Task task) {
  if (is_current()) {
    local.push_back(std::move(task));
    return;
  }
  {
    const std::lock_guard lock(mutex);
    if (!open) return;
    remote.push_back(std::move(task));
    has_remote.store(true);
  }
  if (asleep.exchange(false)) {
    const std::uint64_t one = 1;
    HOLDFAST_CHECK(::write(wake_fd, &one, sizeof one) == sizeof one);
  }
}

void LoopHandle::Mailbox::shut() {
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(mutex);
    open = false;
    dropped.swap(remote);
  }
  // What a dropped task owns may post as it goes; that is dropped too.
  std::vector<Task> dropped_local;
  dropped_local.swap(local);
}

void LoopHandle::post(Task task) const { mailbox_->post(std::move(task)); }
bool LoopHandle::is_current() const { return mailbox_->is_current(); }

EventLoop::Impl::Impl(std::shared_ptr<LoopHandle::Mailbox> box) : mailbox(std::move(box)) {
  Poller::Key key = 0;
  HOLDFAST_CHECK(poller.add(mailbox->wake_fd, EPOLLIN, wake, key));
}

EventLoop::EventLoop()
    : impl_(std::make_unique<Impl>(std::shared_ptr<LoopHandle::Mailbox>(new LoopHandle::Mailbox))) {}

EventLoop::~EventLoop() {
  HOLDFAST_CHECK(impl_->mailbox->thread.load() == std::thread::id{});
  impl_->mailbox->shut();
  impl_->timers.clear();
  impl_->after_turn = nullptr;
  impl_->poller.end();
}

void EventLoop::Impl::wait_for_sockets() {
  LoopHandle::Mailbox& box = *mailbox;
  if (!box.local.empty() || box.has_remote.load() || poller.is_asked()) return poller.wait(0);
  int wait_ms = -1;
  if (const auto due_us = timers.next_due_us()) {
    const std::int64_t wait_us = *due_us - steady_us();
    if (wait_us <= 0) return poller.wait(0);
    wait_ms = static_cast<int>(std::min<std::int64_t>((wait_us + 999) / 1000, kWaitMaxMs));
  }
  box.asleep.store(true);
  if (!box.has_remote.load()) poller.wait(wait_ms);
  box.asleep.store(false);
}

void EventLoop::Impl::run_tasks() {
  LoopHandle::Mailbox& box = *mailbox;
  const auto run_batch = [&] {
    for (Task& task : batch) task();
    batch.clear();
  };
  if (!box.local.empty()) {
    batch.swap(box.local);
    run_batch();
  }
  if (box.has_remote.load()) {
    {
      const std::lock_guard lock(box.mutex);
      batch.swap(box.remote);
      box.has_remote.store(false);
    }
    run_batch();
  }
}

void EventLoop::Impl::run_timers() {
  if (timers.next_due_us()) timers.run(steady_us());
}

void EventLoop::Impl::run() {
  while (!stopping) {
    wait_for_sockets();
    run_tasks();
    run_timers();
    if (after_turn) after_turn();  // A turn that woke up for nothing is rare enough not to be told apart.
  }
  stopping = false;
}

void EventLoop::run() {
  LoopHandle::Mailbox& box = *impl_->mailbox;
  HOLDFAST_CHECK(box.thread.load() == std::thread::id{});
  box.thread.store(std::this_thread::get_id());
  impl_->run();
  box.thread.store(std::thread::id{});
}

void EventLoop::stop() {
  post([this] { impl_->stopping = true; });
}

void EventLoop::post(Task task) { impl_->mailbox->post(std::move(task)); }

Loop::TimerId EventLoop::after(Duration delay, Task task) {
  return impl_->timers.add(steady_us() + std::clamp<std::int64_t>(delay.ms, 0, kDelayMaxMs) * 1000, std::move(task));
}

void EventLoop::cancel(TimerId timer) {
  [[maybe_unused]] const Task dropped = impl_->timers.take_back(timer);  // What it owns may come back here as it goes.
}

bool EventLoop::is_current() const { return impl_->mailbox->is_current(); }
bool EventLoop::is_running() const { return impl_->mailbox->thread.load() != std::thread::id{}; }
void EventLoop::set_after_turn(Task hook) { impl_->after_turn = std::move(hook); }
LoopHandle EventLoop::handle() const { return LoopHandle(impl_->mailbox); }

}  // namespace holdfast::net
