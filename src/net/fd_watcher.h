// FdWatcher: owns a non-blocking file descriptor and tells, once per request, when it can be read or written. The bridge
// between the event loop and the code that moves bytes (stream.h, http_server.cc).
//
// The system reports a readiness once (poller.h). It is remembered here, whether somebody waits or not, until whoever reads or writes says
// that it is over; a wait that comes before that is answered in the next turn, so that one who stops in the middle of plenty comes back
// after the others had theirs.
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
  // Takes it for writable until told otherwise.
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

  // The system has said EAGAIN: the next wait is for what comes after. Without this waits are answered at once, again and again.
  void would_block_reading();
  void would_block_writing();
  // A read gave less than there was room for. On a stream that means that nothing is left, unless the peer has closed its side or has sent
  // something urgent: then only EAGAIN does.
  void has_read_short();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int fd_;
};

}  // namespace holdfast::net
