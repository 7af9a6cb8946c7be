// AnswerSink: where a Responder and a StreamWriter lead to: a connection, or one that carries many streams. For net/ only.
//
// All may be called from any thread. `exchange` says which request of the sink is meant; what comes for one that is over does nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_server.h"

namespace holdfast::net {

class AnswerSink {
 public:
  virtual ~AnswerSink() = default;

  // Each as the member of Responder or StreamWriter that it stands behind.
  virtual void send(std::uint64_t exchange, HttpResponse response, std::shared_ptr<void> hold) = 0;
  virtual void send_error(std::uint64_t exchange, int status, std::string_view message) = 0;
  virtual void upgrade(std::uint64_t exchange, std::string_view protocol, std::shared_ptr<UpgradedSession> session) = 0;
  virtual void when_gone(std::uint64_t exchange, Task gone) = 0;
  virtual void expire_after(std::uint64_t exchange, Duration time, HttpResponse late) = 0;
  // Returns where bytes written are counted until the system has them: who writes adds, the sink takes away.
  virtual std::shared_ptr<std::atomic<std::size_t>> begin_stream(std::uint64_t exchange, int status, HeaderList headers) = 0;
  virtual void write_stream(std::uint64_t exchange, std::string bytes, std::shared_ptr<void> hold) = 0;
  virtual void end_stream(std::uint64_t exchange, HeaderList trailers) = 0;
  virtual void cut(std::uint64_t exchange) = 0;

 protected:
  static Responder responder(std::shared_ptr<AnswerSink> sink, std::uint64_t exchange) { return {std::move(sink), exchange}; }
};

}  // namespace holdfast::net
