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
  /// Of a type's name and a value's bytes that stay.
  constexpr Message(std::string_view type_name, std::string_view bytes) : type_name_(type_name), bytes_(bytes) {}

  /// "io.statefun.types/string", say.
  [[nodiscard]] constexpr std::string_view type_name() const noexcept { return type_name_; }
  /// The value's bytes, as they came.
  [[nodiscard]] constexpr std::string_view raw() const noexcept { return bytes_; }

  ///@{ Whether it is of this type, by its name.
  template <typename T>
  [[nodiscard]] constexpr bool is(const Type<T>& type) const noexcept {
    return type_name_ == type.name();
  }
  template <HasType T>
  [[nodiscard]] constexpr bool is() const noexcept {
    return is(type_of<T>);
  }
  ///@}
  ///@{ The value. Throws WrongType if it is of another type, or its bytes are none of this one.
  template <typename T>
  [[nodiscard]] T as(const Type<T>& type) const {
    if (!is(type)) throw WrongType("the message is a " + std::string(type_name_) + ", not a " + std::string(type.name()));
    return type.read(bytes_);
  }
  template <HasType T>
  [[nodiscard]] T as() const {
    return as(type_of<T>);
  }
  ///@}
  ///@{ The value; none if it is of another type.
  template <typename T>
  [[nodiscard]] std::optional<T> try_as(const Type<T>& type) const {
    if (!is(type)) return std::nullopt;
    return type.read(bytes_);
  }
  template <HasType T>
  [[nodiscard]] std::optional<T> try_as() const {
    return try_as(type_of<T>);
  }
  ///@}
  /// A copy to keep.
  [[nodiscard]] TypedValue typed() const { return {std::string(type_name_), std::string(bytes_)}; }

 private:
  std::string_view type_name_;
  std::string_view bytes_;
};

/// A copy to keep.
[[nodiscard]] inline TypedValue typed(const Message& message) { return message.typed(); }

}  // namespace holdfast::sdk
