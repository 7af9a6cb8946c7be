// Descriptors: how many files and sockets the process may have open, and who gets how many of them, so that connections never take
// those that log and view need.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace holdfast::app {

struct DescriptorShares {
  std::size_t view_files = 0;            // Of the view, open at once.
  std::size_t gateway_connections = 0;   // Gateway and playground together.
  std::size_t admin_connections = 0;
  std::size_t function_connections = 0;  // To all endpoints together.
};

// Raises the limit of the process (RLIMIT_NOFILE) as far as the system lets it, and answers what it is then.
[[nodiscard]] std::size_t raise_descriptor_limit();

// `edges`: ingresses and egresses with clients of their own. Invalid: so few that nothing would work.
[[nodiscard]] Result<DescriptorShares> share_descriptors(std::size_t limit, std::uint16_t shards, std::size_t edges);

}  // namespace holdfast::app
