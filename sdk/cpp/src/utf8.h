// UTF-8, which texts of the protocol must be: runtimes refuse a message that holds another one, and the message would be tried for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "holdfast/sdk/error.h"

namespace holdfast::sdk::detail {

// Well-formed by table 3-7 of Unicode: nothing overlong, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] bool is_utf8_beyond_ascii(std::string_view text);

// Names and ids are ASCII nearly always: eight bytes at a time.
[[nodiscard]] inline bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080u;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & kHighBits) != 0) return is_utf8_beyond_ascii(text.substr(i));
  }
  unsigned char seen = 0;
  for (std::size_t j = i; j < text.size(); ++j) seen |= static_cast<unsigned char>(text[j]);
  return seen < 0x80 || is_utf8_beyond_ascii(text.substr(i));
}

// Of something that is about to be sent. `what` goes into the message: "the id of a message's target is no UTF-8: 62 6f ff".
[[noreturn]] void throw_no_utf8(const char* what, std::string_view text);
inline void check_utf8(const char* what, std::string_view text) {
  if (!is_utf8(text)) throw_no_utf8(what, text);
}

}  // namespace holdfast::sdk::detail
