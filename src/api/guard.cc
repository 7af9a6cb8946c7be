#include "api/guard.h"

#include <algorithm>

#include "base/check.h"
#include "net/header_list.h"

namespace holdfast::api {
namespace {

// Host header or origin authority without its port.
std::string_view host_name(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool is_ipv4(std::string_view name) {
  int parts = 0;
  while (true) {
    const auto dot = name.find('.');
    const auto part = name.substr(0, dot);
    if (part.empty() || part.size() > 3 || part.find_first_not_of("0123456789") != std::string_view::npos) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_safe_method(std::string_view method) { return method == "GET" || method == "HEAD"; }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return difference == 0;
}

bool is_local_host_header(std::string_view host) {
  const std::string_view name = host_name(host);
  if (name.starts_with('[')) return name.ends_with(']');
  if (is_ipv4(name)) return true;
  constexpr std::string_view kLocalhost = "localhost";
  if (net::equals_ignoring_case(name, kLocalhost)) return true;
  return name.size() > kLocalhost.size() + 1 && name[name.size() - kLocalhost.size() - 1] == '.' &&
         net::equals_ignoring_case(name.substr(name.size() - kLocalhost.size()), kLocalhost);
}

Token::Token(std::string text) {
  if (text.empty()) return;
  shared_ = std::make_shared<Shared>();
  shared_->text = std::move(text);
}

bool Token::is(std::string_view given) const {
  const std::lock_guard lock(shared_->mutex);
  return equal_in_constant_time(given, shared_->text);
}

bool Token::replace(std::string text) {
  HOLDFAST_CHECK(shared_ != nullptr && !text.empty());
  const std::lock_guard lock(shared_->mutex);
  if (shared_->text == text) return false;
  shared_->text = std::move(text);
  return true;
}

std::optional<Refusal> Guard::check_origin(const net::HttpRequest& request, bool changes) const {
  const std::string_view host = request.headers.get("host");
  if (options_.local_only && !host.empty() && !is_local_host_header(host)) return Refusal::ForeignHost;
  if (!changes) return std::nullopt;
  if (const auto origin = request.headers.find("origin")) {
    // "null" (a file, a sandboxed frame) is nobody's host.
    const auto scheme = origin->find("://");
    if (scheme == std::string_view::npos) return Refusal::ForeignOrigin;
    if (!net::equals_ignoring_case(origin->substr(scheme + 3), host)) return Refusal::ForeignOrigin;
  }
  const std::string_view site = request.headers.get("sec-fetch-site");
  if (site == "cross-site" || site == "same-site") return Refusal::ForeignOrigin;
  return std::nullopt;
}

std::optional<Refusal> Guard::check(const net::HttpRequest& request, bool changes) const {
  if (const auto refusal = check_origin(request, changes)) return refusal;
  if (!options_.token.is_asked_for()) return std::nullopt;
  std::string_view given = request.headers.get("authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (given.size() <= kBearer.size() || !net::equals_ignoring_case(given.substr(0, kBearer.size()), kBearer)) {
    return Refusal::NoToken;
  }
  given.remove_prefix(kBearer.size());
  while (given.starts_with(' ')) given.remove_prefix(1);
  if (!options_.token.is(given)) return Refusal::WrongToken;
  return std::nullopt;
}

}  // namespace holdfast::api
