/// @file
/// Message: what a function is called with.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/sdk/error.h"
#include "holdfast/sdk/type.h"

namespace holdfast::sdk {

/// A value and the name of its type. Borrowed: valid until the call is completed; `typed()` makes a copy that stays.
class Message {
 public:
  constexpr Message(std::string_view type_name, std::string_view bytes) : type_name_(type_name), bytes_(bytes) {}

  [[nodiscard]] constexpr std::string_view type_name() const noexcept { return type_name_; }
  /// The value's bytes, as they came.
  [[nodiscard]] constexpr std::string_view raw() const noexcept { return bytes_; }

  template <typename T>
  [[nodiscard]] constexpr bool is(const Type<T>& type) const noexcept {
    return type_name_ == type.name();
  }
  template <HasType T>
  [[nodiscard]] constexpr bool is() const noexcept {
    return is(type_of<T>);
  }
  /// Throws WrongType if it is of another type, or its bytes are none of this one.
  template <typename T>
  [[nodiscard]] T as(const Type<T>& type) const {
    if (!is(type)) throw WrongType("the message is a " + std::string(type_name_) + ", not a " + std::string(type.name()));
    return type.read(bytes_);
  }
  template <HasType T>
  [[nodiscard]] T as() const {
    return as(type_of<T>);
  }
  /// None if it is of another type.
  template <typename T>
  [[nodiscard]] std::optional<T> try_as(const Type<T>& type) const {
    if (!is(type)) return std::nullopt;
    return type.read(bytes_);
  }
  template <HasType T>
  [[nodiscard]] std::optional<T> try_as() const {
    return try_as(type_of<T>);
  }
  [[nodiscard]] TypedValue typed() const { return {std::string(type_name_), std::string(bytes_)}; }

 private:
  std::string_view type_name_;
  std::string_view bytes_;
};

[[nodiscard]] inline TypedValue typed(const Message& message) { return message.typed(); }

}  // namespace holdfast::sdk
