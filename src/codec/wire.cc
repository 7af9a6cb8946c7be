#include "codec/wire.h"

#include "codec/utf8.h"

namespace holdfast::codec::wire {

Error Fault::error() const {
  return {ErrorCode::Invalid, std::string(message_) + (field_ == 0 ? "" : " field " + std::to_string(field_)) +
                                  " at byte " + std::to_string(offset_) + ": " + what_};
}

bool Reader::long_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) return false;
    const auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;  // Of a tenth byte, all but one bit falls off, as in libprotobuf.
    if (byte < 0x80) return true;
  }
  return false;
}

bool Reader::fixed(std::size_t size) {
  if (static_cast<std::size_t>(end_ - at_) < size) return malformed("the number is beyond the end");
  number_ = 0;
  for (std::size_t i = size; i-- > 0;) number_ = number_ << 8 | static_cast<unsigned char>(at_[i]);
  at_ += size;
  return true;
}

std::string_view Reader::string() {
  if (is_utf8(bytes_)) [[likely]] return bytes_;
  bad("a string that is not UTF-8");
  return {};
}

}  // namespace holdfast::codec::wire
