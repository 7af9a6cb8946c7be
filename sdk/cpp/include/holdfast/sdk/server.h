/// @file
/// Server: functions behind HTTP, on a port or a unix socket, plain or TLS; for Holdfast, and for Flink StateFun.
///
/// POST to any path but those two runs functions. GET /healthz answers 200, and 503 while stopping. GET /metrics is in Prometheus' text
/// format. Holdfast moves from HTTP to one connection with many calls under way, which the server offers by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "holdfast/sdk/error.h"
#include "holdfast/sdk/functions.h"

namespace holdfast::sdk {

/// What a server behind TLS needs.
struct ServerTls {
  std::string certificate;  ///< PEM file, with its chain.
  std::string key;          ///< PEM file.
  std::string client_ca = {};  ///< PEM file; not empty: clients must show a certificate that it signed.
};

/// All that can be set about a Server.
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< "0.0.0.0": reachable from elsewhere.
  std::uint16_t port = 8000;       ///< 0: a free one.
  std::string unix_path = {};      ///< Not empty: this unix socket instead of host and port; "….sock", as urls can name it.
  ServerTls tls = {};              ///< Without certificate: plain.
  unsigned threads = 1;            ///< That read requests and run functions; connections are spread over them.
  unsigned blocking_threads = 16;  ///< That run functions bound with Execution::Blocking; made when the first is called.
  std::size_t concurrent_calls_max = 1000;              ///< Batches under way; further ones wait.
  std::size_t request_bytes_max = 32 * 1024 * 1024;  ///< A larger request is refused, with 413.
  std::chrono::milliseconds stop_grace{10'000};         ///< How long stop() waits for calls under way.
};

/// Functions behind HTTP from its construction to stop(); serve() is one for the length of main.
class Server {
 public:
  /// Listens at once; throws Error if it cannot, with the address and why.
  Server(Functions functions, ServerOptions options);
  ~Server();  ///< stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The one it listens on; 0 for a unix socket.
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] std::string url() const;  ///< For a module.yaml: "http://127.0.0.1:8000", "http+unix:///run/f.sock".

  /// Takes no new connections, answers what is under way, and returns when that is done or stop_grace is over. Any thread; from within
  /// a function of this server it only begins to stop, and does not wait.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Says on standard error where it listens and why calls fail (one of them a second at most), and runs until SIGTERM or SIGINT; then it stops gracefully. A second one ends the process at
/// once. The exit code for main: 0, or 1 after saying on standard error what was wrong.
[[nodiscard]] int serve(Functions functions, ServerOptions options = {});

}  // namespace holdfast::sdk
