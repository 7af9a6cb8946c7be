#include "net/message_writer.h"

#include <charconv>

#include "net/header_list.h"

namespace holdfast::net {
namespace {

void append_clean(std::string& out, std::string_view text) {
  const std::size_t at = out.size();
  out.append(text);
  bool is_clean = true;
  for (const char c : text) is_clean = is_clean && c != '\r' && c != '\n' && c != '\0';
  if (is_clean) return;
  for (std::size_t i = at; i < out.size(); ++i)
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
}

}  // namespace

void append_number(std::string& out, std::size_t value, int base) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_clean(out, name);
  out.append(": ");
  append_clean(out, value);
  out.append("\r\n");
}

bool is_framing_field(std::string_view name) {
  switch (name.size()) {
    case 10: return equals_ignoring_case(name, "connection");
    case 14: return equals_ignoring_case(name, "content-length");
    case 17: return equals_ignoring_case(name, "transfer-encoding");
    default: return false;
  }
}

}  // namespace holdfast::net
