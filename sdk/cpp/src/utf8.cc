#include "utf8.h"

#include <algorithm>

namespace holdfast::sdk::detail {

namespace {

// Of the well-formed sequence that `text` begins with; 0: there is none.
std::size_t sequence_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < size) return 0;
  // Where the second byte begins and ends to mean something is what excludes overlong forms, surrogates and what is too large.
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  return size;
}

}  // namespace

bool is_utf8_beyond_ascii(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void throw_no_utf8(const char* what, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  constexpr std::size_t kShown = 32;
  std::string message = std::string(what) + " is no UTF-8:";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    message.append(1, ' ').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  if (text.size() > kShown) message += " and " + std::to_string(text.size() - kShown) + " bytes more";
  throw InvalidArgument(message);
}

}  // namespace holdfast::sdk::detail
