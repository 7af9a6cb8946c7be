// Admission: how many calls may be under way at once. Further ones wait in order; so many bytes of them, and no more.
//
// A call that was let in, at once or after waiting, leaves exactly once. Any thread; only calls that wait take the lock.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/loop.h"

namespace holdfast::sdk::server {

class Admission {
 public:
  Admission(std::size_t calls_max, std::size_t waiting_bytes_max) : calls_max_(calls_max), waiting_bytes_max_(waiting_bytes_max) {}

  enum class Entry : std::uint8_t {
    In,
    Waits,  // wait() must follow.
    Full,   // Too many bytes wait already.
  };
  [[nodiscard]] Entry enter();
  // `go` runs when it is the call's turn: here and now, or from within the leave() of another.
  void wait(std::size_t bytes, Task go);
  void leave();

  // Waits until nothing is under way and nothing waits. Once only: no more is let in from here on than what the caller still takes.
  bool wait_until_idle(std::chrono::steady_clock::time_point deadline);
  // Drops what waits.
  void drop_waiting();

  [[nodiscard]] std::size_t under_way() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiting {
    std::size_t bytes;
    Task go;
  };

  const std::size_t calls_max_;
  const std::size_t waiting_bytes_max_;
  std::atomic<std::size_t> count_{0};  // Under way and waiting.
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> somebody_watches_{false};
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Waiting> waiting_;   // Under the lock, as is `free_`.
  std::size_t free_ = 0;          // Places left to calls that have said they wait, but were not in `waiting_` yet.
};

}  // namespace holdfast::sdk::server
