#include "config/environment.h"

#include <algorithm>
#include <cstdlib>

namespace holdfast::config {
namespace {

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  });
}

Expansion wrong(std::string expected, std::string got, std::string hint) {
  Expansion out;
  out.expected = std::move(expected);
  out.got = std::move(got);
  out.hint = std::move(hint);
  return out;
}

}  // namespace

Expansion expand(std::string_view text, const Environment& environment) {
  Expansion out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("$${")) {
      out.text += "${";
      at += 3;
    } else if (text.substr(at).starts_with("${")) {
      const auto end = text.find('}', at);
      const std::string_view inside = text.substr(at + 2, end == std::string_view::npos ? end : end - at - 2);
      const auto separator = inside.find(":-");
      const std::string_view name = inside.substr(0, separator);
      if (end == std::string_view::npos || !is_name(name))
        return wrong("${NAME} or ${NAME:-default}", in_quotes(text.substr(at)),
                     "$${ stands for a literal ${");
      const auto value = environment(name);
      if (value && (!value->empty() || separator == std::string_view::npos)) {
        out.variables.push_back({out.text.size(), out.text.size() + value->size(), std::string(name)});
        out.text += *value;
        out.from_environment = true;
      } else if (separator != std::string_view::npos) {
        out.text += inside.substr(separator + 2);
      } else {
        return wrong("the environment variable " + std::string(name) + " to be set", in_quotes(text),
                     "${" + std::string(name) + ":-default} does without, $${ stands for a literal ${");
      }
      at = end + 1;
    } else {
      out.text += text[at++];
    }
    if (out.text.size() > kExpandedBytesMax)
      return wrong("a value of at most " + std::to_string(kExpandedBytesMax) + " bytes", "more", {});
  }
  return out;
}

std::string shown_url(const Expansion& url) {
  const auto scheme = url.text.find("://");
  const auto shown_end = scheme == std::string::npos ? 0 : std::min(url.text.find_first_of("/?#", scheme + 3), url.text.size());
  std::string out = url.text.substr(0, shown_end);
  std::size_t at = shown_end;
  for (const auto& variable : url.variables) {
    if (variable.end < at || (variable.end == at && variable.begin < at)) continue;  // All of it has been shown.
    if (variable.begin > at) out.append(url.text, at, variable.begin - at);
    out += "${" + variable.name + "}";
    at = variable.end;
  }
  return out + url.text.substr(at);
}

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

}  // namespace holdfast::config
