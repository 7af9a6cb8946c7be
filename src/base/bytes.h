// Big-endian integers and length-prefixed strings in byte strings: the alphabet of our own row and log formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

template <typename Int>
inline void append_be(std::string& out, Int value) {
  using U = std::make_unsigned_t<Int>;
  auto v = static_cast<U>(value);
  char buffer[sizeof(U)];
  for (std::size_t i = sizeof(U); i-- > 0;) {
    buffer[i] = static_cast<char>(v & 0xff);
    if constexpr (sizeof(U) > 1) v = static_cast<U>(v >> 8);
  }
  out.append(buffer, sizeof(U));
}

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void append_string(std::string& out, std::string_view value) {
  append_varint(out, value.size());
  out.append(value);
}

// Reads what the functions above wrote. After the first short or malformed read `ok()` is false and stays so, and every
// read gives zero or empty: check once, at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename Int>
  Int be() {
    using U = std::make_unsigned_t<Int>;
    if (rest_.size() < sizeof(U)) return broken<Int>();
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) v = v << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof(U));
    return static_cast<Int>(v);
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return broken<std::uint64_t>();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return broken<std::uint64_t>();
  }
  std::string_view bytes(std::size_t count) {
    if (rest_.size() < count) return broken<std::string_view>();
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }
  std::string_view string() { return bytes(static_cast<std::size_t>(varint())); }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  template <typename T>
  T broken() {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace holdfast
