// How an address is written on the command line.
//
//   namespace/name/id        the type is the part up to the second slash; the id is all the rest, slashes, colons and nothing included
//   ::namespace/name::id     the type is the part up to the next "::", for namespaces that hold slashes themselves
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/address.h"

namespace holdfast::cli {

[[nodiscard]] Result<model::Address> parse_address_argument(std::string_view text);
// As parse_address_argument() takes it back.
[[nodiscard]] std::string show_address(std::string_view type, std::string_view id);
// "/{namespace}/{name}/{id}", percent-encoded.
[[nodiscard]] std::string address_path(const model::Address& address);

}  // namespace holdfast::cli
