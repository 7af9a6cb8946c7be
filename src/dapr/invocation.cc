#include "dapr/invocation.h"

#include <algorithm>
#include <utility>

#include "codec/base64.h"
#include "dapr/error.h"
#include "dapr/sidecar_calls.h"
#include "grpc/client.h"

namespace holdfast::dapr {
namespace {

constexpr std::string_view kAppIdHeader = "dapr-app-id";
constexpr std::string_view kInvokePath = "/v1.0/invoke/";
constexpr std::string_view kMethodPart = "/method/";
constexpr int kRetriesMax = 3;  // Of calls to other sidecars that have not come through, as daprd has them.
constexpr Duration kRetryAfter{1'000};
constexpr std::size_t kAnswerBytesMax = 64u << 20;  // Of another sidecar's; the client's own bound comes first.

std::string without_slash(std::string path) { return path.starts_with('/') ? path.substr(1) : path; }

// Who has no namespace is in this one.
std::string space_of(std::string_view name) { return name == "default" ? std::string() : std::string(name); }

std::string query_unescape(std::string text) {
  std::ranges::replace(text, '+', ' ');
  return net::percent_decode(text).value_or(std::string());
}

// Slashes in a row count as one: so "//v1.0//invoke/http://host/method/x" leads to a URL that still has two.
std::optional<std::string_view> behind_invoke(std::string_view path) {
  std::string_view wanted = kInvokePath;
  std::size_t at = 0;
  while (!wanted.empty()) {
    if (at == path.size() || path[at] != wanted.front()) return std::nullopt;
    const bool is_slash = wanted.front() == '/';
    wanted.remove_prefix(1);
    ++at;
    while (is_slash && at < path.size() && path[at] == '/') ++at;
  }
  return path.substr(at);
}

net::HttpCall call_of(const net::HttpRequest& request, std::string target) {
  net::HttpCall call;
  call.method = request.method;
  call.target = std::move(target);
  if (const auto query = request.query(); !query.empty()) call.target.append("?").append(query);
  for (const auto& [name, value] : request.headers) {
    if (net::has_token(request.headers.get("connection"), name)) continue;
    // Whether there is a length says who calls: app_callback.h. What a caller says it takes of trailers goes on, as with daprd.
    const bool goes_on = net::equals_ignoring_case(name, "content-length") || net::equals_ignoring_case(name, "te");
    if (is_hop_by_hop(name) && !goes_on) continue;
    if (net::equals_ignoring_case(name, "dapr-caller-app-id") || net::equals_ignoring_case(name, "dapr-callee-app-id")) continue;  // Ours to say.
    const bool is_grpcs = name.size() > 5 && net::equals_ignoring_case(name.substr(0, 5), "grpc-");  // Its own are told from ours, as by daprd.
    call.headers.add(is_grpcs ? "dapr-" + std::string(name) : std::string(name), value);
  }
  call.body = request.body;
  return call;
}

AppChannel::Done passes_on(std::string app_id, Invocation::Done done) {
  return [app_id = std::move(app_id), done = std::move(done)](AppChannel::Answer answer) {
    if (!answer) return done(tl::unexpected(errors::direct_invoke(app_id, answer.error())));
    net::HttpResponse response{.status = answer->status, .headers = {}, .body = std::move(answer->body), .trailers = std::move(answer->trailers)};
    for (const auto& [name, value] : answer->headers)
      if (!is_hop_by_hop(name) && !net::equals_ignoring_case(name, "date")) response.headers.add(name, value);
    done(std::move(response));
  };
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    at = end + 1;
  }
  std::string clean;
  for (const auto segment : segments) clean.append("/").append(segment);
  return clean.empty() ? "/" : clean;
}

std::optional<InvokeTarget> find_invoke_target(const net::HttpRequest& request) {
  if (const auto id = request.headers.get(kAppIdHeader); !id.empty()) return InvokeTarget{std::string(id), without_slash(clean_path(request.path()))};
  if (const auto authorization = request.headers.get("authorization"); authorization.starts_with("Basic ")) {
    if (const auto pair = codec::from_base64(authorization.substr(6)); pair && pair->starts_with(std::string(kAppIdHeader) + ":")) {
      std::string id = pair->substr(kAppIdHeader.size() + 1);
      if (id.find(':') == std::string::npos) return InvokeTarget{std::move(id), without_slash(clean_path(request.path()))};
    }
  }
  const auto rest = behind_invoke(request.path());
  if (!rest) return std::nullopt;
  const auto at = rest->find(kMethodPart);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  std::string id(rest->substr(0, at));
  if (auto decoded = query_unescape(id); !decoded.empty()) id = std::move(decoded);
  return InvokeTarget{std::move(id), std::string(rest->substr(at + kMethodPart.size()))};
}

std::optional<AppChannel*> Applications::find(std::string_view app_id) const {
  const auto it = channels_.find(app_id);
  return it == channels_.end() ? std::nullopt : std::optional(it->second);
}

// A call to another sidecar.
struct Invocation::Remote {
  std::string app_id;  // As the caller wrote it.
  std::string id, name_space;
  std::string message;
  Done done;
  int retries = 0;
};

void Invocation::call(const InvokeTarget& target, const net::HttpRequest& request, Done done) const {
  const auto failed = [&](const std::string& why) { done(tl::unexpected(errors::direct_invoke(target.app_id, why))); };
  if (target.app_id.starts_with("http://") || target.app_id.starts_with("https://")) {
    auto url = net::parse_url(target.app_id);
    if (!url) return failed(url.error().message);
    return call_outside({*std::move(url), {}}, target, request, std::move(done));
  }
  if (const auto endpoint = endpoints_.find(target.app_id); endpoint != endpoints_.end())
    return call_outside(endpoint->second, target, request, std::move(done));
  if (target.app_id.empty()) return failed("app id is empty");
  // "id" or "id.namespace".
  const std::size_t dot = target.app_id.find('.');
  const std::string id = target.app_id.substr(0, dot);
  if (dot != std::string::npos && target.app_id.find('.', dot + 1) != std::string::npos) return failed("invalid app id " + target.app_id);
  const std::string space = dot == std::string::npos ? space_of(name_space_) : space_of(target.app_id.substr(dot + 1));
  const auto found = space == space_of(name_space_) ? applications_.find(id) : std::nullopt;
  if (!found) {
    if (!address_of(id, space)) return failed(sidecars_.not_found.empty() ? "couldn't find service: " + id : sidecars_.not_found);
    net::HttpCall call = call_of(request, "/" + without_slash(target.method));
    name_us(call, id);
    return call_remote(std::make_shared<Remote>(Remote{target.app_id, id, space, call_local(call), std::move(done)}));
  }
  if (*found == nullptr) return failed("cannot invoke local endpoint: app channel not initialized");

  net::HttpCall call = call_of(request, "/" + without_slash(target.method));
  if (id != app_id_) name_us(call, id);
  (*found)->call(std::move(call), passes_on(target.app_id, std::move(done)));
}

// As daprd tells the callee.
void Invocation::name_us(net::HttpCall& call, const std::string& callee) const {
  call.headers.set("dapr-caller-app-id", app_id_);
  call.headers.set("dapr-callee-app-id", callee);
  call.headers.add("x-forwarded-for", sidecars_.our_host);
  call.headers.add("x-forwarded-host", sidecars_.our_name);
  call.headers.add("forwarded", "for=" + sidecars_.our_host + ";by=" + sidecars_.our_host + ";host=" + sidecars_.our_name);
}

// --- Sidecars of other processes.

std::optional<std::string> Invocation::address_of(std::string_view id, std::string_view name_space) const {
  if (const auto it = sidecars_.fixed.find(id); it != sidecars_.fixed.end()) return it->second;
  return sidecars_.neighbours.find(name_space, id);
}

// Each try looks for it anew: it may have come back elsewhere.
void Invocation::call_remote(std::shared_ptr<Remote> remote) const {
  const auto address = address_of(remote->id, remote->name_space);
  const auto origin = address ? net::parse_url("http://" + *address) : fail(ErrorCode::NotFound, "couldn't find service: " + remote->id);
  if (!origin) return remote->done(tl::unexpected(errors::direct_invoke(remote->app_id, origin.error().message)));
  sidecars_.clients.call(*origin, grpc::call_of("/" + std::string(kInternalService) + "/CallLocal", remote->message, {}),
                         [this, remote](net::CallResult result) { on_remote_answer(remote, std::move(result)); });
}

void Invocation::on_remote_answer(std::shared_ptr<Remote> remote, net::CallResult result) const {
  const auto answer = grpc::read_answer(std::move(result), kAnswerBytesMax);
  if (!answer) {
    const grpc::Status& status = answer.error().status;
    const std::string text = rpc_error_text(status.code, status.message);
    if (status.code == grpc::Code::PermissionDenied) return remote->done(tl::unexpected(errors::direct_invoke_denied(remote->app_id, text)));
    if (status.code != grpc::Code::Unavailable && status.code != grpc::Code::Unauthenticated)
      return remote->done(tl::unexpected(errors::direct_invoke(remote->app_id, text)));
    if (remote->retries == kRetriesMax)
      return remote->done(tl::unexpected(errors::direct_invoke(
          remote->app_id, "failed to invoke target " + remote->id + " after " + std::to_string(remote->retries) + " retries. Error: " + text)));
    ++remote->retries;
    return sidecars_.clients.after(kRetryAfter, [this, remote] { call_remote(remote); });
  }
  auto response = read_call_local_answer(answer->message);
  if (!response) return remote->done(tl::unexpected(errors::direct_invoke(remote->app_id, rpc_error_text(response.error().code, response.error().message))));
  passes_on(remote->app_id, remote->done)(*std::move(response));
}

void Invocation::proxy(std::string_view target, net::HttpCall call, net::HttpClient::Done done, const std::function<void(const std::string& why)>& nobody) const {
  const std::string id(target.substr(0, target.find('.')));
  const std::string space = id.size() == target.size() ? space_of(name_space_) : space_of(target.substr(id.size() + 1));
  if (const auto found = space == space_of(name_space_) ? applications_.find(id) : std::nullopt) {
    if (*found == nullptr || !(*found)->is_grpc()) return nobody("failed to proxy request: the application " + id + " does not speak gRPC");
    return (*found)->call_as_is(std::move(call), std::move(done));
  }
  const auto address = address_of(id, space);
  const auto origin = address ? net::parse_url("http://" + *address) : fail(ErrorCode::NotFound, sidecars_.not_found.empty() ? "couldn't find service: " + id : sidecars_.not_found);
  if (!origin) return nobody(origin.error().message);
  sidecars_.clients.call(*origin, std::move(call), std::move(done));
}

void Invocation::call_outside(const HttpEndpoint& endpoint, const InvokeTarget& target, const net::HttpRequest& request, Done done) const {
  if (const auto refusal = refusal_of_verb(request.method); !refusal.empty()) return done(tl::unexpected(errors::direct_invoke(target.app_id, refusal)));
  const std::string& path = endpoint.base.target;
  net::HttpCall call = call_of(request, (path.ends_with('/') ? path : path + "/") + without_slash(target.method));
  call.headers.remove("dapr-app-id");
  for (const auto& [name, value] : endpoint.headers) call.headers.set(name, value);
  outside_.call(endpoint.base, std::move(call), [pass = passes_on(target.app_id, std::move(done))](net::CallResult result) {
    if (!result) return pass(tl::unexpected(std::move(result.error().message)));
    result->trailers.clear();
    pass(*std::move(result));
  });
}

}  // namespace holdfast::dapr
