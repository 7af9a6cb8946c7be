#include "app/dapr_doors.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "app/check.h"
#include "app/dapr_components.h"
#include "app/listeners.h"
#include "app/version.h"
#include "base/log.h"
#include "base/random.h"
#include "config/dapr.h"
#include "dapr/app_callback.h"
#include "grpc/client.h"

namespace holdfast::app {
namespace {

constexpr Duration kLookAgain{100};  // For an application that does not listen yet.
constexpr std::size_t kEnvelopeBytesMax = 1u << 20;  // Of a call between sidecars, beside its body.
constexpr std::size_t kHeaderSlackBytes = 4096;  // Beside --read-buffer-size, as Go's server has it.

template <typename T>
Result<T> checked(config::Loaded<T>&& loaded, const std::string& what) {
  report(loaded.problems, loaded.more_problems);
  if (!loaded.ok()) return fail(ErrorCode::Invalid, what + " cannot be used");
  return std::move(loaded.value);
}

// Of variables, those that are not set or empty mean that there is no token.
Result<std::string> token_of(const model::DaprToken& token, const char* name, const config::Environment& environment) {
  if (token.file.empty() && environment(token.env).value_or("").empty()) return std::string();
  return read_token(token.file, token.env, name, environment);
}

Result<dapr::HttpEndpoints> endpoints_of(const std::vector<model::DaprHttpEndpoint>& documents, const dapr::SecretStores& secrets) {
  dapr::HttpEndpoints endpoints;
  for (const auto& document : documents) {
    auto resolved = secrets.resolve(document);
    if (!resolved) return fail(std::move(resolved.error()));
    const std::string where = document.place.text() + ": HTTP endpoint " + document.name + ": ";
    if (!resolved->root_ca.empty() || !resolved->certificate.empty()) return fail(ErrorCode::Invalid, where + "clientTLS is not there yet");
    auto url = net::parse_url(resolved->base_url);
    if (!url) return fail(ErrorCode::Invalid, where + url.error().message);
    endpoints[document.name] = {*std::move(url), std::move(resolved->headers)};
  }
  return endpoints;
}

grpc::Status status_of(const dapr::DaprError& error) {
  return {error.grpc_code, dapr::grpc_message(error), dapr::to_status_details(error)};
}

// A call of any service, for the application that its metadata names.
void proxy(const dapr::Invocation& invocation, const std::shared_ptr<grpc::Call>& call, std::string_view app_id, std::size_t message_bytes_max) {
  if (app_id.empty()) return call->fail({grpc::Code::Unknown, "failed to proxy request: required metadata dapr-app-id not found"});
  net::HeaderList metadata;
  for (const auto [name, value] : call->headers())
    if (name != "host" && name != "dapr-api-token" && !dapr::is_hop_by_hop(name)) metadata.add(name, value);
  const std::string path = "/" + std::string(call->service()) + "/" + std::string(call->method());
  invocation.proxy(
      app_id, grpc::call_of(path, std::string(call->message()), metadata, call->timeout()),
      [call, message_bytes_max](net::CallResult result) {
        auto answer = grpc::read_answer(std::move(result), message_bytes_max);
        if (answer) return call->answer(std::move(answer->message), answer->headers, answer->trailers);
        call->fail(answer.error().status, answer.error().headers, answer.error().trailers);
      },
      [&call](const std::string& why) { call->fail({grpc::Code::Unknown, why}); });
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

// Other names than mDNS's and ours are not asked; sidecars of this machine find each other in any case.
std::map<std::string, std::string, std::less<>> fixed_names(const model::DaprConfiguration::NameResolution& resolution) {
  if (resolution.component == "holdfast.static") return {resolution.configuration.begin(), resolution.configuration.end()};
  if (!resolution.component.empty() && resolution.component != "mdns")
    log_warn("name resolution is by the files of this machine's sidecars, and not by what the configuration says", {{"component", resolution.component}});
  return {};
}

std::unique_ptr<grpc::Server> make_grpc_server(const dapr::App& app, dapr::GrpcApi& api, std::size_t message_bytes_max) {
  auto check = [&app](std::string_view, std::string_view, const net::HeaderList& headers) -> std::optional<grpc::Status> {
    if (!app.api_token.is_asked_for() || app.api_token.is(headers.get("dapr-api-token"))) return std::nullopt;
    return status_of(dapr::errors::answered_with_status(401, "Unauthorized", "authentication error: api token mismatch"));
  };
  auto otherwise = [&app, message_bytes_max](const std::shared_ptr<grpc::Call>& call) { proxy(*app.invocation, call, call->headers().get("dapr-app-id"), message_bytes_max); };
  auto server = std::make_unique<grpc::Server>(
      grpc::ServerOptions{.message_bytes_max = message_bytes_max, .check = std::move(check), .otherwise = std::move(otherwise)});
  for (const auto method : dapr::GrpcApi::methods())
    server->add(dapr::GrpcApi::kService, method, [&api, method](std::shared_ptr<grpc::Call> call) {
      api.call(method, call->message(), call->headers(), [call](dapr::DaprResult<dapr::GrpcApi::Reply> reply) {
        if (!reply) return call->fail(status_of(reply.error()));
        if (reply->error) return call->fail(status_of(*reply->error), reply->headers);
        call->answer(std::move(reply->message), reply->headers);
      });
    });
  return server;
}

net::HttpLimits limits_of(const model::DaprAppSpec& spec, std::shared_ptr<net::ConnectionBudget> connections) {
  net::HttpLimits limits;
  limits.message.body_bytes_max = spec.body_bytes_max;
  limits.message.header_bytes_max = spec.header_bytes_max + kHeaderSlackBytes;
  limits.message.start_line_bytes_max = limits.message.header_bytes_max;
  limits.connections = std::move(connections);
  limits.http2.protocol = net::http2();
  return limits;
}

}  // namespace

Result<std::unique_ptr<DaprDoors>> DaprDoors::open(const std::vector<model::DaprAppSpec>& specs, World world) {
  std::unique_ptr<DaprDoors> doors(new DaprDoors(std::move(world)));
  for (const auto& spec : specs)
    if (auto ok = doors->add(spec); !ok) return fail(ok.error().code, "application " + spec.app_id + ": " + ok.error().message);
  const auto connections = std::make_shared<net::ConnectionBudget>(doors->world_.connections_max);
  for (const auto& sidecar : doors->sidecars_)
    if (auto ok = doors->listen(*sidecar, limits_of(sidecar->spec, connections)); !ok) return fail(std::move(ok.error()));
  return doors;
}

Result<void> DaprDoors::add(const model::DaprAppSpec& spec) {
  if (applications_.find(spec.app_id)) return fail(ErrorCode::Invalid, "another application has that id already");
  const auto environment = config::process_environment();
  auto configuration = checked(config::load_dapr_configuration(spec.configuration_files, environment), "its configuration");
  if (!configuration) return fail(std::move(configuration.error()));
  auto resources = checked(config::load_dapr_resources(spec.resource_folders, {spec.app_id, spec.name_space}), "its resources");
  if (!resources) return fail(std::move(resources.error()));
  auto api_token = token_of(spec.api_token, "API token", environment);
  if (!api_token) return fail(std::move(api_token.error()));

  auto sidecar = std::make_unique<Sidecar>();
  sidecar->spec = spec;
  dapr::App& app = sidecar->app;
  app.id = spec.app_id;
  app.name_space = spec.name_space;
  app.runtime_version = spec.runtime_version.empty() ? kVersionNumber : spec.runtime_version;
  app.api_token = api::Token(*std::move(api_token));
  app.shut_down = world_.shut_down;

  SeededRandom random(entropy());
  const dapr::Surroundings surroundings{spec.app_id, spec.name_space, dapr::process_variables()};
  app.secrets = std::make_unique<dapr::SecretStores>(surroundings, configuration->secret_scopes);
  if (auto ok = app.secrets->open(resources->components, random); !ok) return ok;
  auto components = make_components(resources->components, {surroundings, *configuration, *app.secrets, *world_.items, *world_.clock}, random);
  if (!components) return fail(std::move(components.error()));
  app.components = std::move(components->registered);
  app.states = std::make_unique<dapr::States>(spec.app_id, std::move(components->states), std::vector<Loop*>(world_.loops.begin(), world_.loops.end()));

  if (auto ok = open_channel(*sidecar); !ok) return ok;
  applications_.add(spec.app_id, sidecar->channel.get());
  auto endpoints = endpoints_of(resources->http_endpoints, *app.secrets);
  if (!endpoints) return fail(std::move(endpoints.error()));
  for (const auto& [name, endpoint] : *endpoints) app.http_endpoints.push_back({name});
  app.invocation = std::make_unique<dapr::Invocation>(spec.app_id, spec.name_space, applications_, *std::move(endpoints), outside_,
                                                      dapr::OtherSidecars{.clients = sidecar_clients_,
                                                                          .neighbours = neighbours_,
                                                                          .fixed = fixed_names(configuration->name_resolution),
                                                                          .not_found = configuration->name_resolution.component == "sqlite" ? "no host found with the given ID" : "",
                                                                          .our_host = environment("DAPR_HOST_IP").value_or("127.0.0.1"),
                                                                          .our_name = host_name()});
  sidecar->http = std::make_unique<dapr::HttpApi>(app);
  sidecar->grpc = std::make_unique<dapr::GrpcApi>(app);
  sidecar->grpc_server = make_grpc_server(app, *sidecar->grpc, spec.body_bytes_max);
  if (spec.internal_grpc_port) {
    const bool is_denied = configuration->access_control.default_action == model::DaprAccessControl::Action::Deny;
    using Others = dapr::InternalApi::Others;
    sidecar->internal = std::make_unique<dapr::InternalApi>(sidecar->channel.get(), is_denied ? Others::Denied : Others::Allowed);
    auto for_us = [&app, most = spec.body_bytes_max](const std::shared_ptr<grpc::Call>& call) {
      if (call->headers().get("dapr-app-id") != app.id) return call->fail({grpc::Code::Unimplemented, "unknown service " + std::string(call->service())});
      proxy(*app.invocation, call, app.id, most);
    };
    sidecar->internal_server = std::make_unique<grpc::Server>(grpc::ServerOptions{.message_bytes_max = spec.body_bytes_max + kEnvelopeBytesMax,
                                                                                  .otherwise = is_denied ? nullptr : std::function<void(std::shared_ptr<grpc::Call>)>(for_us)});
    sidecar->internal_server->add(dapr::kInternalService, "CallLocal", [api = sidecar->internal.get()](const std::shared_ptr<grpc::Call>& call) { api->call(call); });
  }
  sidecars_.push_back(std::move(sidecar));
  return {};
}

Result<void> DaprDoors::open_channel(Sidecar& sidecar) {
  const model::DaprAppSpec& spec = sidecar.spec;
  sidecar.app.connection.channel_address = spec.app_channel_address;
  sidecar.app.connection.protocol = show(spec.app_protocol);
  sidecar.app.connection.port = spec.app_port;
  sidecar.app.connection.max_concurrency = static_cast<std::int32_t>(spec.app_max_concurrency);
  if (spec.app_port == 0) return {};
  auto token = token_of(spec.app_api_token, "API token of the application", config::process_environment());
  if (!token) return fail(std::move(token.error()));
  dapr::AppChannelOptions options;
  using Protocol = model::DaprAppProtocol;
  using Speaks = dapr::AppChannelOptions::Speaks;
  options.origin.tls = spec.app_protocol == Protocol::Https || spec.app_protocol == Protocol::Grpcs;
  if (spec.app_protocol == Protocol::H2c) options.speaks = Speaks::Http2;
  if (spec.app_protocol == Protocol::Grpc || spec.app_protocol == Protocol::Grpcs) options.speaks = Speaks::Grpc;
  options.origin.host = spec.app_channel_address;
  options.origin.port = spec.app_port;
  options.api_token = *std::move(token);
  options.concurrency_max = spec.app_max_concurrency;
  options.connections = world_.calls;
  options.response_bytes_max = std::max<std::uint64_t>(spec.body_bytes_max, 4u << 20);
  auto channel = dapr::AppChannel::open(world_.loops, std::move(options));
  if (!channel) return fail(std::move(channel.error()));
  sidecar.channel = *std::move(channel);
  return {};
}

Result<void> DaprDoors::listen(Sidecar& sidecar, const net::HttpLimits& limits) {
  const model::DaprAppSpec& spec = sidecar.spec;
  dapr::HttpApi& http = *sidecar.http;
  const auto serve = [&](const char* what, net::ListenSpec where) -> Result<void> {
    auto server = net::HttpServer::listen(
        world_.loops, std::move(where), limits,
        [&http](net::HttpRequest&& request, net::Responder responder) { http.handle(std::move(request), std::move(responder)); }, dapr::http_error,
        [&http](const net::HttpRequest& head) { return http.refuse(head); });
    if (!server) return fail(std::move(server.error()));
    ports_.push_back({spec.app_id, what, *std::move(server)});
    return {};
  };
  const auto serve_grpc = [&](net::ListenSpec where) -> Result<void> {
    auto server = sidecar.grpc_server->listen(world_.loops, std::move(where), limits);
    if (!server) return fail(std::move(server.error()));
    ports_.push_back({spec.app_id, "grpc", *std::move(server)});
    return {};
  };
  if (sidecar.internal_server)
    if (auto ok = listen_to_sidecars(sidecar, limits); !ok) return ok;
  if (!spec.unix_socket_folder.empty()) {
    const std::string path = spec.unix_socket_folder + "/dapr-" + spec.app_id;
    if (auto ok = serve("http", {.unix_path = path + "-http.socket"}); !ok) return ok;
    return serve_grpc({.unix_path = path + "-grpc.socket"});
  }
  std::vector<std::string> addresses = spec.listen_addresses;
  if (addresses.empty()) addresses = {"127.0.0.1"};
  for (const auto& address : addresses) {
    if (spec.http_port)
      if (auto ok = serve("http", {.host = address, .port = *spec.http_port}); !ok) return ok;
    if (spec.grpc_port)
      if (auto ok = serve_grpc({.host = address, .port = *spec.grpc_port}); !ok) return ok;
  }
  return {};
}

// Where others find it. Not being found is no reason not to start.
Result<void> DaprDoors::listen_to_sidecars(Sidecar& sidecar, const net::HttpLimits& limits) {
  const model::DaprAppSpec& spec = sidecar.spec;
  const std::string host = spec.internal_grpc_listen_address.empty() ? "127.0.0.1" : spec.internal_grpc_listen_address;
  auto server = sidecar.internal_server->listen(world_.loops, {.host = host, .port = *spec.internal_grpc_port}, limits);
  if (!server) return fail(std::move(server.error()));
  const bool is_everywhere = host == "0.0.0.0" || host == "::" || host == "[::]";
  if (auto ok = neighbours_.announce(spec.name_space == "default" ? "" : spec.name_space, spec.app_id, is_everywhere ? "127.0.0.1" : host, (*server)->port()); !ok)
    log_warn("sidecars of other processes do not find this one", {{"app_id", spec.app_id}, {"error", ok.error().message}});
  ports_.push_back({spec.app_id, "internal", *std::move(server)});
  return {};
}

void DaprDoors::start() {
  for (const auto& sidecar : sidecars_) {
    sidecar->app.is_outbound_ready = true;
    if (!sidecar->channel) sidecar->app.is_ready = true;
    else world_.loops.front()->post([this, sidecar = sidecar.get()] { look_for(*sidecar); });
    log_info("application", {{"app_id", sidecar->spec.app_id}, {"app_port", sidecar->spec.app_port}});
  }
}

// daprd asks an application for its configuration as soon as it listens: whatever it answers, it is there.
void DaprDoors::look_for(Sidecar& sidecar) {
  const auto answered = [this, &sidecar](bool is_there) {
    if (!is_there) {
      world_.loops.front()->after(kLookAgain, [this, &sidecar] { look_for(sidecar); });
      return;
    }
    sidecar.app.is_ready = true;
    log_info("application is up", {{"app_id", sidecar.spec.app_id}});
  };
  if (sidecar.channel->is_grpc()) return sidecar.channel->call_as_is(dapr::health_check(), [answered](const net::CallResult& result) { answered(result.has_value()); });
  net::HttpCall call;
  call.method = "GET";
  call.target = "/dapr/config";
  call.headers.add("dapr-app-id", sidecar.spec.app_id);
  sidecar.channel->call(std::move(call), [answered](const dapr::AppChannel::Answer& answer) { answered(answer.has_value()); });
}

std::vector<const MetricsSource*> DaprDoors::metrics() const {
  std::vector<const MetricsSource*> out;
  for (const auto& sidecar : sidecars_) out.push_back(&sidecar->http->metrics());
  return out;
}

}  // namespace holdfast::app
