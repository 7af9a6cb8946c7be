// The wrapper messages of io.statefun.sdk.types, and what people see of values: JSON for what can be shown, and text
// taken back in.
//
// Every wrapper is a message with one field, number 1; a default (0, false, "") is no bytes at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/message.h"

namespace holdfast::codec {

// Ours, for values that come in over HTTP without a StateFun type: the bytes as they came.
inline constexpr std::string_view kJsonType = "holdfast.types/json";
inline constexpr std::string_view kBytesType = "holdfast.types/bytes";

[[nodiscard]] std::string encode_bool(bool value);
[[nodiscard]] std::string encode_int(std::int32_t value);
[[nodiscard]] std::string encode_long(std::int64_t value);
[[nodiscard]] std::string encode_float(float value);
[[nodiscard]] std::string encode_double(double value);
[[nodiscard]] std::string encode_string(std::string_view value);  // Must be UTF-8 for functions to read it.

[[nodiscard]] Result<bool> decode_bool(std::string_view bytes);
[[nodiscard]] Result<std::int32_t> decode_int(std::string_view bytes);
[[nodiscard]] Result<std::int64_t> decode_long(std::string_view bytes);
[[nodiscard]] Result<float> decode_float(std::string_view bytes);
[[nodiscard]] Result<double> decode_double(std::string_view bytes);
[[nodiscard]] Result<std::string> decode_string(std::string_view bytes);

// Whether bytes are a StringWrapper as an encoder writes it: nothing, or one string and no more.
[[nodiscard]] bool is_string_wrapper(std::string_view bytes);

[[nodiscard]] bool is_standard_type(std::string_view type_name);

// How a value is shown.
enum class DisplayForm : std::uint8_t {
  None,      // There is no value: null.
  Standard,  // Of a standard type: a JSON number, true or false, or a string. NaN and infinities are strings.
  Json,      // The bytes are JSON: they themselves, without white space between tokens (so: one line).
  Text,      // The bytes are UTF-8 text: a JSON string.
  Base64,    // Anything else, and wrappers that do not parse: a JSON string in base64.
};
struct Display {
  std::string json;  // Always one valid JSON value on one line.
  DisplayForm form = DisplayForm::None;
};
[[nodiscard]] Display display(std::string_view type_name, std::string_view value);
[[nodiscard]] Display display(const model::TypedValue& value);
[[nodiscard]] std::string_view display_form_name(DisplayForm form);  // "none", "standard", "json", "text", "base64"

// A string as JSON, quoted and escaped. What is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string quote_json(std::string_view text);

// Whether the bytes are one JSON value (RFC 8259).
[[nodiscard]] bool is_json(std::string_view bytes);

// Bytes of a value that somebody typed: wrapped for the standard types ("7", "true", "1.5", any UTF-8 for string), checked
// for types that say they are JSON ("…/json"), as they are for all others.
[[nodiscard]] Result<std::string> encode_from_text(std::string_view type_name, std::string_view text);

}  // namespace holdfast::codec
