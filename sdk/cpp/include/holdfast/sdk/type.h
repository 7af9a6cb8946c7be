/// @file
/// Types of values: a name that every language knows it by, and how its values become bytes.
///
/// The standard ones are those of StateFun and go with their C++ types by themselves (bool, std::int32_t, std::int64_t, float, double,
/// std::string). Others are made by json_type, protobuf_type or custom_type. Tell the SDK which type is meant by default, and values
/// can be sent, stored and read without naming it again:
///
///     struct Login { std::string user; };
///     NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Login, user)
///     template <>
///     inline constexpr auto holdfast::sdk::type_of<Login> = holdfast::sdk::json_type<Login, nlohmann::json>("example/Login");
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "holdfast/sdk/address.h"
#include "holdfast/sdk/error.h"

namespace holdfast::sdk {

/// How values of T are named and written. A plain value; make it `constexpr` where its name is a literal.
template <typename T>
class Type {
 public:
  using Write = void (*)(const T& value, std::string& out);  ///< Appends the value's bytes.
  using Read = T (*)(std::string_view bytes);                ///< Throws (anything) if they are none.

  /// json_type, protobuf_type, custom_type and bytes_type say it better.
  constexpr Type(TypeName name, Write write, Read read) : name_(name), write_(write), read_(read) {}

  /// "namespace/name".
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  /// Appends the value's bytes.
  void write(const T& value, std::string& out) const { write_(value, out); }
  /// Throws WrongType, with the reason, if the bytes are no value of this type.
  [[nodiscard]] T read(std::string_view bytes) const {
    try {
      return read_(bytes);
    } catch (const std::exception& error) {
      throw WrongType(std::to_string(bytes.size()) + " bytes are no " + std::string(name()) + ": " + error.what());
    }
  }

 private:
  TypeName name_;
  Write write_;
  Read read_;
};

namespace detail {

// StateFun's standard types are protobuf messages with one field, number 1; a default value is no bytes at all.
void write_wrapped_bool(bool value, std::string& out);
void write_wrapped_fixed32(std::uint32_t bits, std::string& out);
void write_wrapped_fixed64(std::uint64_t bits, std::string& out);
void write_wrapped_string(std::string_view value, std::string& out);
[[nodiscard]] bool read_wrapped_bool(std::string_view bytes);
[[nodiscard]] std::uint32_t read_wrapped_fixed32(std::string_view bytes);
[[nodiscard]] std::uint64_t read_wrapped_fixed64(std::string_view bytes);
[[nodiscard]] std::string_view read_wrapped_string(std::string_view bytes);

template <typename T>
constexpr Type<T> fixed_type(TypeName name) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static_assert(sizeof(T) == sizeof(Bits));
  return Type<T>(
      name,
      [](const T& value, std::string& out) {
        if constexpr (sizeof(T) == 4) write_wrapped_fixed32(std::bit_cast<Bits>(value), out);
        else write_wrapped_fixed64(std::bit_cast<Bits>(value), out);
      },
      [](std::string_view bytes) {
        if constexpr (sizeof(T) == 4) return std::bit_cast<T>(read_wrapped_fixed32(bytes));
        else return std::bit_cast<T>(read_wrapped_fixed64(bytes));
      });
}

struct NoType {};

template <typename T>
constexpr auto declared_type() {
  if constexpr (requires { T::kType.name(); }) return T::kType;
  else return NoType{};
}

}  // namespace detail

/// The standard types, under the names all SDKs share.
namespace types {
///@{ StateFun's, each a protobuf message around its value.
inline constexpr Type<bool> boolean{
    "io.statefun.types/bool", [](const bool& value, std::string& out) { detail::write_wrapped_bool(value, out); },
    [](std::string_view bytes) { return detail::read_wrapped_bool(bytes); }};
inline constexpr Type<std::int32_t> int32 = detail::fixed_type<std::int32_t>("io.statefun.types/int");
inline constexpr Type<std::int64_t> int64 = detail::fixed_type<std::int64_t>("io.statefun.types/long");
inline constexpr Type<float> float32 = detail::fixed_type<float>("io.statefun.types/float");
inline constexpr Type<double> float64 = detail::fixed_type<double>("io.statefun.types/double");
inline constexpr Type<std::string> string{
    "io.statefun.types/string", [](const std::string& value, std::string& out) { detail::write_wrapped_string(value, out); },
    [](std::string_view bytes) { return std::string(detail::read_wrapped_string(bytes)); }};
///@}
}  // namespace types

