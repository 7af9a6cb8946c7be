// UTF-8: what protobuf strings and JSON texts must be.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::codec {

// Well-formed by Unicode 15 table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view bytes);

// Length of the well-formed sequence that begins at `at`, which is inside `bytes`; 0: there is none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view bytes, std::size_t at);

// UTF-8 that a terminal can take: no control characters but tab, newline and carriage return.
[[nodiscard]] bool is_text(std::string_view bytes);

// At most `bytes_max` of something from outside, for an error message: what a line of a log cannot hold becomes "\xNN",
// and "..." says that there is more.
[[nodiscard]] std::string excerpt(std::string_view bytes, std::size_t bytes_max = 120);

}  // namespace holdfast::codec
