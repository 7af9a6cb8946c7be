// The protobuf wire format, by hand: sizes, a writer into memory of exactly that size, and a reader of fields.
//
// Reading follows proto3 as libprotobuf does it: unknown fields and known ones with another wire type are skipped, the last of
// several wins. It is stricter in one thing: groups, which no proto3 message has, are refused instead of skipped. Nothing
// here recurses, so the depth of a message is the depth of the code that reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"

namespace holdfast::codec::wire {

enum class Kind : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };


constexpr std::uint32_t tag(std::uint32_t field, Kind kind) { return field << 3 | static_cast<std::uint32_t>(kind); }

constexpr std::size_t varint_size(std::uint64_t value) {
  const int bits = 64 - __builtin_clzll(value | 1);
  return static_cast<std::size_t>(bits + 6) / 7;
}
constexpr std::size_t tag_size(std::uint32_t field) { return varint_size(std::uint64_t{field} << 3); }

// Of a length-delimited field with so many bytes inside.
constexpr std::size_t bytes_size(std::uint32_t field, std::size_t inner) {
  return tag_size(field) + varint_size(inner) + inner;
}
// The same, but nothing when it is empty: proto3 leaves defaults out.
constexpr std::size_t string_size(std::uint32_t field, std::string_view value) {
  return value.empty() ? 0 : bytes_size(field, value.size());
}
constexpr std::size_t bool_size(std::uint32_t field, bool value) { return value ? tag_size(field) + 1 : 0; }
constexpr std::size_t varint_field_size(std::uint32_t field, std::uint64_t value) {
  return value == 0 ? 0 : tag_size(field) + varint_size(value);
}

// Writes fields into the room it made at the end of a string. The sizes above must have been right to the byte.
class Writer {
 public:
  Writer(std::string& out, std::size_t size) {
    const auto start = out.size();
    out.resize(start + size);
    at_ = out.data() + start;
    end_ = at_ + size;
  }
  ~Writer() { HOLDFAST_CHECK(at_ == end_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void open(std::uint32_t field, std::size_t inner) {  // The fields of the inner message follow.
    varint(tag(field, Kind::Bytes));
    varint(inner);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    open(field, value.size());
    raw(value.data(), value.size());
  }
  void string(std::uint32_t field, std::string_view value) {
    if (!value.empty()) bytes(field, value);
  }
  void boolean(std::uint32_t field, bool value) { varint_field(field, value ? 1 : 0); }
  void varint_field(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    varint(tag(field, Kind::Varint));
    varint(value);
  }

 private:
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      *at_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<char>(value);
  }
  void raw(const char* data, std::size_t size) {
    if (size != 0) std::memcpy(at_, data, size);
    at_ += size;
  }

  char* at_;
  char* end_;
};

// What went wrong first while reading, and where; shared by the readers of one message and those of the messages inside it.
class Fault {
 public:
  explicit Fault(std::string_view whole) : begin_(whole.data()) {}

  void raise(const char* at, const char* message, std::uint32_t field, std::string_view what) {
    if (raised_) return;
    raised_ = true;
    malformed_ = false;
    what_ = what;
    message_ = message;
    field_ = field;
    offset_ = begin_ == nullptr ? 0 : static_cast<std::size_t>(at - begin_);
  }
  [[nodiscard]] bool raised() const { return raised_; }
  // The bytes are no protocol buffers at all, whatever they should mean.
  [[nodiscard]] bool is_malformed() const { return malformed_; }
  void set_malformed() { malformed_ = true; }
  // "FromFunction.Invocation field 1 at byte 17: the value ends in the middle".
  [[nodiscard]] Error error() const;

 private:
  const char* begin_;
  const char* message_ = "";
  std::string what_;
  std::size_t offset_ = 0;
  std::uint32_t field_ = 0;
  bool raised_ = false;
  bool malformed_ = false;
};

// One message's fields, in order:
//
//   wire::Reader in(bytes, "Address", fault);
//   while (in.next()) {
//     if (in.is(1, Kind::Bytes)) ns = in.string();
//   }
//
// After a fault next() is false, for every reader that shares it.
class Reader {
 public:
  Reader(std::string_view bytes, const char* message, Fault& fault)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), message_(message), fault_(fault) {}

  // To the next field, whose value is read (or passed over) by this already.
  bool next() {
    if (at_ == end_ || fault_.raised()) [[unlikely]] return false;
    start_ = at_;
    field_ = 0;
    std::uint64_t tag = 0;
    if (!varint(tag)) return malformed("the tag ends in the middle or is too long");
    if (tag > UINT32_MAX) return malformed("the tag is too large");
    field_ = static_cast<std::uint32_t>(tag >> 3);
    if (field_ == 0) return malformed("field number 0");
    kind_ = static_cast<Kind>(tag & 7);
    switch (kind_) {
      case Kind::Bytes: {
        std::uint64_t size = 0;
        if (!varint(size)) return malformed("the length ends in the middle or is too long");
        if (size > static_cast<std::size_t>(end_ - at_)) return malformed("the length is beyond the end");
        bytes_ = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
      }
      case Kind::Varint:
        return varint(number_) || malformed("the number ends in the middle or is too long");
      case Kind::Fixed64:
        return fixed(8);
      case Kind::Fixed32:
        return fixed(4);
    }
    return malformed("a wire type that proto3 does not have");
  }

  // A known field with another wire type is an unknown one.
  [[nodiscard]] bool is(std::uint32_t field, Kind kind) const { return field_ == field && kind_ == kind; }
  [[nodiscard]] std::uint32_t field() const { return field_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }    // Varint and fixed ones, zero-extended.
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  // A proto3 string: a fault if it is not UTF-8.
  [[nodiscard]] std::string_view string();

  // A fault of meaning, at the field just read. Always false.
  bool bad(std::string_view what) {
    fault_.raise(start_, message_, field_, what);
    return false;
  }
  [[nodiscard]] Fault& fault() { return fault_; }

 private:
  bool malformed(std::string_view what) {
    const bool is_first = !fault_.raised();
    bad(what);
    if (is_first) fault_.set_malformed();
    return false;
  }
  bool varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) [[likely]] {
      value = static_cast<unsigned char>(*at_++);
      return true;
    }
    return long_varint(value);
  }
  bool long_varint(std::uint64_t& value);
  bool fixed(std::size_t size);

  const char* at_;
  const char* end_;
  const char* start_ = nullptr;
  const char* message_;
  Fault& fault_;
  std::uint32_t field_ = 0;
  Kind kind_ = Kind::Varint;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace holdfast::codec::wire
