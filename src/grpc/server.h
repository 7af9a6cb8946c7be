// grpc::Server: unary methods of gRPC services, over net's HTTP/2. A method is given the bytes of a message and answers with bytes or a
// status; what they mean is the caller's. Everything the protocol can be got wrong in is answered here, in grpc-go's words where it has some.
//
// Metadata, both ways, is header fields as they are on the wire: those whose names end in -bin are base64 (grpc/wire.h).
// Not here: streams. A method that reads or writes one bit by bit would be added beside the unary ones, once net hands over requests
// whose body is still coming; server reflection is one of those.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grpc/status.h"
#include "grpc/wire.h"
#include "net/http_server.h"

namespace holdfast::grpc {

// One call, to be answered exactly once; dropped without an answer: INTERNAL. What comes after the caller has gone, or its deadline has
// passed (it is told DEADLINE_EXCEEDED), is lost. Any thread; what it returns lives as long as it does.
class Call {
 public:
  Call(net::HttpRequest request, net::Responder responder);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] std::string_view message() const { return message_.inflated.empty() ? message_.bytes : message_.inflated; }
  // All that came: metadata, and fields of the protocol's own. The :authority is "host".
  [[nodiscard]] const net::HeaderList& headers() const { return request_.headers; }
  // "package.Service", "Method".
  [[nodiscard]] std::string_view service() const { return service_; }
  [[nodiscard]] std::string_view method() const { return method_; }
  // "127.0.0.1:40312", or "unix".
  [[nodiscard]] const std::string& peer() const { return *request_.peer; }
  // What the caller gave it, when it came.
  [[nodiscard]] std::optional<Duration> timeout() const { return timeout_; }

  // `headers` go before the message, `trailers` behind it; reserved names are left out.
  void answer(std::string message, const net::HeaderList& headers = {}, const net::HeaderList& trailers = {});
  void fail(const Status& status, const net::HeaderList& headers = {}, const net::HeaderList& trailers = {});
  // `gone` runs on the connection's loop if the caller cancels, goes away or its deadline passes before there is an answer. At most once,
  // at once if it already happened. Before the answer only.
  void on_cancel(Task gone);

 private:
  friend class Server;
  [[nodiscard]] std::string content_type() const;

  net::HttpRequest request_;
  std::optional<net::Responder> responder_;
  Message message_;
  std::string_view service_;
  std::string_view method_;
  std::optional<Duration> timeout_;
};

struct ServerOptions {
  std::size_t message_bytes_max = 4 * 1024 * 1024;  // Of a request's message, also after decompression: else RESOURCE_EXHAUSTED.
  // Asked before each call: a status refuses it. Null: all may call. Any thread.
  std::function<std::optional<Status>(std::string_view service, std::string_view method, const net::HeaderList& headers)> check = nullptr;
  // Calls of services that are not here. Null: UNIMPLEMENTED.
  std::function<void(std::shared_ptr<Call>)> otherwise = nullptr;
};

class Server {
 public:
  // On the connection's loop; must not block.
  using Method = std::function<void(std::shared_ptr<Call>)>;

  explicit Server(ServerOptions options) : options_(std::move(options)) {}
  // Before it serves. A method that is there already is replaced.
  void add(std::string_view service, std::string_view method, Method handler);

  // As HttpServer::listen(), for HTTP/2 and with bodies as long as a message may be. This outlives what it returns, and does not move.
  [[nodiscard]] Result<std::unique_ptr<net::HttpServer>> listen(std::vector<net::EventLoop*> loops, net::ListenSpec spec,
                                                                net::HttpLimits limits) const;
  // What listen() listens with.
  void handle(net::HttpRequest&& request, net::Responder responder) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  ServerOptions options_;
  ByName<ByName<Method>> services_;
};

}  // namespace holdfast::grpc
