#include "server/thread_group.h"

#include <utility>

namespace holdfast::sdk::server {

ThreadGroup::~ThreadGroup() {
  for (auto& thread : threads_) thread.detach();
}

void ThreadGroup::start(std::function<void()> body) {
  threads_.reserve(threads_.size() + 1);
  threads_.emplace_back([body = std::move(body), ended = ended_]() mutable {
    body();
    body = nullptr;  // What it kept alive goes before anybody is told that the thread has ended.
    const std::lock_guard lock(ended->mutex);
    ++ended->count;
    ended->changed.notify_all();
  });
}

bool ThreadGroup::join_until(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(ended_->mutex);
  const bool all = ended_->changed.wait_until(lock, deadline, [&] { return ended_->count >= threads_.size(); });
  lock.unlock();
  for (auto& thread : threads_) {
    if (all) thread.join();
    else thread.detach();
  }
  threads_.clear();
  return all;
}

}  // namespace holdfast::sdk::server
