#include "server/blocking_pool.h"

#include <system_error>
#include <utility>

namespace holdfast::sdk::server {

namespace {

thread_local const void* current_pool = nullptr;  // Whose thread this is.

}  // namespace

bool BlockingPool::run(Task task) {
  const std::lock_guard lock(state_->mutex);
  if (state_->shut) return false;
  // More tasks than idle threads: those that were woken have not taken theirs yet.
  if (state_->tasks.size() >= state_->idle && threads_ < threads_max_) {
    try {
      group_.start([state = state_] {
        current_pool = state.get();
        work(*state);
      });
      ++threads_;
    } catch (const std::system_error&) {
      if (threads_ == 0) return false;
    }
  }
  state_->tasks.push_back(std::move(task));
  state_->changed.notify_one();
  return true;
}

void BlockingPool::work(State& state) {
  std::unique_lock lock(state.mutex);
  for (;;) {
    ++state.idle;
    state.changed.wait(lock, [&] { return state.shut || !state.tasks.empty(); });
    --state.idle;
    if (state.shut) return;
    Task task = std::move(state.tasks.front());
    state.tasks.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // What it owns goes without the lock.
    lock.lock();
  }
}

bool BlockingPool::shut(std::chrono::steady_clock::time_point deadline) {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->shut = true;
    dropped.swap(state_->tasks);
    state_->changed.notify_all();
  }
  return group_.join_until(deadline);
}

bool BlockingPool::is_current() const { return current_pool == state_.get(); }

}  // namespace holdfast::sdk::server
