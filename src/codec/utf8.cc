#include "codec/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace holdfast::codec {

namespace {

unsigned byte_at(std::string_view s, std::size_t i) { return static_cast<unsigned char>(s[i]); }

}  // namespace

std::size_t utf8_sequence(std::string_view s, std::size_t i) {
  const unsigned first = byte_at(s, i);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80, high = 0xbf;  // Bounds of the second byte; the later ones are always 80..BF.
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (s.size() - i < length || byte_at(s, i + 1) < low || byte_at(s, i + 1) > high) return 0;
  for (std::size_t k = 2; k < length; ++k)
    if ((byte_at(s, i + k) & 0xc0) != 0x80) return 0;
  return length;
}

bool is_utf8(std::string_view bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    while (bytes.size() - i >= 8) {  // Names, ids and JSON are mostly ASCII: eight at a time.
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, 8);
      if ((word & 0x8080808080808080u) != 0) break;
      i += 8;
    }
    if (i == bytes.size()) break;
    if (byte_at(bytes, i) < 0x80) {
      ++i;
      continue;
    }
    const auto length = utf8_sequence(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool is_text(std::string_view bytes) {
  return is_utf8(bytes) && std::none_of(bytes.begin(), bytes.end(), [](char c) {
           const auto u = static_cast<unsigned char>(c);
           return (u < 0x20 && c != '\t' && c != '\n' && c != '\r') || u == 0x7f;
         });
}

std::string excerpt(std::string_view bytes, std::size_t bytes_max) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  std::size_t i = 0;
  while (i < bytes.size()) {
    const auto length = utf8_sequence(bytes, i);
    const auto u = byte_at(bytes, i);
    if (i + std::max<std::size_t>(length, 1) > bytes_max) {
      out += "...";
      break;
    }
    if (length == 0 || u < 0x20 || u == 0x7f) {
      out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
      ++i;
    } else {
      out.append(bytes.substr(i, length));
      i += length;
    }
  }
  return out;
}

}  // namespace holdfast::codec
