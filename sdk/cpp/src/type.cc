#include "holdfast/sdk/type.h"

#include "wire.h"

namespace holdfast::sdk::detail {

namespace {

template <typename Number>
void append_fixed(std::string& out, Number value, wire::Kind kind) {
  if (value == 0) return;
  char bytes[1 + sizeof value] = {static_cast<char>(1 << 3 | static_cast<int>(kind))};
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[1 + i] = static_cast<char>(value >> (8 * i));
  out.append(bytes, sizeof bytes);
}

// Whether this is the one field there is. With another wire type it would be an unknown field, and the value a default that nobody sent.
bool is_value(const wire::Reader& in, wire::Kind kind) {
  if (in.field() != 1) return false;
  if (!in.is(1, kind)) throw WrongType("its field 1 is written as something else");
  return true;
}

}  // namespace

void write_wrapped_bool(bool value, std::string& out) {
  if (value) wire::append_number(out, 1, 1);
}
void write_wrapped_fixed32(std::uint32_t bits, std::string& out) { append_fixed(out, bits, wire::Kind::Fixed32); }
void write_wrapped_fixed64(std::uint64_t bits, std::string& out) { append_fixed(out, bits, wire::Kind::Fixed64); }
void write_wrapped_string(std::string_view value, std::string& out) {
  check_utf8("a value of io.statefun.types/string", value);
  wire::append_string(out, 1, value);
}

bool read_wrapped_bool(std::string_view bytes) {
  bool value = false;
  for (wire::Reader in(bytes); in.next();)
    if (is_value(in, wire::Kind::Varint)) value = in.number() != 0;
  return value;
}
std::uint32_t read_wrapped_fixed32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (wire::Reader in(bytes); in.next();)
    if (is_value(in, wire::Kind::Fixed32)) value = static_cast<std::uint32_t>(in.number());
  return value;
}
std::uint64_t read_wrapped_fixed64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (wire::Reader in(bytes); in.next();)
    if (is_value(in, wire::Kind::Fixed64)) value = in.number();
  return value;
}
std::string_view read_wrapped_string(std::string_view bytes) {
  std::string_view value;
  for (wire::Reader in(bytes); in.next();)
    if (is_value(in, wire::Kind::Bytes)) value = in.text();
  return value;
}

}  // namespace holdfast::sdk::detail
