#include "server/admission.h"

#include <algorithm>
#include <utility>

namespace holdfast::sdk::server {

Admission::Entry Admission::enter() {
  if (waiting_bytes_.load(std::memory_order_relaxed) > waiting_bytes_max_) return Entry::Full;
  return count_.fetch_add(1) < calls_max_ ? Entry::In : Entry::Waits;
}

void Admission::wait(std::size_t bytes, Task go) {
  {
    const std::lock_guard lock(mutex_);
    if (free_ == 0) {
      waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed);
      waiting_.push_back({bytes, std::move(go)});
      return;
    }
    --free_;
  }
  go();
}

void Admission::leave() {
  const std::size_t before = count_.fetch_sub(1);
  if (before > calls_max_) {  // Somebody waits, or is about to.
    Task go;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        ++free_;
        return;
      }
      waiting_bytes_.fetch_sub(waiting_.front().bytes, std::memory_order_relaxed);
      go = std::move(waiting_.front().go);
      waiting_.pop_front();
    }
    return go();
  }
  if (before == 1 && somebody_watches_.load()) {
    const std::lock_guard lock(mutex_);
    idle_.notify_all();
  }
}

bool Admission::wait_until_idle(std::chrono::steady_clock::time_point deadline) {
  somebody_watches_.store(true);  // Then looks at the count; leave() the other way round.
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, deadline, [&] { return count_.load() == 0; });
}

void Admission::drop_waiting() {
  std::deque<Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(waiting_);
    waiting_bytes_.store(0, std::memory_order_relaxed);
    count_.fetch_sub(dropped.size());
  }
}

std::size_t Admission::under_way() const { return std::min(count_.load(std::memory_order_relaxed), calls_max_); }

std::size_t Admission::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace holdfast::sdk::server
