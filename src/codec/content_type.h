// What an HTTP body means as a value, and back.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/message.h"

namespace holdfast::codec {

inline constexpr std::string_view kVendorPrefix = "application/vnd.";

// The playground's rule: application/vnd.<ns>/<name> names the type and the body is the value's bytes; anything else is
// io.statefun.types/string. There the playground takes the body for the bytes of the wrapper message, which no function can
// read when somebody just typed text; so a body that is no such message is wrapped. Never fails, as there.
[[nodiscard]] model::TypedValue value_of_playground_body(std::string_view content_type, std::string body);

// Our API's rule.
//   X-Value-Type given: that type. A text/plain or application/json body of a standard type is taken as text and wrapped;
//                       otherwise the body is the value's bytes.
//   text/plain: io.statefun.types/string, wrapped.          application/json, …+json: holdfast.types/json, checked.
//   application/vnd.<ns>/<name>: that type, bytes as is.    application/octet-stream: holdfast.types/bytes.
// Anything else, or nothing at all, is refused: a type that was guessed is worse than one more header.
[[nodiscard]] Result<model::TypedValue> value_of_body(std::string_view content_type, std::string_view value_type,
                                                      std::string body);

// How our API gives a value to a client: with the header x-value-type beside it, value_of_body() makes it the same value again.
// Standard types come as text or JSON, all others as their bytes.
struct ValueBody {
  std::string content_type;
  std::string body;
};
[[nodiscard]] ValueBody body_of_value(const model::TypedValue& value);

}  // namespace holdfast::codec
