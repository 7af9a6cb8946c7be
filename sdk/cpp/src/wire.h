// The protobuf wire format, as much of it as requests and answers need: a reader of fields that borrows, and appending.
//
// Reading is as libprotobuf's: unknown fields, and known ones with another wire type, are skipped, the last of several wins. Groups, which
// no proto3 message has, are refused, and so is text that is no UTF-8. What is malformed throws MalformedRequest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "holdfast/sdk/error.h"
#include "utf8.h"

namespace holdfast::sdk::detail::wire {

enum class Kind : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool next() {
    if (at_ == end_) return false;
    const std::uint64_t tag = varint();
    if (tag >> 3 == 0 || tag > UINT32_MAX) throw MalformedRequest("a tag that no field has");
    field_ = static_cast<std::uint32_t>(tag >> 3);
    kind_ = static_cast<Kind>(tag & 7);
    switch (kind_) {
      case Kind::Varint:
        number_ = varint();
        return true;
      case Kind::Fixed64:
        number_ = fixed<std::uint64_t>();
        return true;
      case Kind::Fixed32:
        number_ = fixed<std::uint32_t>();
        return true;
      case Kind::Bytes: {
        const std::uint64_t size = varint();
        if (size > left()) throw MalformedRequest("a length beyond the end, in field " + std::to_string(field_));
        bytes_ = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
      }
    }
    throw MalformedRequest("a wire type that proto3 does not have, in field " + std::to_string(field_));
  }
  [[nodiscard]] bool is(std::uint32_t field, Kind kind) const { return field_ == field && kind_ == kind; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] std::string_view text() const {
    if (!is_utf8(bytes_)) throw MalformedRequest("text that is no UTF-8, in field " + std::to_string(field_));
    return bytes_;
  }

 private:
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) throw MalformedRequest("a number that ends in the middle");
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    throw MalformedRequest("a number of more than ten bytes");
  }
  template <typename Number>
  Number fixed() {
    if (left() < sizeof(Number)) throw MalformedRequest("a number that ends in the middle");
    Number value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value |= Number{static_cast<unsigned char>(at_[i])} << (8 * i);
    at_ += sizeof value;
    return value;
  }

  const char* at_;
  const char* end_;
  std::uint32_t field_ = 0;
  Kind kind_ = Kind::Varint;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
};

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void append_tag(std::string& out, std::uint32_t field, Kind kind) {
  append_varint(out, field << 3 | static_cast<std::uint32_t>(kind));
}
inline void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_tag(out, field, Kind::Varint);
  append_varint(out, value);
}
// The head of a field whose `size` bytes follow.
inline void append_head(std::string& out, std::uint32_t field, std::size_t size) {
  append_tag(out, field, Kind::Bytes);
  append_varint(out, size);
}
inline void append_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  append_head(out, field, bytes.size());
  out.append(bytes);
}
// Nothing when empty: proto3 leaves defaults out.
inline void append_string(std::string& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) append_bytes(out, field, text);
}

// Of a field below 16 with so many bytes.
[[nodiscard]] constexpr std::size_t field_size(std::size_t bytes) { return 1 + varint_size(bytes) + bytes; }
[[nodiscard]] constexpr std::size_t string_size(std::string_view text) { return text.empty() ? 0 : field_size(text.size()); }

}  // namespace holdfast::sdk::detail::wire
