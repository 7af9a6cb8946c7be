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

// Little endian, wherever this runs.
template <typename Number>
[[nodiscard]] inline Number fixed_at(const char* bytes) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= Number{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

// What is rare is kept out of the reader, which is inlined where it is used. They throw MalformedRequest.
[[noreturn]] void refuse(const char* why);
[[noreturn]] void refuse(const char* why, std::uint32_t field);
struct LongVarint {
  std::uint64_t value = 0;
  const char* end = nullptr;
};
[[nodiscard]] LongVarint read_long_varint(const char* begin, const char* end);

enum class Kind : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool next() {
    if (at_ == end_) return false;
    const std::uint64_t tag = varint();
    if (tag >> 3 == 0 || tag > UINT32_MAX) refuse("a tag that no field has");
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
        if (size > left()) refuse("a length beyond the end", field_);
        bytes_ = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
      }
    }
    refuse("a wire type that proto3 does not have", field_);
  }
  [[nodiscard]] std::uint32_t field() const { return field_; }
  [[nodiscard]] bool is(std::uint32_t field, Kind kind) const { return field_ == field && kind_ == kind; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] std::string_view text() const {
    if (!is_utf8(bytes_)) refuse("text that is no UTF-8", field_);
    return bytes_;
  }

 private:
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  // Tags and lengths are a single byte nearly always.
  std::uint64_t varint() {
    if (at_ != end_ && static_cast<signed char>(*at_) >= 0) return static_cast<unsigned char>(*at_++);
    return long_varint();
  }
  std::uint64_t long_varint() {
    const LongVarint out = read_long_varint(at_, end_);
    at_ = out.end;
    return out.value;
  }
  template <typename Number>
  Number fixed() {
    if (left() < sizeof(Number)) refuse("a number that ends in the middle");
    const Number value = fixed_at<Number>(at_);
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
  if (field < 16 && size < 0x80) {
    const char head[] = {static_cast<char>(field << 3 | static_cast<std::uint32_t>(Kind::Bytes)), static_cast<char>(size)};
    out.append(head, sizeof head);
    return;
  }
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
