/// @file
/// Context: what a function can do besides computing. Nothing of it happens before the call, and with it the whole batch, is completed;
/// then all of it happens, together, and once.
#pragma once

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/sdk/address.h"
#include "holdfast/sdk/egress.h"
#include "holdfast/sdk/message.h"
#include "holdfast/sdk/state.h"
#include "holdfast/sdk/type.h"

namespace holdfast::sdk {

/// A name for a delayed message, by which it can be taken back. Not empty; one that is in use is refused by Holdfast, and ends the job of
/// Flink StateFun: make it of something unique.
class CancellationToken {
 public:
  /// Throws InvalidArgument if it is empty.
  explicit CancellationToken(std::string text) : text_(std::move(text)) {
    if (text_.empty()) throw InvalidArgument("a cancellation token is empty");
  }
  /// As it travels.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// Given to a function by reference, valid until the call is completed. One thread at a time.
///
/// Whatever takes a value takes one of a standard type, of a type with a `type_of`, text, a TypedValue, a Message to pass on, or a
/// Type<T> and a T.
class Context {
 public:
  /// Private to the SDK: TestContext has one for tests.
  explicit Context(detail::Batch& batch) : batch_(batch), storage_(batch) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Who is called.
  [[nodiscard]] const Address& self() const;
  /// Who sent the message; this address itself, for a timer that it set; none if it came from an ingress.
  [[nodiscard]] std::optional<Address> caller() const;
  /// The states of the address that is called.
  [[nodiscard]] Storage& storage() noexcept { return storage_; }

  /// To another function, or to itself. Throws InvalidArgument for an address that is none.
  template <typename... Value>
  void send(AddressView target, const Value&... value) {
    with_bytes([&](std::string_view type, std::string_view bytes) { send_bytes(target, type, bytes); }, value...);
  }
  /// To the caller: for an HTTP call of Holdfast, its answer. Throws InvalidArgument if there is none.
  template <typename... Value>
  void reply(const Value&... value) {
    with_bytes([&](std::string_view type, std::string_view bytes) { reply_bytes(type, bytes); }, value...);
  }
  /// After a while, at least `delay`; zero or more.
  template <typename... Value>
  void send_after(std::chrono::milliseconds delay, AddressView target, const Value&... value) {
    with_bytes([&](std::string_view type, std::string_view bytes) { send_bytes_after(delay, target, type, bytes, {}); }, value...);
  }
  /// The same, unless cancel_delayed_message() is called with the token before.
  template <typename... Value>
  void send_after(std::chrono::milliseconds delay, const CancellationToken& token, AddressView target, const Value&... value) {
    with_bytes([&](std::string_view type, std::string_view bytes) { send_bytes_after(delay, target, type, bytes, token.text()); },
               value...);
  }
  /// Takes a delayed message back; nothing happens if there is none, or if it was delivered already.
  void cancel_delayed_message(const CancellationToken& token);

  ///@{ A record of Kafka, of Kinesis, or any value to an egress that takes it. `egress` is its id, "namespace/name".
  void send_egress(std::string_view egress, const KafkaRecord& record);
  void send_egress(std::string_view egress, const KinesisRecord& record);
  template <typename... Value>
  void send_egress(std::string_view egress, const Value&... value) {
    with_bytes([&](std::string_view type, std::string_view bytes) { send_egress_bytes(egress, type, bytes); }, value...);
  }
  ///@}

 private:
  template <typename Use>
  void with_bytes(Use use, const TypedValue& value) {
    check_type_name(value.type);
    use(value.type, value.bytes);
  }
  template <typename Use>
  void with_bytes(Use use, const Message& message) {
    use(message.type_name(), message.raw());
  }
  template <typename Use, typename T>
  void with_bytes(Use use, const Type<T>& type, const std::type_identity_t<T>& value) {
    std::string& bytes = detail::scratch(batch_);
    type.write(value, bytes);
    use(type.name(), bytes);
  }
  template <typename Use, HasType T>
  void with_bytes(Use use, const T& value) {
    with_bytes(use, type_of<T>, value);
  }
  template <typename Use, StringLike T>
  void with_bytes(Use use, const T& text) {
    if constexpr (std::is_pointer_v<T>) {
      if (text == nullptr) throw InvalidArgument("a null pointer is no text");
    }
    std::string& bytes = detail::scratch(batch_);
    detail::write_wrapped_string(text, bytes);
    use(types::string.name(), bytes);
  }
  template <typename Use, typename T>
    requires(!HasType<T> && !StringLike<T> && !std::convertible_to<const T&, const TypedValue&> && !std::convertible_to<const T&, const Message&>)
  void with_bytes(Use, const T&) {
    static_assert(HasType<T>, "values of this C++ type have no StateFun type: specialize holdfast::sdk::type_of<T>, or name a Type<T> before it");
  }

  void send_bytes(AddressView target, std::string_view type, std::string_view bytes);
  void reply_bytes(std::string_view type, std::string_view bytes);
  void send_bytes_after(std::chrono::milliseconds delay, AddressView target, std::string_view type, std::string_view bytes,
                        std::string_view token);
  void send_egress_bytes(std::string_view egress, std::string_view type, std::string_view bytes);
  static void check_type_name(std::string_view type);

  detail::Batch& batch_;
  Storage storage_;
};

}  // namespace holdfast::sdk
