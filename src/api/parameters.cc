#include "api/parameters.h"

#include <algorithm>
#include <charconv>

#include "codec/base64.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

namespace holdfast::api {
namespace {

std::string shown(std::string_view text) { return codec::quote_json(codec::excerpt(text, 60)); }

std::string joined(std::initializer_list<std::string_view> names) {
  std::string out;
  for (const auto name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out.empty() ? "none" : out;
}

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<void> check_name(std::string_view what, std::string_view text, std::size_t max) {
  if (text.empty()) return fail(ErrorCode::Invalid, std::string(what) + " is empty");
  if (text.size() > max) {
    return fail(ErrorCode::TooLarge, std::string(what) + " has " + std::to_string(text.size()) + " bytes, the limit is " + std::to_string(max));
  }
  if (!codec::is_utf8(text)) return fail(ErrorCode::Invalid, std::string(what) + " is not UTF-8");
  return {};
}

}  // namespace

Result<Duration> parse_duration(std::string_view name, std::string_view text, Duration max) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" || unit == "min" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  std::int64_t ms = 0;
  if (error != std::errc() || factor == 0 || number < 0 || __builtin_mul_overflow(number, factor, &ms)) {
    return fail(ErrorCode::Invalid, std::string(name) + ": expected a duration as 30s, 500ms or 2m, got " + shown(text));
  }
  if (ms > max.ms) {
    return fail(ErrorCode::Invalid, std::string(name) + ": the limit is " + std::to_string(max.ms) + "ms, got " + shown(text));
  }
  return Duration{ms};
}

Result<std::uint64_t> parse_count(std::string_view name, std::string_view text, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size()) {
    return fail(ErrorCode::Invalid, std::string(name) + ": expected a whole number, got " + shown(text));
  }
  if (number > max) {
    return fail(ErrorCode::Invalid, std::string(name) + ": the limit is " + std::to_string(max) + ", got " + shown(text));
  }
  return number;
}

Result<Query> Query::parse(const net::HttpRequest& request, std::initializer_list<std::string_view> known) {
  auto parameters = net::parse_query(request.query());
  if (!parameters) return fail(ErrorCode::Invalid, "the query " + shown(request.query()) + " is not well-formed");
  for (auto each = parameters->begin(); each != parameters->end(); ++each) {
    const std::string& name = each->first;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fail(ErrorCode::Invalid, "unknown query parameter " + shown(name) + "; known here: " + joined(known));
    }
    if (std::any_of(parameters->begin(), each, [&](const auto& earlier) { return earlier.first == name; })) {
      return fail(ErrorCode::Invalid, "the query parameter " + name + " is given more than once");
    }
  }
  Query query;
  query.parameters_ = *std::move(parameters);
  return query;
}

Result<Duration> Query::duration(std::string_view name, Duration otherwise, Duration max) const {
  const auto text = find(name);
  if (!text) return otherwise;
  return parse_duration(name, *text, max);
}

Result<std::uint64_t> Query::count(std::string_view name, std::uint64_t otherwise, std::uint64_t max) const {
  const auto text = find(name);
  if (!text) return otherwise;
  return parse_count(name, *text, max);
}

Result<std::string> Query::page() const {
  const auto token = find("page");
  if (!token) return std::string();
  std::string text(*token);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  auto place = codec::from_base64(text);
  if (!place || place->empty()) return fail(ErrorCode::Invalid, "page: expected what \"next\" of the page before says, got " + shown(*token));
  return place;
}

std::string page_token(std::string_view place) {
  std::string text = codec::to_base64(place);  // As base64url: without what a query would have to escape.
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.resize(std::min(text.find('='), text.size()));
  return text;
}

Result<bool> Query::flag(std::string_view name) const {
  const auto text = find(name);
  if (!text || *text == "false" || *text == "0") return false;
  if (text->empty() || *text == "true" || *text == "1") return true;
  return fail(ErrorCode::Invalid, std::string(name) + ": expected true or false, got " + shown(*text));
}

Result<model::Address> parse_address(std::string_view ns, std::string_view name, std::string_view id) {
  if (auto ok = check_name("the function's namespace", ns, kTypeBytesMax); !ok) return fail(ok.error());
  if (auto ok = check_name("the function's name", name, kTypeBytesMax); !ok) return fail(ok.error());
  if (!id.empty())
    if (auto ok = check_name("the id", id, kIdBytesMax); !ok) return fail(ok.error());
  return model::Address{std::string(ns) + "/" + std::string(name), std::string(id)};
}

Result<std::string> idempotency_key(const net::HttpRequest& request) {
  const auto key = request.headers.find("idempotency-key");
  if (!key) return std::string();
  if (request.headers.count("idempotency-key") > 1) return fail(ErrorCode::Invalid, "Idempotency-Key is given more than once");
  if (key->empty()) return fail(ErrorCode::Invalid, "Idempotency-Key is empty");
  if (key->size() > kIdempotencyKeyMax) {
    return fail(ErrorCode::TooLarge, "Idempotency-Key has " + std::to_string(key->size()) + " bytes, the limit is " +
                                        std::to_string(kIdempotencyKeyMax));
  }
  return std::string(*key);
}

Result<std::string_view> value_type(const net::HttpRequest& request) {
  const auto type = request.headers.find("x-value-type");
  if (!type) return std::string_view();
  if (request.headers.count("x-value-type") > 1) return fail(ErrorCode::Invalid, "X-Value-Type is given more than once");
  if (type->size() > kTypeBytesMax) {
    return fail(ErrorCode::TooLarge, "X-Value-Type has " + std::to_string(type->size()) + " bytes, the limit is " + std::to_string(kTypeBytesMax));
  }
  if (!is_type_name(*type)) return fail(ErrorCode::Invalid, "X-Value-Type: expected namespace/name, got " + shown(*type));
  return *type;
}

bool is_type_name(std::string_view text) {
  const auto slash = text.rfind('/');
  return slash != std::string_view::npos && slash != 0 && slash + 1 != text.size();
}

bool is_encoded(const net::HttpRequest& request) {
  const auto encoding = request.headers.find("content-encoding");
  return encoding && !encoding->empty() && !net::equals_ignoring_case(*encoding, "identity");
}

bool is_traceparent(std::string_view text) {
  constexpr std::size_t kSize = 55;  // Of version 00; later versions may append.
  if (text.size() < kSize) return false;
  const auto version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16), flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(parent) || !is_lower_hex(flags)) return false;
  if (version == "ff" || (version == "00" && text.size() != kSize)) return false;
  if (text.size() > kSize && (text[kSize] != '-' || text.size() > 512)) return false;
  constexpr std::string_view kZero = "0";
  return trace.find_first_not_of(kZero) != std::string_view::npos && parent.find_first_not_of(kZero) != std::string_view::npos;
}

std::string traceparent_of(const net::HttpRequest& request) {
  if (request.headers.count("traceparent") != 1) return {};
  const std::string_view value = request.headers.get("traceparent");
  return is_traceparent(value) ? std::string(value) : std::string();
}

}  // namespace holdfast::api
