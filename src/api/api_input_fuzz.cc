// What requests say beside their bodies, as anybody may send it: target, headers, durations, where to seek. Line by line: the method, the target, then
// one header a line; what is after an empty line is the body. Nothing may crash, and what is accepted keeps its bounds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/guard.h"
#include "api/parameters.h"
#include "api/seek_request.h"
#include "base/check.h"
#include "codec/content_type.h"
#include "net/http_message.h"

namespace {

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  net::HttpRequest request;
  request.method = std::string(take_line(rest));
  request.target = "/" + std::string(take_line(rest));
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    const auto colon = line.find(':');
    request.headers.add(line.substr(0, colon), colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1));
  }
  request.body = std::string(rest);

  (void)api::Guard({.token = "secret", .local_only = true}).check(request, true);
  if (const auto path = net::path_segments(request.path()); path && path->size() >= 3) {
    if (const auto address = api::parse_address((*path)[0], (*path)[1], (*path)[2])) {
      HOLDFAST_CHECK(address->id.size() <= api::kIdBytesMax);
    }
  }
  if (const auto query = api::Query::parse(request, {"timeout", "from", "limit", "wait", "all", "type", "prefix"})) {
    if (const auto wait = query->duration("wait", {0}, {60'000})) HOLDFAST_CHECK(wait->ms >= 0 && wait->ms <= 60'000);
    if (const auto limit = query->count("limit", 100, 1000)) HOLDFAST_CHECK(*limit <= 1000);
    (void)query->flag("all");
  }
  if (const auto key = api::idempotency_key(request)) HOLDFAST_CHECK(key->size() <= api::kIdempotencyKeyMax);
  if (const auto trace = api::traceparent_of(request); !trace.empty()) HOLDFAST_CHECK(api::is_traceparent(trace));
  if (const auto seek = api::parse_seek(request.body)) {
    HOLDFAST_CHECK(seek->to.position <= INT64_MAX && seek->to.time.unix_ms >= 0);
    HOLDFAST_CHECK(seek->to.kind != ports::SeekTo::Kind::Position || !seek->source.empty());
  }
  if (const auto value = codec::value_of_body(request.headers.get("content-type"), request.headers.get("x-value-type"), request.body)) {
    (void)codec::body_of_value(*value);
  }
  return 0;
}
