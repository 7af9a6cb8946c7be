// Base64 (RFC 4648, section 4): standard alphabet, padded.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

[[nodiscard]] std::string to_base64(std::string_view bytes);

// Refuses other characters (line breaks too), missing padding, and padding bits that are not zero.
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace holdfast
