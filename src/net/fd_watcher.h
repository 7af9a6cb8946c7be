// FdWatcher: owns a non-blocking file descriptor and tells, once per request, when it can be read or written. The bridge
// between the event loop and the code that moves bytes (stream.h, http_server.cc); nobody else sees Asio.
#pragma once

#include <memory>

#include "net/event_loop.h"

namespace holdfast::net {

class IoHandler {
 public:
  virtual ~IoHandler() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

// On the loop's thread only.
class FdWatcher {
 public:
  FdWatcher(EventLoop& loop, int fd);
  // Closes the descriptor; handlers still waiting are not called.
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  // Each calls `handler` once. Readiness may be spurious. At most one wait of each kind at a time.
  void wait_readable(std::shared_ptr<IoHandler> handler);
  void wait_writable(std::shared_ptr<IoHandler> handler);
  // Handlers that wait are let go of, uncalled.
  void forget_waits();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int fd_;
};

}  // namespace holdfast::net
