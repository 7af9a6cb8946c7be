// ClientCalls: the inside of HttpClient, in one protocol: ClientPool for HTTP/1.1, Http2Calls for HTTP/2. For net/ only; on the loop's thread.
#pragma once

#include <cstddef>
#include <string>

#include "net/http_client.h"

namespace holdfast::net {

class ClientCalls {
 public:
  virtual ~ClientCalls() = default;

  // As HttpClient's.
  virtual void call(HttpCall call, HttpClient::Done done) = 0;
  virtual void upgrade(std::string target, std::string protocol, HttpClient::UpgradeDone done) = 0;
  // Fails all calls, closes all connections; afterwards every call fails.
  virtual void shut() = 0;

  [[nodiscard]] virtual std::size_t connections() const = 0;
  [[nodiscard]] virtual std::size_t idle() const = 0;
  [[nodiscard]] virtual std::size_t connects() const = 0;
  [[nodiscard]] virtual std::size_t pending() const = 0;
};

}  // namespace holdfast::net
