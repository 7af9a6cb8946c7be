// What requests say beside their bodies: query parameters, durations, keys, trace context. Everything is checked here, and
// every refusal names the parameter, what it should be and what it was.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/address.h"
#include "net/http_message.h"

namespace holdfast::api {

inline constexpr std::size_t kIdempotencyKeyMax = 255;
inline constexpr std::size_t kIdBytesMax = 4096;       // Of a function id.
inline constexpr std::size_t kTypeBytesMax = 512;      // Of a function type; an egress id or a topic may be twice as long.

// "30s", "500ms", "2m", "1h": a whole number and a unit, because "30" alone means something else to everybody.
[[nodiscard]] Result<Duration> parse_duration(std::string_view name, std::string_view text, Duration max);
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view name, std::string_view text, std::uint64_t max);

// The parameters of a request. Unknown ones are refused: a misspelt one would silently mean something else.
class Query {
 public:
  [[nodiscard]] static Result<Query> parse(const net::HttpRequest& request, std::initializer_list<std::string_view> known);

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const {
    return net::find_parameter(parameters_, name);
  }
  [[nodiscard]] Result<Duration> duration(std::string_view name, Duration otherwise, Duration max) const;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name, std::uint64_t otherwise, std::uint64_t max) const;
  // Where a page begins that page_token() named; empty: at the beginning.
  [[nodiscard]] Result<std::string> page() const;
  // "", "true", "1": yes; absent, "false", "0": no.
  [[nodiscard]] Result<bool> flag(std::string_view name) const;

 private:
  net::QueryParameters parameters_;
};

// A place in a list, as text that can stand in a query. What it says is nobody's business.
[[nodiscard]] std::string page_token(std::string_view place);

// An address from decoded path segments.
[[nodiscard]] Result<model::Address> parse_address(std::string_view ns, std::string_view name, std::string_view id);

// The Idempotency-Key header; empty if there is none.
[[nodiscard]] Result<std::string> idempotency_key(const net::HttpRequest& request);

// The X-Value-Type header; empty if there is none.
[[nodiscard]] Result<std::string_view> value_type(const net::HttpRequest& request);
// "namespace/name", as SDKs can take it apart: at the last slash, with something on both sides.
[[nodiscard]] bool is_type_name(std::string_view text);

// The body is compressed or the like, and its bytes are not the value.
[[nodiscard]] bool is_encoded(const net::HttpRequest& request);

// W3C Trace Context, level 1: version, trace id, parent id, flags.
[[nodiscard]] bool is_traceparent(std::string_view text);
// The traceparent header if it is well-formed. If it is not it counts as absent, as the standard wants it.
[[nodiscard]] std::string traceparent_of(const net::HttpRequest& request);

}  // namespace holdfast::api
