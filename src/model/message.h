// Message and TypedValue: what is said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/address.h"

namespace holdfast::model {

// Bytes with a type. A zero-length value is a value (many StateFun types encode their default as no bytes at all), so
// presence is a field of its own.
struct TypedValue {
  std::string type_name;
  std::string value;
  bool has_value = true;
  bool operator==(const TypedValue&) const = default;
};

struct Message {
  Address target;
  std::optional<Address> caller;  // None when it came from an ingress.
  TypedValue argument;
  std::string traceparent;  // W3C trace context, empty when there is none. Travels with everything it causes.
  bool operator==(const Message&) const = default;
};

// What one message is charged against the bounds on mailboxes and epochs.
[[nodiscard]] inline std::size_t size_in_memory(const Message& m) {
  return sizeof(Message) + m.target.type.size() + m.target.id.size() + m.argument.type_name.size() +
         m.argument.value.size() + m.traceparent.size() + (m.caller ? m.caller->type.size() + m.caller->id.size() : 0);
}

// One record of a stream (an egress topic that Holdfast keeps itself).
struct StreamRecord {
  std::string key;      // Empty: none.
  TypedValue value;
  std::string source;   // "namespace/name/id" of the address that emitted it; empty for records from elsewhere.
  std::string error;    // Why a message ended here, for dead letters; else empty.
  std::string traceparent;
  Instant time;         // When it was appended.
  bool has_empty_key = false;  // `key` is empty, and there: of records from elsewhere, which become messages to the empty id.
  bool operator==(const StreamRecord&) const = default;
};

// The types with a wrapper message in io.statefun.sdk.types.
inline constexpr std::string_view kBoolType = "io.statefun.types/bool";
inline constexpr std::string_view kIntType = "io.statefun.types/int";
inline constexpr std::string_view kFloatType = "io.statefun.types/float";
inline constexpr std::string_view kLongType = "io.statefun.types/long";
inline constexpr std::string_view kDoubleType = "io.statefun.types/double";
inline constexpr std::string_view kStringType = "io.statefun.types/string";

}  // namespace holdfast::model
