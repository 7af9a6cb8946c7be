#include "cli/address_argument.h"

#include <algorithm>

#include "net/http_message.h"

namespace holdfast::cli {

Result<model::Address> parse_address_argument(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::Invalid, "expected an address as namespace/name/id (or ::type::id), got \"" + std::string(text) + "\"");
  };
  model::Address address;
  if (text.starts_with("::")) {
    const auto colons = text.find("::", 2);
    if (colons == std::string_view::npos) return wrong();
    address = {std::string(text.substr(2, colons - 2)), std::string(text.substr(colons + 2))};
  } else {
    const auto first = text.find('/');
    const auto second = first == std::string_view::npos ? first : text.find('/', first + 1);
    if (second == std::string_view::npos) return wrong();
    address = {std::string(text.substr(0, second)), std::string(text.substr(second + 1))};
  }
  const auto parts = model::split_type(address.type);
  if (parts.ns.empty() || parts.name.empty()) return wrong();
  return address;
}

std::string show_address(std::string_view type, std::string_view id) {
  const bool plain = std::count(type.begin(), type.end(), '/') == 1;
  return (plain ? "" : "::") + std::string(type) + (plain ? "/" : "::") + std::string(id);
}

std::string address_path(const model::Address& address) {
  const auto parts = model::split_type(address.type);
  return "/" + net::percent_encode(parts.ns) + "/" + net::percent_encode(parts.name) + "/" + net::percent_encode(address.id);
}

}  // namespace holdfast::cli
