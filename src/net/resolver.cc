#include "net/resolver.h"

#include <netdb.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "net/stream.h"

namespace holdfast::net {
namespace {

Addresses look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed == EAI_SYSTEM) return tl::unexpected<std::string>(error_text(errno));  // No descriptor or memory for the question.
  if (failed != 0) return tl::unexpected<std::string>(::gai_strerror(failed));
  std::vector<SocketAddress> out;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    out.push_back(address);
  }
  ::freeaddrinfo(found);
  return out;
}

}  // namespace

Addresses known_addresses(const Url& origin) {
  if (!origin.is_unix()) {
    auto numeric = look_up(origin.host, origin.port, AI_NUMERICHOST);
    return numeric ? numeric : Addresses(std::vector<SocketAddress>{});
  }
  SocketAddress address;
  auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage);
  if (origin.socket_path.size() >= sizeof unix_address.sun_path)
    return tl::unexpected<std::string>("the socket's path is longer than " + std::to_string(sizeof unix_address.sun_path - 1) + " bytes");
  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, origin.socket_path.data(), origin.socket_path.size());
  address.size = sizeof unix_address;
  return std::vector<SocketAddress>{address};
}

void resolve(const LoopHandle& loop, const Url& origin, std::function<void(Addresses)> done) {
  try {
    std::thread([loop, host = origin.host, port = origin.port, done] {
      loop.post([done, addresses = look_up(host, port, 0)] { done(addresses); });
    }).detach();
  } catch (const std::system_error& e) {
    loop.post([done, why = std::string("no thread for the name lookup: ") + e.what()] { done(tl::unexpected<std::string>(why)); });
  }
}

}  // namespace holdfast::net
