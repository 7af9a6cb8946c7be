#include "dapr/sidecar_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/dapr_messages.h"
#include "codec/utf8.h"
#include "dapr/app_callback.h"
#include "dapr/error.h"
#include "grpc/wire.h"

namespace holdfast::dapr {
namespace {

namespace wire = codec::dapr;
using grpc::Code;

constexpr int kVersion1 = 1;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Strings of a message are UTF-8, which a header's value need not be.
std::string as_utf8(std::string_view text) {
  if (codec::is_utf8(text)) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = codec::utf8_sequence(text, at);
    out.append(size == 0 ? std::string_view("?") : text.substr(at, size));
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

wire::Headers headers_of(const net::HeaderList& list) {
  wire::Headers out;
  for (const auto [name, value] : list) out[lower(as_utf8(name))].values.push_back(as_utf8(value));
  return out;
}

// A verb that is none of the message's is POST, as daprd has it.
std::string verb_of(const std::string& method) {
  static constexpr std::array<std::string_view, 10> kVerbs = {"NONE", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(kVerbs, method) == kVerbs.end() ? "POST" : method;
}

tl::unexpected<grpc::Status> invalid(const std::string& why) { return tl::unexpected<grpc::Status>({Code::InvalidArgument, "parsing InternalInvokeRequest error: " + why}); }

}  // namespace

std::string call_local(const net::HttpCall& call) {
  wire::InternalInvokeRequest out;
  out.ver = kVersion1;
  out.metadata = headers_of(call.headers);
  wire::InvokeRequest& message = out.message.emplace();
  const std::size_t mark = call.target.find('?');
  message.method = call.target.substr(1, mark == std::string::npos ? mark : mark - 1);
  message.content_type = as_utf8(call.headers.get("content-type"));
  message.data = wire::Any{.type_url = {}, .value = call.body};
  if (!call.method.empty())
    message.http_extension = wire::HttpExtension{verb_of(call.method), mark == std::string::npos ? std::string() : call.target.substr(mark + 1)};
  return wire::write(out);
}

tl::expected<net::HttpCall, grpc::Status> read_call_local(std::string_view bytes) {
  auto request = wire::read<wire::InternalInvokeRequest>(bytes);
  if (!request) return invalid(request.error().message);
  if (!request->message) return invalid("field Message is nil");
  const wire::InvokeRequest& message = *request->message;
  net::HttpCall out;
  out.method = message.http_extension ? message.http_extension->verb : std::string();
  out.target = message.method.starts_with('/') ? message.method : "/" + message.method;
  if (message.http_extension && !message.http_extension->querystring.empty()) out.target += "?" + message.http_extension->querystring;
  for (const auto& [key, list] : request->metadata) {
    const std::string name = lower(key);
    if (name.starts_with(':') || name == "destination-app-id" || name == "content-type" || name.ends_with("-bin")) continue;
    if (is_hop_by_hop(name) && name != "content-length" && name != "te") continue;
    for (const auto& value : list.values) out.headers.add(name, value);
  }
  if (!message.content_type.empty()) out.headers.set("content-type", message.content_type);
  if (message.data) out.body = message.data->value;
  return out;
}

std::string call_local_answer(const net::HttpResponse& response) {
  wire::InternalInvokeResponse out;
  wire::Status& status = out.status.emplace();
  const auto of_grpc = grpc::find_status(response.trailers);
  status.code = of_grpc ? static_cast<int>(of_grpc->code) : response.status;
  if (of_grpc) status.message = as_utf8(of_grpc->message);
  net::HeaderList headers;
  for (const auto [name, value] : response.headers)
    if (!is_hop_by_hop(name)) headers.add(name, value);
  out.headers = headers_of(headers);
  if (of_grpc && of_grpc->code != Code::Ok) return wire::write(out);
  wire::InvokeResponse& message = out.message.emplace();
  message.content_type = as_utf8(response.headers.get("content-type"));
  message.data = wire::Any{.type_url = {}, .value = response.body};
  return wire::write(out);
}

tl::expected<net::HttpResponse, grpc::Status> read_call_local_answer(std::string_view bytes) {
  auto answer = wire::read<wire::InternalInvokeResponse>(bytes);
  if (!answer) return tl::unexpected<grpc::Status>({Code::Internal, answer.error().message});
  if (!answer->status) return tl::unexpected<grpc::Status>({Code::Internal, "response does not contain the required fields in the leading chunk"});
  const int code = answer->status->code;
  net::HttpResponse out;
  for (const auto& [name, list] : answer->headers)
    for (const auto& value : list.values)
      if (!name.starts_with(':') && lower(name) != "content-type") out.headers.add(name, value);
  if (answer->message) {
    if (!answer->message->content_type.empty()) out.headers.set("content-type", answer->message->content_type);
    if (answer->message->data) out.body = answer->message->data->value;
  }
  if (code >= 200 && code <= 599) out.status = code;
  else if (code >= 0 && code <= static_cast<int>(Code::Unauthenticated)) set_grpc_status(out, {static_cast<Code>(code), answer->status->message});
  else return tl::unexpected<grpc::Status>({Code::Internal, "an answer with status " + std::to_string(code)});
  return out;
}

void InternalApi::call(const std::shared_ptr<grpc::Call>& call) const {
  if (channel_ == nullptr) return call->fail({Code::Internal, std::string(kNoAppChannel)});
  auto http = read_call_local(call->message());
  if (!http) return call->fail(http.error());
  if (others_ == Others::Denied) {
    const std::string operation = http->target.substr(1, http->target.find('?') - 1);
    return call->fail({Code::PermissionDenied, "access control policy has denied access to id:  operation: " + operation + " verb: " + http->method});
  }
  channel_->call(*std::move(http), [call](AppChannel::Answer answer) {
    if (!answer) return call->fail({Code::Internal, "error invoking app channel: " + answer.error()});
    call->answer(call_local_answer(*answer));
  });
}

}  // namespace holdfast::dapr
