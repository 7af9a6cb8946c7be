// The bytes of StateFun request-reply v3, as far as the functions of the tests need them: nothing of the SDK or the runtime, which they test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

inline void varint(std::string& out, std::uint64_t number) {
  for (; number > 127; number >>= 7) out.push_back(static_cast<char>((number & 127) | 128));
  out.push_back(static_cast<char>(number));
}
inline std::string number_field(int field, std::uint64_t number) {
  std::string out;
  varint(out, static_cast<std::uint64_t>(field) << 3);
  varint(out, number);
  return out;
}
inline std::string field(int field, std::string_view value) {
  std::string out;
  varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  varint(out, value.size());
  return out.append(value);
}

struct Field {
  int number;
  std::uint64_t varint;
  std::string_view bytes;
};
inline std::uint64_t take_varint(std::string_view& data) {
  std::uint64_t number = 0;
  for (int shift = 0; !data.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(data.front());
    data.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 127) << shift;
    if (byte < 128) break;
  }
  return number;
}
inline std::vector<Field> fields(std::string_view data) {
  std::vector<Field> out;
  while (!data.empty()) {
    const auto tag = take_varint(data);
    Field f{static_cast<int>(tag >> 3), 0, {}};
    if ((tag & 7) == 0) {
      f.varint = take_varint(data);
    } else {
      const std::size_t size = (tag & 7) == 2 ? take_varint(data) : (tag & 7) == 5 ? 4 : 8;
      f.bytes = data.substr(0, size);
      data.remove_prefix(f.bytes.size());
    }
    out.push_back(f);
  }
  return out;
}
inline std::string_view bytes(std::string_view data, int number) {
  std::string_view found;
  for (const Field& f : fields(data))
    if (f.number == number) found = f.bytes;
  return found;
}

// A TypedValue that is a string.
inline std::string text(std::string_view value) {
  return field(1, "io.statefun.types/string") + number_field(2, 1) + field(3, value.empty() ? std::string() : field(1, value));
}
inline std::string_view text_of(std::string_view typed_value) { return bytes(bytes(typed_value, 3), 1); }

}  // namespace wire
