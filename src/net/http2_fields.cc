#include "net/http2_fields.h"

#include <array>

#include "net/message_writer.h"

namespace holdfast::net {
namespace {

constexpr std::array<bool, 256> token_characters() {
  std::array<bool, 256> out{};
  for (int c = '0'; c <= '9'; ++c) out[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) out[static_cast<std::size_t>(c)] = out[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) out[static_cast<unsigned char>(c)] = true;
  return out;
}
constexpr auto kTokenCharacters = token_characters();

bool is_token(std::string_view name) {
  for (const char c : name)
    if (!kTokenCharacters[static_cast<unsigned char>(c)]) return false;
  return !name.empty();
}

bool is_of_connection(std::string_view name) {
  switch (name.size()) {
    case 7: return equals_ignoring_case(name, "upgrade");
    case 10: return equals_ignoring_case(name, "keep-alive") || is_framing_field(name);
    case 14:
    case 17: return is_framing_field(name);
    case 16: return equals_ignoring_case(name, "proxy-connection");
    default: return false;
  }
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_clean(std::string_view value) {
  for (const char c : value)
    if (c == '\r' || c == '\n' || c == '\0') return false;
  return true;
}

}  // namespace

void Http2Fields::clear() {
  fields_.clear();
  copies_.clear();
}

void Http2Fields::put(std::string_view name, std::string_view value) {
  fields_.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                     reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                     NGHTTP2_NV_FLAG_NONE});
}

void Http2Fields::add_own(std::string_view name, std::string value) { put(name, copies_.emplace_back(std::move(value))); }

void Http2Fields::add(std::string_view name, std::string_view value) {
  if (!is_token(name) || is_of_connection(name)) return;
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  if (!is_clean(value)) {
    std::string& copy = copies_.emplace_back(value);
    for (char& c : copy)
      if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    value = copy;
    while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  }
  put(name, value);
}

void Http2Fields::add_all(const HeaderList& headers) {
  for (const auto [name, value] : headers) add(name, value);
}

}  // namespace holdfast::net
