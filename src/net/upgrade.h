// What becomes of an HTTP/1.1 connection that changes its protocol (RFC 9110 section 7.8). For net/ only.
#pragma once

#include <memory>
#include <string>

#include "base/loop.h"
#include "net/stream.h"

namespace holdfast::net {

struct UpgradedStream {
  std::unique_ptr<Stream> stream;
  std::string read_already;  // Bytes of the new protocol that came with the last of HTTP.
  std::string to_write;      // Bytes of HTTP that go first.
};

// The server's end of a connection after its 101. All on the connection's loop.
class UpgradedSession {
 public:
  virtual ~UpgradedSession() = default;
  // The connection is the session's; it runs `ended`, once, when it is closed.
  virtual void begin(EventLoop& loop, UpgradedStream connection, Task ended) = 0;
  // Every now and then, see HttpLimits: the place to look at clocks.
  virtual void on_tick() = 0;
  // Ends as soon as what is under way is done.
  virtual void drain() = 0;
  virtual void close() = 0;
};

}  // namespace holdfast::net
