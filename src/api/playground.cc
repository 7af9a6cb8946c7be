#include "api/playground.h"

#include <algorithm>

#include "api/parameters.h"
#include "codec/content_type.h"
#include "codec/standard_types.h"
#include "model/edges.h"

namespace holdfast::api {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// Payloads are kept as strings in their wrapper; the playground's clients want what is in it.
std::string payload_of(model::TypedValue&& value) {
  if (value.type_name != model::kStringType) return std::move(value.value);
  auto text = codec::decode_string(value.value);
  return text ? *std::move(text) : std::move(value.value);
}

}  // namespace

void PlaygroundIngress::handle(net::HttpRequest request, net::Responder responder) {
  auto exchange = std::make_shared<Exchange>(std::move(request), std::move(responder), counters_);
  net::HttpRequest& asked = exchange->request;
  if (const auto refusal = guard_.check(asked, true)) return exchange->answer_refusal(*refusal);
  if (asked.method != "PUT" && asked.method != "POST") return exchange->answer_method_not_allowed("PUT, POST");
  const auto path = net::path_segments(asked.path());
  if (!path || path->size() != 3) {
    return exchange->answer_error(400, "invalid", "expected /namespace/function_type/function_id, got " +
                                                      codec::quote_json(asked.path().substr(0, 200)));
  }
  if (is_encoded(asked)) return exchange->answer_encoded();
  auto target = parse_address((*path)[0], (*path)[1], (*path)[2]);
  if (!target) return exchange->answer_error(target.error());
  runtime::SendRequest message{
      .target = *std::move(target),
      .value = codec::value_of_playground_body(asked.headers.get("content-type"), std::move(asked.body)),
      .traceparent = traceparent_of(asked),
      .idempotency_key = {}};
  if (message.value.type_name.size() > kTypeBytesMax) {
    return exchange->answer_error({ErrorCode::TooLarge, "the value type has more than " + std::to_string(kTypeBytesMax) + " bytes"});
  }
  runtime_.send(std::move(message), [exchange = std::move(exchange)](Result<void> sent) {
    if (!sent) return exchange->answer_error(sent.error());
    exchange->answer({.status = 200, .headers = {{"status", "200"}}, .body = {}});
  });
}

void PlaygroundEgress::handle(net::HttpRequest request, net::Responder responder) {
  auto exchange = std::make_shared<Exchange>(std::move(request), std::move(responder), counters_);
  const net::HttpRequest& asked = exchange->request;
  // A GET that takes something away.
  if (const auto refusal = guard_.check(asked, true)) return exchange->answer_refusal(*refusal);
  // HEAD neither: it would take a record away and throw it away.
  if (asked.method != "GET") return exchange->answer_method_not_allowed("GET");
  const auto topic = net::percent_decode(asked.path().substr(1));
  if (!topic || std::find(topics_.begin(), topics_.end(), *topic) == topics_.end()) {
    return exchange->answer_error(404, "not_found", "no such topic; there are: " + joined(topics_));
  }
  runtime_.pop_stream(model::stream_name(model::kPlaygroundEgress, *topic),
                      [exchange](Result<std::optional<model::StreamRecord>> popped) {
                        if (!popped) return exchange->answer_error(popped.error());
                        net::HttpResponse response{.status = 200, .headers = {}, .body = {}};
                        response.headers.add("status", *popped ? "200" : "404");
                        if (*popped) {
                          if (const auto& trace = (*popped)->traceparent; !trace.empty()) response.headers.add("traceparent", trace);
                          response.body = payload_of(std::move((*popped)->value));
                        }
                        exchange->answer(std::move(response));
                      });
}

}  // namespace holdfast::api
