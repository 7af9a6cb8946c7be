#include "targets/statefun_http.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "codec/statefun_v2.h"
#include "codec/utf8.h"
#include "model/function_url.h"
#include "net/http_message.h"
#include "net/url.h"
#include "targets/statefun_answer.h"

namespace holdfast::targets {

namespace {

constexpr std::string_view kPlaceholder = model::kFunctionNamePlaceholder;

std::string expand(std::string_view url_template, std::string_view function_name) {
  const std::string name = net::percent_encode(function_name);
  std::string out;
  for (std::size_t at = 0;;) {
    const auto hole = url_template.find(kPlaceholder, at);
    out.append(url_template.substr(at, hole - at));
    if (hole == std::string_view::npos) return out;
    out.append(name);
    at = hole + kPlaceholder.size();
  }
}

// Of all functions; empty: each has its own.
std::string only_origin(const std::string& url_template) {
  const auto one = net::parse_url(expand(url_template, "a")), another = net::parse_url(expand(url_template, "b"));
  return one && another && one->origin() == another->origin() ? one->origin() : std::string();
}

net::ClientOptions client_options(const model::EndpointSpec& spec, const net::TlsClient& tls, const std::string& user_agent,
                                  const std::shared_ptr<net::ConnectionBudget>& connections) {
  net::ClientOptions options;
  options.connect_timeout = spec.connect_timeout;
  options.call_timeout = spec.call_timeout;
  options.read_timeout = spec.read_timeout;
  options.write_timeout = spec.write_timeout;
  options.idle_timeout = spec.idle_timeout;
  options.age_max = spec.connection_age_max;
  options.pool_size = spec.pool_size;
  options.response_bytes_max = spec.payload_bytes_max;
  options.tls = tls;
  options.user_agent = user_agent;
  options.connections = connections;
  return options;
}

}  // namespace

StatefunHttpTarget::StatefunHttpTarget(model::EndpointSpec spec, net::EventLoop& loop, net::TlsClient tls,
                                       std::string user_agent, std::shared_ptr<net::ConnectionBudget> connections)
    : spec_(std::move(spec)),
      loop_(loop),
      tls_(std::move(tls)),
      user_agent_(std::move(user_agent)),
      only_origin_(only_origin(spec_.url_template)),
      connections_(std::move(connections)),
      alive_(std::make_shared<char>()) {}

StatefunHttpTarget::~StatefunHttpTarget() {
  alive_.reset();  // Before the clients go: they call back for what is under way.
  pipes_.clear();
}

void StatefunHttpTarget::invoke(const ports::Invocation& invocation, Done done) {
  using Kind = model::InvocationFailure::Kind;
  const auto refuse = [&](std::string why) {
    answer_later(std::move(done), model::InvocationFailure{Kind::Refused, std::move(why)});
  };
  const bool is_v3 = spec_.protocol == model::FunctionProtocol::V3;
  if (!is_v3 && !spec_.states.empty())
    if (auto incomplete = missing_states(invocation); !incomplete.missing.empty())
      return answer_later(std::move(done), std::move(incomplete));

  const auto name = model::split_type(invocation.address.type).name;
  Route made;
  const Route* route = nullptr;
  if (const auto known = routes_.find(name); known != routes_.end()) {
    route = &known->second;
  } else {
    auto found = find_route(name);
    if (!found && found.error().code == ErrorCode::Overloaded)
      return answer_later(std::move(done), model::InvocationFailure{Kind::Unreachable, std::move(found.error().message)});
    if (!found) return refuse(std::move(found.error().message));
    made = std::move(*found);
    route = routes_.size() < kRoutesMax ? &routes_.emplace(name, std::move(made)).first->second : &made;
  }

  route->host->used = ++calls_;

  states_.clear();
  for (const auto& entry : invocation.states) states_.push_back({entry.spec, entry.value});
  const auto size = is_v3 ? codec::to_function_size(invocation.address, states_, invocation.batch)
                          : codec::v2::to_function_size(invocation.address, states_, invocation.batch);
  if (size > spec_.payload_bytes_max)
    return refuse("a request of " + std::to_string(size) + " bytes for " + *route->shown + " is over the endpoint's limit of " +
                  std::to_string(spec_.payload_bytes_max));
  if (route->pipe != nullptr && route->pipe->takes(invocation.traceparent.size(), size)) {
    codec::append_to_function(route->pipe->begin_call(invocation.traceparent, size), invocation.address, states_, invocation.batch);
    return route->pipe->end_call(std::move(done));
  }
  std::string body;
  body.reserve(size);
  if (is_v3) codec::append_to_function(body, invocation.address, states_, invocation.batch);
  else codec::v2::append_to_function(body, invocation.address, states_, invocation.batch);
  call(*route, invocation.traceparent, std::move(body), std::move(done));
}

void StatefunHttpTarget::call(const Route& route, std::string_view traceparent, std::string body, Done done) {
  net::HttpCall call;
  call.method = "POST";
  call.target = route.path;
  call.headers.add("content-type", kStatefunContentType);
  call.headers.add("accept", kStatefunContentType);
  if (!traceparent.empty()) call.headers.add("traceparent", traceparent);
  call.body = std::move(body);
  route.host->client->call(std::move(call), [alive = std::weak_ptr<void>(alive_), url = route.shown, pipe = route.pipe, protocol = spec_.protocol,
                                       limit = spec_.payload_bytes_max, done = std::move(done)](net::CallResult result) {
    if (alive.expired()) return;
    if (result && pipe != nullptr) pipe->look_at(*result);
    done(result ? judge_answer(*url, protocol, *result) : judge_error(*url, limit, result.error()));
  });
}

model::IncompleteContext StatefunHttpTarget::missing_states(const ports::Invocation& invocation) const {
  std::vector<std::string_view> known;
  known.reserve(invocation.states.size());
  for (const auto& entry : invocation.states) known.push_back(entry.spec->name);
  std::sort(known.begin(), known.end());
  model::IncompleteContext incomplete;
  for (const auto& spec : spec_.states)
    if (!std::binary_search(known.begin(), known.end(), std::string_view(spec.name))) incomplete.missing.push_back(spec);
  return incomplete;
}

Result<StatefunHttpTarget::Route> StatefunHttpTarget::find_route(std::string_view function_name) {
  if (!model::can_stand_in(spec_.url_template, function_name))
    return fail(ErrorCode::Invalid, "the function name \"" + std::string(function_name) + "\" would not stand for itself in " + spec_.shown_url());
  auto url = net::parse_url(expand(spec_.url_template, function_name));
  if (!url) return fail(url.error());
  const std::string origin = url->origin();
  auto known = hosts_.find(origin);
  if (known == hosts_.end()) {
    if (hosts_.size() >= kOriginsMax)
      if (auto dropped = drop_host(); !dropped) return fail(std::move(dropped.error()));
    auto options = client_options(spec_, tls_, user_agent_, connections_);
    options.room = room_;
    auto made = net::HttpClient::create(loop_, *url, std::move(options));
    if (!made) return fail(made.error());
    known = hosts_.emplace(origin, std::make_unique<Host>(Host{std::move(*made), 0})).first;
  }
  Route route{known->second.get(), url->target, origin + url->target,
              std::make_shared<const std::string>(expand(spec_.shown_url(), function_name))};
  route.pipe = find_pipe(route);
  return route;
}

Result<void> StatefunHttpTarget::drop_host() {
  const auto is_idle = [this](const Host& host) {
    return host.client->pending() == 0 &&
           std::ranges::all_of(pipes_, [&](const auto& each) { return each.second.host != &host || each.second.calls->is_idle(); });
  };
  auto oldest = hosts_.end();
  for (auto it = hosts_.begin(); it != hosts_.end(); ++it)
    if ((oldest == hosts_.end() || it->second->used < oldest->second->used) && is_idle(*it->second)) oldest = it;
  if (oldest == hosts_.end())
    return fail(ErrorCode::Overloaded, "the url template " + spec_.shown_url() + " leads to more than " + std::to_string(kOriginsMax) +
                                           " hosts that are being called at once");
  const Host* host = oldest->second.get();
  std::erase_if(routes_, [host](const auto& each) { return each.second.host == host; });
  std::erase_if(pipes_, [host](const auto& each) { return each.second.host == host; });
  hosts_.erase(oldest);
  return {};
}

std::string StatefunHttpTarget::origin(std::string_view type) const {
  if (!only_origin_.empty()) return only_origin_;
  const std::string url = expand(spec_.url_template, model::split_type(type).name);
  const auto parsed = net::parse_url(url);
  return parsed ? parsed->origin() : url;  // Of one that is none, invoke() says why.
}

FunctionPipe* StatefunHttpTarget::find_pipe(const Route& route) {
  if (!spec_.pipelining || spec_.protocol != model::FunctionProtocol::V3) return nullptr;
  if (const auto known = pipes_.find(route.url); known != pipes_.end()) return known->second.calls.get();
  if (pipes_.size() == kPipesMax) return nullptr;
  auto pipe = std::make_unique<FunctionPipe>(
      loop_, *route.host->client, *route.shown, route.path, spec_,
      [this, route](std::string_view traceparent, std::string body, Done done) { call(route, traceparent, std::move(body), std::move(done)); },
      PipePauses{}, room_);
  return pipes_.emplace(route.url, Pipe{route.host, std::move(pipe)}).first->second.calls.get();
}

void StatefunHttpTarget::answer_later(Done done, model::InvocationOutcome outcome) {
  loop_.post([alive = std::weak_ptr<void>(alive_), done = std::move(done), outcome = std::move(outcome)]() mutable {
    if (!alive.expired()) done(std::move(outcome));
  });
}

Result<net::TlsClient> load_endpoint_tls(const model::EndpointSpec& spec) {
  const auto url = net::parse_url(expand(spec.url_template, "function"));
  if (!url) return fail(url.error());
  if (!url->tls) return net::TlsClient();
  return net::load_tls_client({.trust_cacerts = spec.tls.trust_cacerts,
                               .client_cert = spec.tls.client_cert,
                               .client_key = spec.tls.client_key,
                               .client_key_password = {},
                               .client_key_password_file = spec.tls.client_key_password_file});
}

Result<EndpointCertificates> load_endpoint_certificates(std::span<const model::EndpointSpec> endpoints) {
  EndpointCertificates certificates;
  for (const auto& spec : endpoints) {
    auto tls = load_endpoint_tls(spec);
    if (!tls) return fail(tls.error().code, "endpoint " + spec.functions + ": " + tls.error().message);
    certificates[spec.functions] = std::move(*tls);
  }
  return certificates;
}

ports::TargetFactory make_statefun_http_factory(EndpointCertificates certificates, StatefunHttpOptions options) {
  return ports::TargetFactory([certificates = std::move(certificates), options = std::move(options)](
                                  const model::EndpointSpec& spec, Loop& loop) -> std::unique_ptr<ports::FunctionTarget> {
    auto* event_loop = dynamic_cast<net::EventLoop*>(&loop);
    HOLDFAST_CHECK(event_loop != nullptr);
    const auto found = certificates.find(spec.functions);
    HOLDFAST_CHECK(found != certificates.end());
    return std::make_unique<StatefunHttpTarget>(spec, *event_loop, found->second, options.user_agent, options.connections);
  });
}

}  // namespace holdfast::targets
