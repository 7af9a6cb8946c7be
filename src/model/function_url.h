// Names of functions in the URL templates of endpoints.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::model {

inline constexpr std::string_view kFunctionNamePlaceholder = "{function.name}";

// Whether a function of that name has a URL of its own. "." and ".." as a part of a path do not stand for themselves: clients, proxies and servers
// take them away, however they are written, and another function would be called.
[[nodiscard]] inline bool can_stand_in(std::string_view url_template, std::string_view name) {
  if (name.find_first_not_of('.') != std::string_view::npos) return true;
  std::string_view rest = url_template.substr(0, url_template.find('?'));
  while (true) {
    const auto slash = rest.find('/');
    std::string part(rest.substr(0, slash));
    bool named = false;
    for (std::size_t at = 0; (at = part.find(kFunctionNamePlaceholder, at)) != std::string::npos; at += name.size()) {
      part.replace(at, kFunctionNamePlaceholder.size(), name);
      named = true;
    }
    if (named && (part == "." || part == "..")) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace holdfast::model
