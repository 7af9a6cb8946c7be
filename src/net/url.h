// Url: where an HTTP endpoint is. http, https, and both over a unix socket as StateFun writes it:
// http+unix:///path/to.sock/url/path (StateFun UnixDomainHttpEndpoint): the socket is the path up to the first segment that ends in ".sock".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::net {

struct Url {
  bool tls = false;
  std::string host;  // Without brackets; empty for a unix socket.
  std::uint16_t port = 0;
  std::string socket_path;    // Not empty: a unix socket.
  std::string target = "/";   // Path and query, as written; a fragment is dropped.

  [[nodiscard]] bool is_unix() const { return !socket_path.empty(); }
  // What goes into the host header: the port is left out where it is the scheme's own.
  [[nodiscard]] std::string host_header() const;
  // Scheme, host and port or socket: equal for URLs that can share connections.
  [[nodiscard]] std::string origin() const;
};

[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace holdfast::net
