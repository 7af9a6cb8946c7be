// CallServer: the server's end of holdfast-calls/1 (call_frame.h), on connections that an HttpServer hands over.
//
//   CallServer calls(limits, [](const IncomingCall& call, CallToken token) { token.answer(work(call.body)); });
//   auto server = HttpServer::listen(loops, spec, limits, [&](HttpRequest&& request, Responder responder) {
//     if (CallServer::is_wanted_by(request)) return calls.accept(request, std::move(responder));
//     ...
//     CallServer::advertise(response);  // In each answer of the path where calls are taken.
//   });
//
// Calls come in the order in which they were sent and may be answered in any, from any thread. Answers of one turn of the loop leave in one
// write. A client that gives up, or goes away, takes the call back: its answer is dropped. A call beyond the
// calls_max that have a token waits, and what follows it is not read. HttpServer::drain() tells clients to send no more, and answers what was sent before they knew;
// connections count as connections of the HttpServer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/time.h"
#include "net/http_server.h"

namespace holdfast::net {

class CallSession;

struct CallLimits {
  std::size_t calls_max = 1024;                        // Under way on one connection.
  std::size_t bytes_max = 16 * 1024 * 1024;            // Of their requests.
  std::size_t frame_bytes_max = 1024 * 1024;           // Of one request; larger ones come over HTTP.
  std::size_t answers_bytes_max = 64 * 1024 * 1024;    // Answers that one client has not read; then it is cut.
  Duration idle_timeout{120'000};                      // Without calls; then the client is asked to close.
  Duration goodbye_timeout{5'000};                     // For the client to close, once it has been asked and its calls are answered.
  Duration write_stall_timeout{30'000};                // The client takes no byte of what we send.
};

// Valid while the handler runs.
struct IncomingCall {
  std::string_view path;         // And query, of the request that opened the connection.
  std::string_view traceparent;  // May be empty.
  std::string_view body;
};

// The right to answer one call, exactly once. Dropped without an answer: Failed with 500. Any thread.
class CallToken {
 public:
  CallToken(CallToken&& other) noexcept = default;
  CallToken& operator=(CallToken&& other) noexcept;
  ~CallToken();

  void answer(std::string_view body);
  // `status` as HTTP's, 400 to 599. `why` is cut at 4096 bytes.
  void fail(int status, std::string_view why);

 private:
  friend class CallSession;
  CallToken(std::shared_ptr<CallSession> session, std::uint32_t slot) : session_(std::move(session)), slot_(slot) {}
  std::shared_ptr<CallSession> session_;
  std::uint32_t slot_ = 0;
};

struct CallServerShared;

class CallServer {
 public:
  // On the connection's loop; must not block.
  using Handler = std::function<void(const IncomingCall&, CallToken)>;

  CallServer(CallLimits limits, Handler handler);

  // Whether the request asks for calls of this version.
  [[nodiscard]] static bool is_wanted_by(const HttpRequest& request);
  static void advertise(HttpResponse& response);
  // Answers 101 and takes the connection over. Only for a request that is_wanted_by() is true of.
  void accept(const HttpRequest& request, Responder responder);

  // All from any thread.
  [[nodiscard]] std::size_t connections() const;
  // Calls whose token is out, those taken back included.
  [[nodiscard]] std::size_t calls_under_way() const;
  [[nodiscard]] std::uint64_t calls_taken() const;

 private:
  std::shared_ptr<CallServerShared> shared_;  // Connections and tokens may outlive the CallServer; its handler then as well.
};

}  // namespace holdfast::net
