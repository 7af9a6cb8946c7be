#include "grpc/server.h"

#include <utility>

#include "base/check.h"

namespace holdfast::grpc {
namespace {

// An answer without a message has its status among the headers ("trailers-only").
net::HttpResponse refusal(const Status& status, std::string_view content_type = kContentType, int http_status = 200) {
  net::HttpResponse out;
  out.status = http_status;
  out.headers.add("content-type", content_type);
  add_status(out.headers, status);
  return out;
}

// What net refuses by itself. A status of HTTP other than 200 would be all that a client believes.
net::HttpResponse refuse_as_grpc(int http_status, std::string_view message) {
  Code code = Code::Internal;
  if (http_status == 503) code = Code::Unavailable;
  if (http_status == 408) code = Code::DeadlineExceeded;
  if (http_status == 413 || http_status == 431 || http_status == 414) code = Code::ResourceExhausted;
  return refusal({code, std::string(message)});
}

}  // namespace

Call::Call(net::HttpRequest request, net::Responder responder) : request_(std::move(request)), responder_(std::move(responder)) {}

Call::~Call() {
  if (responder_) fail({Code::Internal, "the call was dropped without an answer"});
}

// The client's own, unless it says more than a subtype.
std::string Call::content_type() const {
  const std::string_view asked = request_.headers.get("content-type");
  return std::string(asked.starts_with("application/grpc+") ? asked : kContentType);
}

void Call::answer(std::string message, const net::HeaderList& headers, const net::HeaderList& trailers) {
  HOLDFAST_CHECK(responder_.has_value());
  net::HttpResponse out;
  out.headers.add("content-type", content_type());
  for (const auto [name, value] : headers)
    if (!is_reserved(name)) out.headers.add(name, value);
  out.body = frame(std::move(message));
  add_status(out.trailers, {Code::Ok, ""});
  for (const auto [name, value] : trailers)
    if (!is_reserved(name)) out.trailers.add(name, value);
  std::exchange(responder_, std::nullopt)->send(std::move(out));
}

void Call::fail(const Status& status, const net::HeaderList& headers, const net::HeaderList& trailers) {
  HOLDFAST_CHECK(responder_.has_value());
  net::HttpResponse out;
  out.headers.add("content-type", content_type());
  for (const auto [name, value] : headers)
    if (!is_reserved(name)) out.headers.add(name, value);
  // With headers of its own it is no trailers-only answer: clients take those of one for trailers.
  net::HeaderList& last = headers.empty() ? out.headers : out.trailers;
  add_status(last, status);
  for (const auto [name, value] : trailers)
    if (!is_reserved(name)) last.add(name, value);
  std::exchange(responder_, std::nullopt)->send(std::move(out));
}

void Call::on_cancel(Task gone) {
  HOLDFAST_CHECK(responder_.has_value());
  responder_->on_abort(std::move(gone));
}

void Server::add(std::string_view service, std::string_view method, Method handler) {
  HOLDFAST_CHECK(handler != nullptr);
  services_[std::string(service)][std::string(method)] = std::move(handler);
}

Result<std::unique_ptr<net::HttpServer>> Server::listen(std::vector<net::EventLoop*> loops, net::ListenSpec spec,
                                                        net::HttpLimits limits) const {
  limits.http2.protocol = net::http2();
  limits.message.body_bytes_max = options_.message_bytes_max + kPrefixBytes;
  return net::HttpServer::listen(
      std::move(loops), std::move(spec), std::move(limits),
      [this](net::HttpRequest&& request, net::Responder responder) { handle(std::move(request), std::move(responder)); }, refuse_as_grpc,
      nullptr, [max = options_.message_bytes_max](const net::HttpRequest& so_far) { return refusal(judge_cut_body(so_far.body, max)); });
}

void Server::handle(net::HttpRequest&& request, net::Responder responder) const {
  const std::string_view type = request.headers.get("content-type");
  if (!is_grpc(type))
    return responder.send(refusal({Code::InvalidArgument, "invalid gRPC request content-type " + quote(type)}, kContentType, 415));
  auto call = std::make_shared<Call>(std::move(request), std::move(responder));
  const net::HttpRequest& asked = call->request_;
  const auto refuse_early = [&](int http_status, Status status) {
    std::exchange(call->responder_, std::nullopt)->send(refusal(status, call->content_type(), http_status));
  };
  if (asked.method != "POST")
    return refuse_early(405, {Code::Internal, "Received a HEADERS frame with :method " + quote(asked.method) + " which should be POST"});
  if (const auto text = asked.headers.find("grpc-timeout")) {
    const auto timeout = parse_timeout(*text);
    if (!timeout) return refuse_early(400, {Code::Internal, timeout.error().message});
    call->timeout_ = *timeout;
  }
  const Status too_late{Code::DeadlineExceeded, "context deadline exceeded"};
  if (call->timeout_ && call->timeout_->ms == 0) return call->fail(too_late);

  std::string_view path = asked.target;
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return call->fail({Code::Unimplemented, "malformed method name: " + quote(asked.target)});
  call->service_ = path.substr(0, slash);
  call->method_ = path.substr(slash + 1);
  if (options_.check)
    if (const auto refused = options_.check(call->service_, call->method_, asked.headers)) return call->fail(*refused);
  const auto service = services_.find(call->service_);
  const Method* found = nullptr;
  if (service == services_.end()) {
    if (!options_.otherwise) return call->fail({Code::Unimplemented, "unknown service " + std::string(call->service_)});
    found = &options_.otherwise;
  } else if (const auto method = service->second.find(call->method_); method != service->second.end()) {
    found = &method->second;
  } else {
    return call->fail({Code::Unimplemented,
                       "unknown method " + std::string(call->method_) + " for service " + std::string(call->service_)});
  }
  auto message = unframe(asked.body, asked.headers.get("grpc-encoding"), options_.message_bytes_max);
  if (!message) return call->fail(message.error());
  call->message_ = *std::move(message);
  if (call->timeout_) call->responder_->expire_after(*call->timeout_, refusal(too_late, call->content_type()));
  (*found)(std::move(call));
}

}  // namespace holdfast::grpc
