#include "api/exchange.h"

#include <utility>

#include "api/json_writer.h"

namespace holdfast::api {
namespace {

// What users call the limits of net/; those that are no setting are said in words.
constexpr std::pair<std::string_view, std::string_view> kLimitNames[] = {
    {"body_bytes_max", "requestBytes"},
    {"connections_max", "httpConnections"},
    {"start_line_bytes_max=", "the limit of "},
    {"header_bytes_max=", "the limit of "},
    {"header_count_max=", "the limit of "},
    {"buffered_bytes_max=", "the limit of "},
};

std::string_view http_error_code(int status) {
  switch (status) {
    case 408: return "timeout";
    case 413:
    case 414:
    case 431: return "too_large";
    case 501:
    case 505: return "not_implemented";
    case 503: return "unavailable";
    default: return status < 500 ? "invalid" : "io";
  }
}

std::string error_json(std::string_view code, std::string_view message) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.key("code").string(code).key("message").string(message);
  json.end_object().end_object();
  return json.take();
}

net::HttpResponse error_response(int status, std::string_view code, std::string_view message) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = error_json(code, message) + "\n"};
}

net::HttpResponse response_of(Refusal refusal, const net::HttpRequest& request) {
  const auto unauthenticated = [](std::string_view challenge, std::string_view message) {
    auto response = error_response(401, "unauthenticated", message);
    response.headers.set("www-authenticate", challenge);
    return response;
  };
  switch (refusal) {
    case Refusal::NoToken:
      return unauthenticated("Bearer", "a bearer token is required: send the header authorization: Bearer TOKEN");
    case Refusal::WrongToken: return unauthenticated("Bearer error=\"invalid_token\"", "the bearer token is not the right one");
    case Refusal::ForeignHost:
      return error_response(403, "forbidden", "the host header names neither localhost nor an IP address, got " +
                                                  std::string(request.headers.get("host")) +
                                                  ": without a token only local names are answered");
    case Refusal::ForeignOrigin: break;
  }
  return error_response(403, "forbidden", "requests from web pages of another origin are not taken");
}

}  // namespace

void RequestCounters::count(int status) {
  if (status < kFirst || status > kLast) return;
  by_status_[static_cast<std::size_t>(status - kFirst)].fetch_add(1, std::memory_order_relaxed);
}

void RequestCounters::collect(MetricsSink& sink) const {
  for (std::size_t i = 0; i < by_status_.size(); ++i) {
    if (const auto count = by_status_[i].load(std::memory_order_relaxed); count != 0) {
      sink.counter("holdfast_api_requests_total", "HTTP requests answered.",
                   {{"listener", listener_}, {"status", std::to_string(kFirst + static_cast<int>(i))}}, count);
    }
  }
}

StatusAndCode status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Invalid: return {400, "invalid"};
    case ErrorCode::NotFound: return {404, "not_found"};
    case ErrorCode::Conflict: return {409, "conflict"};
    case ErrorCode::TooLarge: return {413, "too_large"};
    case ErrorCode::Parked: return {409, "parked"};
    case ErrorCode::Failed: return {502, "failed"};
    case ErrorCode::Overloaded: return {429, "overloaded"};
    case ErrorCode::Unavailable: return {503, "unavailable"};
    case ErrorCode::Timeout: return {504, "timeout"};
    case ErrorCode::NoSpace: return {503, "no_space"};
    case ErrorCode::Damaged: return {500, "damaged"};
    case ErrorCode::Io: return {500, "io"};
  }
  return {500, "io"};
}

void Exchange::answer(net::HttpResponse response, std::shared_ptr<void> hold) {
  for (const auto& [name, value] : headers_) response.headers.set(name, value);
  counters_->count(response.status);
  responder_.send(std::move(response), std::move(hold));
}

void Exchange::answer_json(int status, std::string body, std::shared_ptr<void> hold) {
  body.push_back('\n');
  answer({.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)}, std::move(hold));
}

void Exchange::answer_error(const Error& error) {
  const auto [status, code] = status_of(error.code);
  answer_error(status, code, error.message);
}

void Exchange::answer_error(int status, std::string_view code, std::string_view message) {
  if (status == 429 || status == 503) set_header("retry-after", "1");
  answer_json(status, error_json(code, message));
}

net::HttpResponse http_error(int status, std::string_view message) {
  std::string text(message);
  for (const auto& [of_net, of_user] : kLimitNames) {
    if (const auto at = text.find(of_net); at != std::string::npos) text.replace(at, of_net.size(), of_user);
  }
  return error_response(status, http_error_code(status), text);
}

void Exchange::answer_method_not_allowed(std::string_view allowed) {
  set_header("allow", allowed);
  answer_error(405, "method_not_allowed", "this path takes " + std::string(allowed) + ", got " + request.method);
}

void Exchange::answer_encoded() {
  set_header("accept-encoding", "identity");  // RFC 9110 15.5.16.
  answer_error(415, "unsupported", "Content-Encoding: bodies are taken as they are, got " + std::string(request.headers.get("content-encoding")));
}

void Exchange::answer_refusal(Refusal refusal) { answer(response_of(refusal, request)); }

std::optional<net::HttpResponse> refuse_head(std::optional<Refusal> refusal, const net::HttpRequest& head, RequestCounters& counters) {
  if (!refusal) return std::nullopt;
  net::HttpResponse response = response_of(*refusal, head);
  counters.count(response.status);
  return response;
}

net::StreamWriter Exchange::answer_stream(int status, net::HeaderList headers) {
  for (const auto& [name, value] : headers_) headers.set(name, value);
  counters_->count(status);
  return responder_.stream(status, std::move(headers));
}

}  // namespace holdfast::api
