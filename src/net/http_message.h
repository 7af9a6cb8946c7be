// HttpRequest and HttpResponse: whole messages as values, and the helpers that read a target.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/header_list.h"

namespace holdfast::net {

struct HttpRequest {
  std::string method;
  std::string target;  // As sent, in origin form: path, and query if any. Still percent-encoded.
  HeaderList headers;
  std::string body;
  std::shared_ptr<const std::string> peer;  // "127.0.0.1:40312", or "unix"; null if the request was not received.

  [[nodiscard]] std::string_view path() const {
    return std::string_view(target).substr(0, target.find('?'));
  }
  // Without the question mark; empty if there is none.
  [[nodiscard]] std::string_view query() const {
    const auto mark = target.find('?');
    return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  }
};

struct HttpResponse {
  int status = 200;
  HeaderList headers;  // content-length, transfer-encoding, connection and date are the transport's.
  std::string body;
  HeaderList trailers = {};  // HTTP/2 only; of one received over HTTP/1.1 none are kept, to one sent over it none are added.
  bool ends_with_connection = false;  // Of one received: nothing else said where the body ends, so it may be cut.
};

// "OK" for 200; "Status" for what has no name.
[[nodiscard]] std::string_view reason_phrase(int status);

// %41 -> A. Nothing if a percent sign is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
// Escapes everything but unreserved characters (RFC 3986), so that the result is one path segment or one query value.
[[nodiscard]] std::string percent_encode(std::string_view text);

// The segments of a path, decoded: "/a/b%2Fc" -> {"a", "b/c"}; "/" -> {}; a trailing slash adds an empty segment.
// Nothing if one is malformed or the path does not begin with a slash.
[[nodiscard]] std::optional<std::vector<std::string>> path_segments(std::string_view path);

// "a=1&b=x+y" -> {{"a","1"},{"b","x y"}}. Nothing if it is malformed.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<QueryParameters> parse_query(std::string_view query);
// The first parameter of that name.
[[nodiscard]] std::optional<std::string_view> find_parameter(const QueryParameters& parameters, std::string_view name);

}  // namespace holdfast::net
