// StopSignals: SIGTERM, SIGINT and SIGHUP as something to wait for, instead of handlers that may do next to nothing.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::app {

class StopSignals {
 public:
  // Blocks the signals for this thread and those it starts from now on: make it first of all, before any other thread. None of them is
  // lost, none ends the process by itself. SIGPIPE is ignored.
  [[nodiscard]] static Result<StopSignals> create();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  // The number of the signal that came, or 0 for a notify(). Whatever came before the call counts.
  [[nodiscard]] int wait();
  // The same, for a while: none, if nothing came.
  [[nodiscard]] std::optional<int> wait_for(Duration time);
  // Any thread.
  void notify() const;

 private:
  StopSignals(int signals, int notified) : signals_(signals), notified_(notified) {}
  int signals_ = -1;
  int notified_ = -1;
};

}  // namespace holdfast::app
