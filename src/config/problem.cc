#include "config/problem.h"

#include <cstdio>

namespace holdfast::config {
namespace {

constexpr std::size_t kShownBytesMax = 80;

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Problem::text() const {
  std::string out = place.text() + ": ";
  if (severity == Severity::Warning) out += "warning: ";
  if (!path.empty()) out += path + ": ";
  out += "expected " + expected + ", got " + got;
  if (!hint.empty()) out += " (" + hint + ")";
  return out;
}

std::string in_quotes(std::string_view value) {
  std::string out = "\"";
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    // Cut between characters, not inside one: a byte of the form 10xxxxxx continues what stands before it.
    if (i >= kShownBytesMax && (byte & 0xc0) != 0x80) return out + "…\"";
    if (byte < 0x20 || byte == 0x7f) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\x%02x", byte);
      out += buffer;
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += value[i];
    }
  }
  return out + "\"";
}

}  // namespace holdfast::config
