// What a server has to know of a request before its function runs: for which function it is, and how many messages it has. Everything else
// is the handler's.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace holdfast::sdk::server {

struct RequestHead {
  std::string_view space;  // Borrowed from the request.
  std::string_view name;
  std::size_t messages = 0;
};

// Nothing if it makes no sense: the handler, which reads all of it, says why.
[[nodiscard]] std::optional<RequestHead> read_head(std::string_view request);

}  // namespace holdfast::sdk::server
