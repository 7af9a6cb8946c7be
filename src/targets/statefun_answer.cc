#include "targets/statefun_answer.h"

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

}  // namespace

model::InvocationOutcome judge_answer(std::string_view url, model::FunctionProtocol protocol, const net::HttpResponse& response) {
  const std::string status = std::to_string(response.status) + " " + std::string(net::reason_phrase(response.status));
  if (response.status < 200 || response.status > 299) {
    std::string what = "answered " + status;
    if (const auto location = response.headers.find("location"); location && response.status / 100 == 3)
      what += " to " + codec::excerpt(*location) + ", and redirects are not followed";
    return failure(Kind::Failed, url, what + body_excerpt(response.body, kReasonBytesMax));
  }
  const auto content_type = response.headers.find("content-type");
  if (!content_type || !net::equals_ignoring_case(*content_type, kStatefunContentType))
    return failure(Kind::Refused, url, "answered " + status + " with " +
                                           (content_type ? "content-type " + codec::excerpt(*content_type)
                                                         : std::string("no content-type")) +
                                           ", expected " + std::string(kStatefunContentType) + body_excerpt(response.body));
  return judge_effects(url, protocol, response.body);
}

model::InvocationOutcome judge_effects(std::string_view url, model::FunctionProtocol protocol, std::string_view body) {
  using Protocol = model::FunctionProtocol;
  auto answer = protocol == Protocol::V3 ? codec::parse_from_function(body) : codec::v2::parse_from_function(body);
  if (!answer)
    return failure(Kind::Refused, url, "answered " + std::to_string(body.size()) + " bytes that make no sense: " +
                                           answer.error().message + body_excerpt(body));
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
