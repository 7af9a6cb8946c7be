// holdfast.dapr.v1/app: one application of `holdfast up`, with the keys of daprd's flags.
#include "config/dapr_values.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

using Spec = model::DaprAppSpec;

void read_port(MapReader& spec, std::string_view key, std::optional<std::uint16_t>& out, Declarations& declarations) {
  std::uint16_t port = 0;
  if (spec.optional(key, integer(0, 65'535), port) && declarations.port(spec, key, port)) out = port;
}

// At most one of the two keys; what neither says stays as it was.
void read_token(MapReader& spec, std::string_view env_key, std::string_view file_key, model::DaprToken& out) {
  std::string name;
  if (spec.optional(env_key, environment_name(), name)) {
    out = {.env = name, .file = {}};
    const auto token = spec.file().environment(name);
    if (!token || token->empty()) spec.error(env_key, "an environment variable that is set", spec.written(env_key));
  }
  if (spec.optional(file_key, readable_file(spec.file().folder), out.file)) {
    out.env.clear();
    if (spec.has(env_key)) spec.error(env_key, "either " + std::string(env_key) + " or " + std::string(file_key), "both");
  }
}

void read_health(MapReader& spec, Spec::Health& out) {
  spec.optional("enableAppHealthCheck", boolean(), out.enabled);
  if (spec.optional("appHealthCheckPath", text("a path, as /healthz"), out.path) && !out.path.starts_with('/')) out.path.insert(0, "/");
  spec.optional("appHealthProbeInterval", probe_time("seconds", {1'000}), out.interval);
  spec.optional("appHealthProbeTimeout", probe_time("milliseconds", {1}), out.timeout);
  spec.optional("appHealthThreshold", integer(1, 1'000'000), out.threshold);
  if (out.timeout > out.interval) {
    const std::string_view key = spec.has("appHealthProbeTimeout") ? "appHealthProbeTimeout" : "appHealthProbeInterval";
    spec.error(key, "appHealthProbeTimeout not above appHealthProbeInterval", spec.written(key));
  }
}

void read_listeners(MapReader& spec, Spec& out, Declarations& declarations) {
  const auto address = text("an address to listen on, as 127.0.0.1");
  read_port(spec, "daprHttpPort", out.http_port, declarations);
  read_port(spec, "daprGrpcPort", out.grpc_port, declarations);
  read_port(spec, "daprPublicPort", out.public_port, declarations);
  read_port(spec, "daprInternalGrpcPort", out.internal_grpc_port, declarations);
  read_port(spec, "metricsPort", out.metrics_port, declarations);
  read_one_or_more(spec, "daprListenAddresses", address, out.listen_addresses);
  spec.optional("daprPublicListenAddress", address, out.public_listen_address);
  spec.optional("daprInternalGrpcListenAddress", address, out.internal_grpc_listen_address);
  spec.optional("metricsListenAddress", address, out.metrics_listen_address);
  spec.optional("enableMetrics", boolean(), out.metrics);
  spec.optional("unixDomainSocket", text("a folder for sockets"), out.unix_socket_folder);
  spec.optional("allowedOrigins", text("origins, as * or https://example.com"), out.allowed_origins);
  for (const auto& [key, port] : {std::pair<std::string_view, std::optional<std::uint16_t>*>{"daprHttpPort", &out.http_port}, {"daprGrpcPort", &out.grpc_port}})
    if (out.app_port != 0 && port->has_value() && **port == out.app_port)
      spec.error(key, "another port than appPort", spec.written(key));
}

}  // namespace

void read_dapr_app(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  if (configuration.dapr_apps.size() == kDaprAppsMax)
    return spec.file().report(Severity::Error, spec.mark(), spec.path(), "at most " + std::to_string(kDaprAppsMax) + " documents of this kind", "more");
  Spec out;
  if (spec.required("appId", app_id(), out.app_id)) declarations.dapr_app(spec, "appId", out.app_id);
  out.name_space = spec.file().environment("NAMESPACE").value_or("");
  spec.optional("namespace", text("a namespace"), out.name_space);
  spec.optional("runtimeVersion", text("a version, as 1.14.0"), out.runtime_version);
  spec.optional("appPort", integer(0, 65'535), out.app_port);
  spec.optional("appProtocol", app_protocol(), out.app_protocol);
  spec.optional("appChannelAddress", text("a host, as 127.0.0.1"), out.app_channel_address);
  std::int64_t concurrency = 0;
  if (spec.optional("appMaxConcurrency", integer(-1, 1'000'000), concurrency)) out.app_max_concurrency = concurrency < 0 ? 0 : static_cast<std::uint32_t>(concurrency);
  read_health(spec, out.health);
  read_listeners(spec, out, declarations);
  read_one_or_more(spec, "resourcesPath", folder_path(spec.file().folder, {}), out.resource_folders);
  read_one_or_more(spec, "config", file_path(spec.file().folder, {}), out.configuration_files);
  spec.optional("maxBodySize", quantity(Spec::kBodyBytesLimit), out.body_bytes_max);
  spec.optional("readBufferSize", quantity(Spec::kHeaderBytesLimit), out.header_bytes_max);
  spec.optional("daprGracefulShutdownSeconds", probe_time("seconds", {1'000}), out.graceful_shutdown);
  Duration block;
  if (spec.optional("daprBlockShutdownDuration", probe_time("milliseconds", {1}), block)) out.block_shutdown = block;
  bool logging = false;
  if (spec.optional("enableApiLogging", boolean(), logging)) out.api_logging = logging;
  read_token(spec, "daprApiTokenEnv", "daprApiTokenFile", out.api_token);
  read_token(spec, "appApiTokenEnv", "appApiTokenFile", out.app_api_token);
  spec.finish();
  configuration.dapr_apps.push_back(std::move(out));
}

}  // namespace holdfast::config
