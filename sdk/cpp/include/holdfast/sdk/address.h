/// @file
/// Names of types ("namespace/name") and addresses of functions (a type and an id).
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "holdfast/sdk/error.h"

namespace holdfast::sdk {

/// A namespace and a name, at least one character each, with '/' between them. The last '/' counts, as in all StateFun SDKs.
[[nodiscard]] constexpr bool is_type_name(std::string_view text) noexcept {
  const auto slash = text.rfind('/');
  return slash != std::string_view::npos && slash != 0 && slash + 1 != text.size();
}

/// A type name that is written down in the program: anything but "namespace/name" does not compile.
///
///     constexpr sf::TypeName kMailer{"shop/mailer"};
///     ctx.send({kMailer, "bob"}, "you have mail");
class TypeName {
 public:
  /// From a literal.
  template <std::size_t N>
  consteval TypeName(const char (&text)[N]) : text_(text, N - 1) {  // NOLINT(google-explicit-constructor): a literal is a type name.
    if (!is_type_name(text_)) throw InvalidArgument("a type name is \"namespace/name\"");
  }
  /// Of text that outlives the program's use of it.
  [[nodiscard]] static TypeName checked(std::string_view text) {
    if (!is_type_name(text)) throw InvalidArgument("type name '" + std::string(text) + "': expected namespace/name");
    return TypeName(text, 0);
  }
  ///@{ "namespace/name".
  constexpr operator std::string_view() const noexcept { return text_; }  // NOLINT(google-explicit-constructor)
  operator std::string() const { return std::string(text_); }             // NOLINT(google-explicit-constructor)
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
  ///@}

 private:
  TypeName(std::string_view text, int) : text_(text) {}
  std::string_view text_;
};

/// Which function: a type, "namespace/name", and the id of one of its instances.
struct Address {
  std::string type;  ///< "namespace/name".
  std::string id;    ///< May be empty, which is an id like any other.

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;
};

/// "shop/mailer/bob".
[[nodiscard]] inline std::string to_string(const Address& address) { return address.type + "/" + address.id; }

/// An address to send to, borrowed for the call: from an Address, or from its parts without a copy.
struct AddressView {
  std::string_view type;  ///< "namespace/name".
  std::string_view id;    ///< May be empty.

  /// From its parts: `ctx.send({"shop/mailer", name}, …)`.
  constexpr AddressView(std::string_view function_type, std::string_view function_id) : type(function_type), id(function_id) {}
  /// Of an address that stays.
  AddressView(const Address& address) : type(address.type), id(address.id) {}  // NOLINT(google-explicit-constructor)
};

}  // namespace holdfast::sdk

/// @cond
// Addresses are keys of unordered containers, too.
template <>
struct std::hash<holdfast::sdk::Address> {
  std::size_t operator()(const holdfast::sdk::Address& address) const noexcept {
    const std::hash<std::string_view> hash;
    return hash(address.type) * 31 + hash(address.id);
  }
};
/// @endcond
