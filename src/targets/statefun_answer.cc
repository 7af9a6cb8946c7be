#include "targets/statefun_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "codec/statefun_v2.h"
#include "codec/statefun_v3.h"
#include "codec/utf8.h"

namespace holdfast::targets {

namespace {

using Kind = model::InvocationFailure::Kind;

constexpr std::size_t kNonsenseBytesMax = 120;
constexpr std::size_t kReasonBytesMax = 1000;  // Of a failure: what it says is why, and people look for it.

// " (the body begins: …)", for people who look for what their function said.
std::string body_excerpt(std::string_view body, std::size_t bytes_max = kNonsenseBytesMax) {
  if (body.empty()) return " (the body is empty)";
  return " (the body begins: " + codec::excerpt(body, bytes_max) + ")";
}

model::InvocationFailure failure(Kind kind, std::string_view url, const std::string& what) {
  return {kind, std::string(url) + " " + what};
}

// What load balancers and gateways say of a function that they cannot reach, or that is to be called less.
bool is_away(int status) { return status == 429 || (status >= 502 && status <= 504); }

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", in seconds since 1970. The two obsolete forms are not read.
std::optional<std::int64_t> date(std::string_view text) {
  constexpr std::string_view kShape = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != kShape.size() || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)), second = number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(static_cast<int>(*year)),
                                        std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                        std::chrono::day(static_cast<unsigned>(*day))};
  if (!ymd.ok()) return std::nullopt;
  return std::chrono::sys_days(ymd).time_since_epoch().count() * 86'400LL + *hour * 3'600 + *minute * 60 + *second;
}

}  // namespace

Duration retry_after(const net::HttpResponse& response) {
  const auto header = response.headers.find("retry-after");
  if (!header) return {};
  auto seconds = number(*header);
  if (!seconds) {
    const auto until = date(*header);
    if (!until) return {};
    const auto sent = response.headers.find("date");
    const auto from = sent ? date(*sent) : std::nullopt;
    seconds = std::max<std::int64_t>(0, *until - from.value_or(SystemClock().now().unix_ms / 1000));
  }
  return {std::min(*seconds, kRetryAfterMax.ms / 1000) * 1000};
}

model::InvocationOutcome judge_answer(std::string_view url, model::FunctionProtocol protocol, const net::HttpResponse& response) {
  const std::string status = std::to_string(response.status) + " " + std::string(net::reason_phrase(response.status));
  if (response.status < 200 || response.status > 299) {
    std::string what = "answered " + status;
    if (const auto location = response.headers.find("location"); location && response.status / 100 == 3)
      what += " to " + codec::excerpt(*location) + ", and redirects are not followed";
    auto failed = failure(Kind::Failed, url, what + body_excerpt(response.body, kReasonBytesMax));
    if (!is_away(response.status)) return failed;
    failed.kind = Kind::Away;
    failed.retry_after = retry_after(response);
    failed.counts = response.status != 429;
    return failed;
  }
  if (response.body.empty() && response.ends_with_connection)
    return failure(Kind::Failed, url, "answered " + status + " and ended the connection before a body, of which it had not said how long it is");
  const auto content_type = response.headers.find("content-type");
  if (!content_type || !net::equals_ignoring_case(*content_type, kStatefunContentType))
    return failure(Kind::Failed, url, "answered " + status + " with " +
                                          (content_type ? "content-type " + codec::excerpt(*content_type) : std::string("no content-type")) +
                                          ", expected " + std::string(kStatefunContentType) + body_excerpt(response.body));
  return judge_effects(url, protocol, response.body);
}

model::InvocationOutcome judge_effects(std::string_view url, model::FunctionProtocol protocol, std::string_view body) {
  using Protocol = model::FunctionProtocol;
  auto answer = protocol == Protocol::V3 ? codec::parse_from_function(body) : codec::v2::parse_from_function(body);
  if (!answer)
    return failure(answer.error().code == ErrorCode::Damaged ? Kind::Failed : Kind::Refused, url,
                   "answered " + std::to_string(body.size()) + " bytes that make no sense: " + answer.error().message + body_excerpt(body));
  if (protocol == Protocol::V2 && std::holds_alternative<model::IncompleteContext>(*answer))
    return failure(Kind::Refused, url, "asked for its states, which functions of StateFun 2.0 to 2.2 do not: set protocol: interim for its "
                                       "endpoint (or protocol: v3, if it is made with an SDK of StateFun 3)");
  return std::visit([](auto&& effects) -> model::InvocationOutcome { return std::move(effects); }, std::move(*answer));
}

model::InvocationOutcome judge_error(std::string_view url, std::size_t payload_bytes_max, const net::ClientError& error) {
  switch (error.kind) {
    case net::ClientError::Kind::Unreachable:
    case net::ClientError::Kind::Overloaded:  // Never sent: the batch is innocent.
      return failure(Kind::Unreachable, url, "cannot be reached: " + error.message);
    case net::ClientError::Kind::TooLarge:
      return failure(Kind::Refused, url, "answered more than the endpoint's limit of " + std::to_string(payload_bytes_max) +
                                             " bytes: " + error.message);
    case net::ClientError::Kind::Timeout:
    case net::ClientError::Kind::Disconnected:
    case net::ClientError::Kind::Protocol:
      break;
  }
  return failure(Kind::Failed, url, "gave no answer: " + error.message);
}

}  // namespace holdfast::targets
