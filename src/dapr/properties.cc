#include "dapr/properties.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace holdfast::dapr {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && same(text.substr(0, prefix.size()), prefix);
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
}

}  // namespace

std::optional<std::string> Properties::find(std::string_view name) const {
  // From the end: where two differ by case alone, the later one counts.
  for (auto item = items_.rbegin(); item != items_.rend(); ++item)
    if (same(item->first, name) && !item->second.empty()) return item->second;
  return std::nullopt;
}

bool Properties::is_true(std::string_view name) const {
  const auto value = find(name);
  if (!value) return false;
  const auto is = [&](std::string_view word) { return same(*value, word); };
  return is("true") || is("yes") || is("on") || is("y") || is("t") || is("1");
}

Variables process_variables() {
  Variables out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

bool is_variable_allowed(std::string_view name, const Variables& variables) {
  if (name.empty() || name.find(' ') != std::string_view::npos || same(name, "APP_API_TOKEN") || starts_with_any_case(name, "DAPR_")) return false;
  const auto listed = variables.find("DAPR_ENV_KEYS");
  if (listed == variables.end() || listed->second.empty()) return true;
  const std::string_view list = listed->second;
  for (std::size_t at = 0; at <= list.size();) {
    const auto end = std::min(list.find(' ', at), list.size());
    if (same(list.substr(at, end - at), name)) return true;
    at = end + 1;
  }
  return false;
}

std::string make_uuid(Random& random) {
  const std::uint64_t high = (random.next() & ~0xf000ULL) | 0x4000ULL;
  const std::uint64_t low = (random.next() & ~(3ULL << 62)) | (2ULL << 62);
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                static_cast<unsigned>(high & 0xffff), static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return buffer;
}

Result<std::string> fill_in(std::string text, const Surroundings& surroundings, Random& random) {
  constexpr std::string_view kUuid = "{uuid}";
  for (std::size_t at = 0; (at = text.find(kUuid, at)) != std::string::npos;) {
    const std::string uuid = make_uuid(random);
    text.replace(at, kUuid.size(), uuid);
    at += uuid.size();
  }
  if (text.find("{podName}") != std::string::npos) {
    const auto pod = surroundings.variables.find("POD_NAME");
    if (pod == surroundings.variables.end() || pod->second.empty())
      return fail(ErrorCode::Invalid, "refers to {podName}, and the environment variable POD_NAME is not set");
    replace_all(text, "{podName}", pod->second);
  }
  replace_all(text, "{namespace}", surroundings.name_space + "." + surroundings.app_id);
  replace_all(text, "{appID}", surroundings.app_id);
  return text;
}

}  // namespace holdfast::dapr