/// The type that values of T have unless another one is named. Specialize it for your own types, or give them a static member
/// `kType`; both hold a Type<T>.
template <typename T>
inline constexpr auto type_of = detail::declared_type<T>();
/// @cond
template <>
inline constexpr auto type_of<bool> = types::boolean;
template <>
inline constexpr auto type_of<std::int32_t> = types::int32;
template <>
inline constexpr auto type_of<std::int64_t> = types::int64;
template <>
inline constexpr auto type_of<float> = types::float32;
template <>
inline constexpr auto type_of<double> = types::float64;
template <>
inline constexpr auto type_of<std::string> = types::string;
/// @endcond

/// Whether values of T can be sent, stored and read without naming their type.
template <typename T>
concept HasType = !std::same_as<std::remove_cvref_t<decltype(type_of<T>)>, detail::NoType>;

/// Text that is a value of `io.statefun.types/string` without being a std::string.
template <typename T>
concept StringLike =
    std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::string> && !std::same_as<T, std::nullptr_t> && !HasType<T>;

/// JSON by any library whose value class `Json` is used like nlohmann::json: constructed from a T, `dump()`, `Json::parse(text)`,
/// `get<T>()`. This header needs none itself.
template <typename T, typename Json>
[[nodiscard]] constexpr Type<T> json_type(TypeName name) {
  return Type<T>(
      name, [](const T& value, std::string& out) { out += Json(value).dump(); },
      [](std::string_view bytes) { return Json::parse(bytes.begin(), bytes.end()).template get<T>(); });
}

namespace detail {
template <typename M>
void write_protobuf(const M& message, std::string& out) {
  if (!message.AppendToString(&out)) throw InvalidArgument("a protobuf message lacks required fields");
}
template <typename M>
M read_protobuf(std::string_view bytes) {
  M message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) throw WrongType("protobuf cannot read it");
  return message;
}
}  // namespace detail

/// A protobuf message under a name of your own. Needs no header of protobuf but the one of M.
template <typename M>
[[nodiscard]] constexpr Type<M> protobuf_type(TypeName name) {
  return Type<M>(name, detail::write_protobuf<M>, detail::read_protobuf<M>);
}

/// A protobuf message under the name that Python and Go give it: "type.googleapis.com/" and its full name.
template <typename M>
[[nodiscard]] Type<M> protobuf_type() {
  static const std::string name = "type.googleapis.com/" + std::string(M::descriptor()->full_name());
  return protobuf_type<M>(TypeName::checked(name));
}

/// Any type, by two functions without captures.
///
///     constexpr auto kPoint = sf::custom_type<Point>("example/Point",
///         [](const Point& p, std::string& out) { … }, [](std::string_view bytes) -> Point { … });
template <typename T>
[[nodiscard]] constexpr Type<T> custom_type(TypeName name, typename Type<T>::Write write, typename Type<T>::Read read) {
  return Type<T>(name, write, read);
}

/// Bytes as they are, under a name of your own: a message that is only passed on, or read by somebody else.
[[nodiscard]] constexpr Type<std::string> bytes_type(TypeName name) {
  return Type<std::string>(
      name, [](const std::string& value, std::string& out) { out += value; }, [](std::string_view bytes) { return std::string(bytes); });
}

/// A value with the name of its type, as it travels.
struct TypedValue {
  std::string type;   ///< Name of its type.
  std::string bytes;  ///< As the type writes them.

  ///@{ The value. Throws WrongType if it is of another type, or its bytes are none of this one.
  template <typename T>
  [[nodiscard]] T as(const Type<T>& wanted) const {
    if (type != wanted.name()) throw WrongType("the value is a " + type + ", not a " + std::string(wanted.name()));
    return wanted.read(bytes);
  }
  template <HasType T>
  [[nodiscard]] T as() const {
    return as(type_of<T>);
  }
  ///@}

  friend bool operator==(const TypedValue&, const TypedValue&) = default;
};

///@{ A value to keep or to compare with: from whatever Context::send takes.
template <typename T>
[[nodiscard]] TypedValue typed(const Type<T>& type, const std::type_identity_t<T>& value) {
  TypedValue out{std::string(type.name()), {}};
  type.write(value, out.bytes);
  return out;
}

template <HasType T>
[[nodiscard]] TypedValue typed(const T& value) {
  return typed(type_of<T>, value);
}

[[nodiscard]] inline TypedValue typed(TypedValue value) { return value; }
[[nodiscard]] inline TypedValue typed(std::string_view text) {
  TypedValue out{std::string(types::string.name()), {}};
  detail::write_wrapped_string(text, out.bytes);
  return out;
}
///@}

}  // namespace holdfast::sdk
