// StopSignals: SIGTERM, SIGINT and, if it means something, SIGHUP as something to wait for, instead of handlers that may do next to nothing.
#pragma once

#include "base/result.h"

namespace holdfast::app {

enum class Hangup { EndsTheProcess, IsWaitedFor };

class StopSignals {
 public:
  // Blocks the signals for this thread and those it starts from now on: make it before any other thread. SIGPIPE is ignored.
  [[nodiscard]] static Result<StopSignals> create(Hangup hangup);
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  // The number of the signal that came, or 0 for a notify(). Whatever came before the call counts.
  [[nodiscard]] int wait();
  // Any thread.
  void notify() const;

 private:
  StopSignals(int signals, int notified) : signals_(signals), notified_(notified) {}
  int signals_ = -1;
  int notified_ = -1;
};

}  // namespace holdfast::app
