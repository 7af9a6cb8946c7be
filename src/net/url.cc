#include "net/url.h"

#include <arpa/inet.h>

#include <algorithm>

#include "net/header_list.h"

namespace holdfast::net {
namespace {

auto bad(std::string_view text, const std::string& why) {
  return fail(ErrorCode::Invalid, "url " + std::string(text.substr(0, 200)) + ": " + why);
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::string Url::host_header() const {
  if (is_unix()) return "localhost";
  std::string out = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::string Url::origin() const {
  const std::string scheme = tls ? "https" : "http";
  if (is_unix()) return scheme + "+unix://" + socket_path;
  return scheme + "://" + host_header();
}

Result<Url> parse_url(std::string_view text) {
  for (const char c : text)
    if (c <= 0x20 || c == 0x7f) return bad(text, "blanks and control characters must be percent-encoded");
  const auto mark = text.find("://");
  if (mark == std::string_view::npos) return bad(text, "expected http://, https://, http+unix:// or https+unix://");
  const std::string_view scheme = text.substr(0, mark);
  std::string_view rest = text.substr(mark + 3);
  rest = rest.substr(0, rest.find('#'));
  Url url;
  url.tls = equals_ignoring_case(scheme, "https") || equals_ignoring_case(scheme, "https+unix");

  if (equals_ignoring_case(scheme, "http+unix") || equals_ignoring_case(scheme, "https+unix")) {
    if (!rest.starts_with('/')) return bad(text, "expected an absolute path to a .sock file after ://");
    const auto query = rest.find('?');
    const std::string_view path = rest.substr(0, query);
    for (std::size_t at = 0; at < path.size();) {
      const auto slash = std::min(path.find('/', at), path.size());
      const std::string_view segment = path.substr(at, slash - at);
      if (segment.ends_with(".sock")) {
        url.socket_path = path.substr(0, slash);
        url.target = slash == path.size() ? "/" : std::string(path.substr(slash));
        if (query != std::string_view::npos) url.target.append(rest.substr(query));
        return url;
      }
      at = slash + 1;
    }
    return bad(text, "no part of the path ends in .sock");
  }

  if (!url.tls && !equals_ignoring_case(scheme, "http"))
    return bad(text, "expected http://, https://, http+unix:// or https+unix://");
  const auto path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  const std::string_view target = rest.substr(path);
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  if (authority.find('@') != std::string_view::npos) {
    // Which is not to be shown.
    const auto at = text.rfind('@');
    return bad(std::string(scheme) + "://…" + std::string(text.substr(at)), "user names and passwords in urls are not supported");
  }

  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad(text, "a bracket is not closed");
    url.host = authority.substr(1, end - 1);
    in6_addr ignored{};
    if (::inet_pton(AF_INET6, url.host.c_str(), &ignored) != 1) return bad(text, url.host + " is not an IPv6 address");
    const std::string_view after = authority.substr(end + 1);
    has_port = !after.empty();
    if (has_port && after[0] != ':') return bad(text, "expected a colon and a port after the address");
    if (has_port) port = after.substr(1);
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    url.host = authority.substr(0, colon);
    if (has_port) port = authority.substr(colon + 1);
    if (url.host.empty()) return bad(text, "the host is missing");
    if (url.host.size() > 253) return bad(text, "the host is longer than 253 characters");
    for (const char c : url.host)
      if (!is_host_char(c)) return bad(text, "the host has a character that is not allowed: " + std::string(1, c));
  }
  if (!has_port) {
    url.port = url.tls ? 443 : 80;
    return url;
  }
  unsigned value = 0;
  if (port.empty() || port.size() > 5) return bad(text, "expected a port between 1 and 65535");
  for (const char c : port) {
    if (c < '0' || c > '9') return bad(text, "expected a port between 1 and 65535");
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value == 0 || value > 65535) return bad(text, "expected a port between 1 and 65535, got " + std::string(port));
  url.port = static_cast<std::uint16_t>(value);
  return url;
}

}  // namespace holdfast::net
