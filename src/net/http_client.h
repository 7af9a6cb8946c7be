// HttpClient: calls to one origin from one loop, over a pool of keep-alive connections.
//
// The connection used last is used first. Calls that find the pool busy wait in a bounded queue. A kept-alive connection that turns
// out to have been closed by the server before it gave a byte of the answer is replaced once, unseen by the caller: servers close
// idle connections at times of their own (node after 5 s). No other retries, no redirects, no cookies, no proxies.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "base/byte_budget.h"
#include "base/result.h"
#include "base/time.h"
#include "net/connection_budget.h"
#include "net/event_loop.h"
#include "net/http_message.h"
#include "net/tls.h"
#include "net/url.h"

namespace holdfast::net {

class ClientCalls;  // net/client_calls.h
struct ClientOptions;
using ClientProtocol = std::function<std::shared_ptr<ClientCalls>(EventLoop&, const Url& origin, const ClientOptions&)>;
// HTTP/2, to servers that are known to speak it: many calls on one connection. Who does not name it, does not link it.
[[nodiscard]] ClientProtocol http2_calls();

struct ClientOptions {
  ClientProtocol protocol = nullptr;  // Null: HTTP/1.1.
  Duration connect_timeout{20'000};  // Name, connection and TLS handshake together.
  Duration call_timeout{120'000};    // The whole call, waiting for a connection included.
  std::optional<Duration> read_timeout;   // Longest wait for the next byte of the answer.
  std::optional<Duration> write_timeout;  // Longest wait for the peer to take a byte.
  Duration idle_timeout{15'000};     // Idle connections are closed after it. 0: no keep-alive.
  Duration age_max{0};               // A connection that is about so old (up to an eighth less, so that those of one moment do not all end in
                                     // another) carries no further call, and is closed when it has none. 0: whatever its age.
  std::size_t pool_size = 1024;      // Connections at once.
  std::shared_ptr<ConnectionBudget> connections;  // Of several clients together, beside that; null: as many as each may have.
  // A kept connection that turns out to be closed before a byte of the answer came: whether any call is made again over another, or only one
  // whose method makes the same of being made twice (RFC 9110 section 9.2.2). The peer may have acted on it.
  bool repeats_all = true;
  std::size_t queue_max = 65'536;    // Calls waiting for one; more are refused as Overloaded.
  std::size_t response_bytes_max = 32 * 1024 * 1024;  // Of the body, as sent and after decompression.
  ByteBudget* room = nullptr;        // Of the loop, for answers while they come in; outlives the client. Null: no bound. While it is used up a
                                     // call's time stands still.
  TlsClient tls;                     // For https; null: the system's certificates, no client certificate.
  std::string user_agent = "holdfast";
};

struct ClientError {
  enum class Kind {
    Unreachable,   // No connection: name, refusal, connect timeout, TLS. The call was not sent.
    Timeout,       // call_timeout, read_timeout or write_timeout. The peer may have acted on the call.
    Disconnected,  // The connection ended before the answer did. Likewise.
    TooLarge,      // The answer is over response_bytes_max.
    Protocol,      // The answer is not HTTP, or not decodable.
    Overloaded,    // queue_max calls are waiting already. The call was not sent.
  };
  Kind kind = Kind::Unreachable;
  std::string message;
};

using CallResult = tl::expected<HttpResponse, ClientError>;

struct UpgradedStream;  // net/upgrade.h
using UpgradeResult = tl::expected<std::unique_ptr<UpgradedStream>, ClientError>;

struct HttpCall {
  std::string method = "POST";
  std::string target = "/";  // Path and query, already encoded.
  HeaderList headers;        // Added to: host, user-agent, accept-encoding, connection, content-length.
  std::string body;
};

class HttpClient {
 public:
  using Done = std::function<void(CallResult)>;

  // Fails only where the system's certificates are wanted and cannot be loaded. `origin.target` is not used.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(EventLoop& loop, Url origin, ClientOptions options);
  // Fails pending calls (Disconnected), their `done` running before it returns. On the loop's thread, or when it does not run.
  ~HttpClient();

  // `done` runs exactly once, on the loop, never inside call(). On the loop's thread only.
  void call(HttpCall call, Done done);
  void post(std::string path_and_query, HeaderList extra, std::string body, Done done);
  // GET that asks for another protocol. With a 101, the connection leaves the pool and is the caller's; any other answer is a failure
  // (Protocol). `done` as in call().
  using UpgradeDone = std::function<void(UpgradeResult)>;
  void upgrade(std::string path_and_query, std::string protocol, UpgradeDone done);

  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::size_t idle_connections() const;
  // Connections opened so far.
  [[nodiscard]] std::size_t connects() const;
  // Calls waiting or under way.
  [[nodiscard]] std::size_t pending() const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::net
