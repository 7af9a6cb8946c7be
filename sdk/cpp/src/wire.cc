#include "wire.h"

namespace holdfast::sdk::detail::wire {

void refuse(const char* why) { throw MalformedRequest(why); }
void refuse(const char* why, std::uint32_t field) { throw MalformedRequest(std::string(why) + ", in field " + std::to_string(field)); }

LongVarint read_long_varint(const char* begin, const char* end) {
  LongVarint out;
  out.end = begin;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (out.end == end) refuse("a number that ends in the middle");
    const auto byte = static_cast<unsigned char>(*out.end++);
    out.value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return out;
  }
  refuse("a number of more than ten bytes");
}

}  // namespace holdfast::sdk::detail::wire
