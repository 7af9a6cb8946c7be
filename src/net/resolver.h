// Names to socket addresses. A lookup blocks for as long as the system's resolver likes, so each runs on a thread of its own,
// which nobody waits for: its result goes to the loop, or nowhere if the loop is gone. For net/ only.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "net/event_loop.h"
#include "net/url.h"

namespace holdfast::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
using Addresses = tl::expected<std::vector<SocketAddress>, std::string>;

// For a unix socket or a numeric host: the address, without asking anybody. Empty for a name.
[[nodiscard]] Addresses known_addresses(const Url& origin);
// `done` runs on the loop, later.
void resolve(const LoopHandle& loop, const Url& origin, std::function<void(Addresses)> done);

}  // namespace holdfast::net
