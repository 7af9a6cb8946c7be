// Requests as a runtime writes them, for tests of what is below TestContext.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/sdk/address.h"
#include "holdfast/sdk/type.h"
#include "wire.h"

namespace holdfast::sdk {

class Request {
 public:
  explicit Request(const Address& target) { detail::wire::append_bytes(batch_, 1, address(target)); }

  // Known to the runtime, and empty.
  Request& state(std::string_view name) { return state(name, std::nullopt); }
  Request& state(std::string_view name, const std::optional<TypedValue>& value) {
    std::string out;
    detail::wire::append_string(out, 1, name);
    if (value) detail::wire::append_bytes(out, 2, typed_value(*value));
    detail::wire::append_bytes(batch_, 2, out);
    return *this;
  }
  Request& message(const TypedValue& value, const std::optional<Address>& caller = std::nullopt) {
    std::string out;
    if (caller) detail::wire::append_bytes(out, 1, address(*caller));
    detail::wire::append_bytes(out, 2, typed_value(value));
    detail::wire::append_bytes(batch_, 3, out);
    return *this;
  }
  [[nodiscard]] std::string bytes() const {
    std::string out;
    detail::wire::append_bytes(out, 100, batch_);
    return out;
  }

 private:
  static std::string address(const Address& from) {
    const auto slash = from.type.rfind('/');
    std::string out;
    detail::wire::append_string(out, 1, std::string_view(from.type).substr(0, slash));
    detail::wire::append_string(out, 2, std::string_view(from.type).substr(slash + 1));
    detail::wire::append_string(out, 3, from.id);
    return out;
  }
  static std::string typed_value(const TypedValue& from) {
    std::string out;
    detail::wire::append_string(out, 1, from.type);
    detail::wire::append_number(out, 2, 1);
    detail::wire::append_string(out, 3, from.bytes);
    return out;
  }

  std::string batch_;
};

// What an expression throws, as text: "" if it throws nothing.
template <typename Error, typename Code>
[[nodiscard]] std::string thrown(const Code& code) {
  try {
    code();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace holdfast::sdk
