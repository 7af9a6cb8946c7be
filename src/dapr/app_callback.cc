#include "dapr/app_callback.h"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/dapr_messages.h"
#include "codec/go_json.h"
#include "codec/utf8.h"
#include "dapr/app_channel.h"
#include "dapr/error.h"
#include "grpc/wire.h"

namespace holdfast::dapr {
namespace {

namespace wire = codec::dapr;

constexpr const char* kOnInvoke = "/dapr.proto.runtime.v1.AppCallback/OnInvoke";
constexpr const char* kHealthCheck = "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck";

// Of HTTP's own headers, those that a caller's have in common with daprd's list.
bool is_http_own(std::string_view name) {
  static constexpr std::array<std::string_view, 24> kNames = {
      "accept",   "accept-charset", "accept-language", "accept-ranges", "cache-control", "content-type",      "content-length", "cookie", "date",   "expect",  "from", "host",
      "if-match", "if-modified-since", "if-none-match", "if-schedule-tag-match", "if-unmodified-since", "max-forwards", "origin", "pragma", "referer", "via", "warning", "connection"};
  return std::ranges::any_of(kNames, [name](std::string_view known) { return net::equals_ignoring_case(name, known); });
}

bool is_metadata(std::string_view name) {
  return !name.starts_with("dapr-grpc-") && name != "dapr-authority" && !net::equals_ignoring_case(name, "dapr-api-token") && !grpc::is_reserved(name);
}

}  // namespace

net::HttpCall on_invoke(const net::HttpCall& call) {
  wire::InvokeRequest message;
  const std::string_view target = call.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  message.method = path.starts_with('/') ? path.substr(1) : path;
  message.data = wire::Any{.type_url = {}, .value = call.body};
  message.content_type = call.headers.get("content-type");
  message.http_extension = wire::HttpExtension{call.method.empty() ? "NONE" : call.method, std::string(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1))};
  if (!codec::is_utf8(message.content_type)) message.content_type.clear();
  const bool is_from_http = call.headers.contains("content-length");  // Else there was no header of the content's type either.
  net::HeaderList metadata;
  for (const auto [name, value] : call.headers) {
    if (is_http_own(name)) {
      if (is_from_http || !net::equals_ignoring_case(name, "content-type")) metadata.add("dapr-" + std::string(name), value);
    } else if (!is_hop_by_hop(name) && is_metadata(name)) {
      metadata.add(name, value);
    }
  }
  return grpc::call_of(kOnInvoke, wire::write(message), metadata);
}

net::HttpResponse on_invoke_answer(tl::expected<grpc::Answer, grpc::Refusal> answer) {
  net::HttpResponse out;
  grpc::Status status{grpc::Code::Ok, {}};
  if (!answer) {
    status = std::move(answer.error().status);
    out.headers = std::move(answer.error().headers);
  } else if (const auto message = wire::read<wire::InvokeResponse>(answer->message); !message) {
    status = {grpc::Code::Internal, "grpc: failed to unmarshal the received message: " + message.error().message};
  } else {
    out.headers = std::move(answer->headers);
    if (!message->content_type.empty()) out.headers.set("content-type", message->content_type);
    if (message->data) out.body = message->data->value;
  }
  set_grpc_status(out, status);
  return out;
}

void set_grpc_status(net::HttpResponse& answer, const grpc::Status& status) {
  if (status.code != grpc::Code::Ok) {
    answer.status = http_status_of(status.code);
    answer.headers.set("content-type", "text/plain; charset=utf-8");
    answer.body = "{\"code\":" + std::to_string(static_cast<int>(status.code)) + ", \"message\":";
    codec::append_go_string(answer.body, status.message);
    answer.body += "}";
  }
  grpc::add_status(answer.trailers, status);
}

net::HttpCall health_check() { return grpc::call_of(kHealthCheck, {}, {}); }

}  // namespace holdfast::dapr
