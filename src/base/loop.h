// Loop: one thread's event loop, as everything above the network sees it. net/ has the real one; the simulator has
// one whose order and time it decides.
//
// Tasks posted from one thread run in the order they were posted. Timers may fire late, never early, and in the order of
// their due times.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/time.h"

namespace holdfast {

using Task = std::function<void()>;

class Loop {
 public:
  using TimerId = std::uint64_t;  // Never 0.

  virtual ~Loop() = default;
  // Runs `task` on the loop's thread, later. Any thread.
  virtual void post(Task task) = 0;
  // Runs `task` after `delay`. On the loop's thread only.
  virtual TimerId after(Duration delay, Task task) = 0;
  // Takes a timer back; does nothing if it has fired. On the loop's thread only.
  virtual void cancel(TimerId timer) = 0;
  // Whether the caller is on the loop's thread.
  [[nodiscard]] virtual bool is_current() const = 0;
};

// Runs `task` on the loop's thread: at once, if the caller is on it. Any thread.
inline void on_loop(Loop& loop, Task task) {
  if (loop.is_current()) task();
  else loop.post(std::move(task));
}

}  // namespace holdfast
