#include "api/gateway.h"

#include <algorithm>
#include <utility>

#include "api/parameters.h"
#include "codec/content_type.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kPaths =
    "POST /v1/functions/{namespace}/{name}/{id}/send, POST /v1/functions/{namespace}/{name}/{id}/call, "
    "GET /v1/streams/{egress namespace}/{egress name}/{topic}";

// The same idempotency key for something else is the client's mistake, not a race it lost: 422.
void answer_failed(Exchange& exchange, const Error& error, bool has_key) {
  if (has_key && error.code == ErrorCode::Conflict) return exchange.answer_error(422, "idempotency_key_reused", error.message);
  exchange.answer_error(error);
}

net::HttpResponse reply_of(const model::TypedValue& value) {
  codec::ValueBody body = codec::body_of_value(value);
  net::HttpResponse response{.status = 200, .headers = {}, .body = std::move(body.body)};
  response.headers.add("content-type", body.content_type);
  // Type names come from functions: one that no header can hold is escaped.
  const bool plain = std::all_of(value.type_name.begin(), value.type_name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  response.headers.add("x-value-type", plain ? value.type_name : net::percent_encode(value.type_name));
  return response;
}

}  // namespace

void Gateway::handle(net::HttpRequest request, net::Responder responder) {
  auto exchange = std::make_shared<Exchange>(std::move(request), std::move(responder), counters_);
  const net::HttpRequest& asked = exchange->request;
  if (const auto refusal = guard_.check(asked, !is_safe_method(asked.method))) return exchange->answer_refusal(*refusal);

  const auto path = net::path_segments(asked.path());
  if (!path) return exchange->answer_error(400, "invalid", "the path is not well-formed");
  const auto& part = *path;
  const auto is = [&](std::size_t size, std::string_view second) {
    return part.size() == size && part[0] == "v1" && part[1] == second;
  };
  if (is(6, "functions") && (part[5] == "send" || part[5] == "call")) {
    if (asked.method != "POST") return exchange->answer_method_not_allowed("POST");
    auto target = parse_address(part[2], part[3], part[4]);
    if (!target) return exchange->answer_error(target.error());
    return message(part[5] == "send" ? Kind::Send : Kind::Call, std::move(exchange), *std::move(target));
  }
  if (is(5, "streams")) {
    if (!is_safe_method(asked.method)) return exchange->answer_method_not_allowed("GET, HEAD");
    return streams_.handle(std::move(exchange), part[2] + "/" + part[3], part[4]);
  }
  if (part.size() > 6 && part[0] == "v1" && part[1] == "functions") {
    return exchange->answer_error(404, "not_found", "too many path segments: a slash inside a namespace, name or id is written %2F");
  }
  exchange->answer_error(404, "not_found", "nothing is here; there are " + std::string(kPaths));
}

std::optional<net::HttpResponse> Gateway::refuse(const net::HttpRequest& head) {
  return refuse_head(guard_.check(head, !is_safe_method(head.method)), head, *counters_);
}

void Gateway::message(Kind kind, ExchangePtr exchange, model::Address target) {
  net::HttpRequest& asked = exchange->request;
  const auto query = kind == Kind::Call ? Query::parse(asked, {"timeout"}) : Query::parse(asked, {});
  if (!query) return exchange->answer_error(query.error());
  const auto timeout = query->duration("timeout", options_.reply_timeout, options_.reply_timeout_max);
  if (!timeout) return exchange->answer_error(timeout.error());
  auto key = idempotency_key(asked);
  if (!key) return exchange->answer_error(key.error());

  // Bytes without a word about them are bytes.
  const auto type = value_type(asked);
  if (!type) return exchange->answer_error(type.error());
  const std::string content_type(asked.headers.get("content-type", "application/octet-stream"));
  if (is_encoded(asked)) return exchange->answer_encoded();
  auto value = codec::value_of_body(content_type, *type, std::move(asked.body));
  if (!value) return exchange->answer_error(value.error());
  if (!is_type_name(value->type_name)) {
    return exchange->answer_error(400, "invalid", "content-type: expected application/vnd.NAMESPACE/NAME, got " + codec::quote_json(codec::excerpt(content_type, 60)));
  }

  runtime::SendRequest request{.target = std::move(target),
                               .value = *std::move(value),
                               .traceparent = traceparent_of(asked),
                               .idempotency_key = *std::move(key)};
  if (!request.traceparent.empty()) exchange->set_header("traceparent", request.traceparent);
  const bool has_key = !request.idempotency_key.empty();

  if (kind == Kind::Send) {
    return runtime_.send(std::move(request), [exchange = std::move(exchange), has_key](Result<void> sent) {
      if (!sent) return answer_failed(*exchange, sent.error(), has_key);
      exchange->answer({.status = 202, .headers = {}, .body = {}});
    });
  }
  runtime_.call(std::move(request), *timeout, [exchange = std::move(exchange), has_key](Result<model::TypedValue> reply) {
    if (!reply) return answer_failed(*exchange, reply.error(), has_key);
    exchange->answer(reply_of(*reply));
  });
}

}  // namespace holdfast::api
