// dapr.yaml: a multi-app run template, as `dapr run -f` takes it. What an app does not say, `common` says; paths of `common` are relative to the
// file, those of an app to its folder.
#include <algorithm>
#include <filesystem>
#include <type_traits>

#include "config/dapr.h"
#include "config/dapr_values.h"
#include "config/edge_formats.h"
#include "config/text_file.h"
#include "config/yaml.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kFileName = "dapr.yaml";

std::string home_of(const Environment& environment) { return environment("HOME").value_or(""); }

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}
bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

Format<model::DaprLogTo> log_destination() {
  return {"console, file or fileAndConsole",
          [format = one_of({"console", "file", "fileAndConsole"})](std::string_view text, std::string& hint) -> std::optional<model::DaprLogTo> {
            const auto word = format.parse(text, hint);
            if (!word) return std::nullopt;
            return *word == "console" ? model::DaprLogTo::Console : *word == "file" ? model::DaprLogTo::File : model::DaprLogTo::FileAndConsole;
          }};
}

// 0 and less: any port that is free.
void read_port(MapReader& map, std::string_view key, std::optional<std::uint16_t>& out) {
  std::int64_t port = 0;
  if (map.optional(key, integer(-1, 65'535), port)) out = static_cast<std::uint16_t>(std::max<std::int64_t>(port, 0));
}

// What `common` and an app may both say. As in Dapr's CLI, a value that says nothing (false, 0, "") is not there.
class SharedReader {
 public:
  SharedReader(MapReader& map, std::string base, std::string home) : map_(map), base_(std::move(base)), home_(std::move(home)) {}

  void read(model::DaprRunApp& out) {
    auto& sidecar = out.sidecar;
    said("appProtocol", app_protocol(), sidecar.app_protocol);
    said("apiListenAddresses", text("addresses, separated by commas"), [&](const std::string& list) { split(list, sidecar.listen_addresses); });
    said("logLevel", any_case(one_of({"debug", "info", "warn", "error", "fatal"})), out.log_level);
    std::int64_t concurrency = 0;
    if (map_.optional("appMaxConcurrency", integer(-1, 1'000'000), concurrency) && concurrency != 0)
      sidecar.app_max_concurrency = concurrency < 0 ? 0 : static_cast<std::uint32_t>(concurrency);
    turn_on("appSSL", ssl_);
    turn_on("enableAppHealthCheck", sidecar.health.enabled);
    said("appHealthCheckPath", text("a path, as /healthz"), sidecar.health.path);
    said("appHealthProbeInterval", probe_time("seconds", {1'000}), sidecar.health.interval);
    said("appHealthProbeTimeout", probe_time("milliseconds", {1}), sidecar.health.timeout);
    said("appHealthThreshold", integer(1, 1'000'000), sidecar.health.threshold);
    bool logging = false;
    turn_on("enableApiLogging", logging);
    if (logging) sidecar.api_logging = true;
    said("maxBodySize", quantity(model::DaprAppSpec::kBodyBytesLimit), sidecar.body_bytes_max);
    said("readBufferSize", quantity(model::DaprAppSpec::kHeaderBytesLimit), sidecar.header_bytes_max);
    said("appLogDestination", log_destination(), out.app_log);
    said("daprdLogDestination", log_destination(), out.daprd_log);
    if (auto env = map_.map("env", Extras::Ignored))
      for (const auto& [name, value] : env->node().members) {
        if (out.env.size() == kPairsMax) return map_.error("env", "at most " + std::to_string(kPairsMax) + " variables", "more");
        out.env[name.name] = value->kind == Node::Kind::Null ? std::string() : dapr_text(*value);
      }
    for (const std::string_view key : {"placementHostAddress", "schedulerHostAddress", "enableProfiling", "runtimePath"})
      if (map_.has(key)) map_.warning(key, "what Holdfast does something with", map_.written(key), "it is ignored");
  }

  // The folders that are said here; resourcesPath is the older key.
  [[nodiscard]] std::vector<std::string> resources() {
    std::vector<std::string> out, old;
    read_one_or_more(map_, "resourcesPaths", folder_path(base_, home_), out);
    if (!map_.is_empty("resourcesPath")) read_one_or_more(map_, "resourcesPath", folder_path(base_, home_), old);
    out.insert(out.end(), old.begin(), old.end());
    return out;
  }
  [[nodiscard]] std::string configuration() {
    std::string out;
    said("configFilePath", file_path(base_, home_), out);
    return out;
  }
  [[nodiscard]] bool ssl() const { return ssl_; }

 private:
  template <typename T, typename Out>
  void said(std::string_view key, const Format<T>& format, Out&& out) {
    const Node* value = map_.find(key);
    if (map_.is_empty(key) || (value != nullptr && value->kind == Node::Kind::Scalar && value->plain && value->scalar == "0")) return;
    T read{};
    if (!map_.optional(key, format, read)) return;
    if constexpr (std::is_invocable_v<Out, const T&>)
      out(read);
    else
      out = static_cast<std::remove_reference_t<Out>>(std::move(read));
  }
  void turn_on(std::string_view key, bool& out) {
    bool on = false;
    if (map_.optional(key, boolean(), on) && on) out = true;
  }
  static void split(const std::string& list, std::vector<std::string>& out) {
    out.clear();
    for (std::size_t at = 0; at <= list.size();) {
      const auto end = std::min(list.find(',', at), list.size());
      if (end > at) out.push_back(list.substr(at, end - at));
      at = end + 1;
    }
  }

  MapReader& map_;
  std::string base_, home_;
  bool ssl_ = false;
};

class RunReader {
 public:
  RunReader(MapReader& document, std::string home) : document_(document), home_(std::move(home)) {}

  void read(model::DaprRun& out) {
    std::int64_t version = 0;
    document_.required("version", integer(1, 1'000'000), version);
    document_.optional("name", any_text("a name"), out.name);
    if (auto common = document_.map("common", Extras::Ignored)) {
      SharedReader shared(*common, document_.file().folder, home_);
      shared.read(common_);
      common_resources_ = shared.resources();
      common_configuration_ = shared.configuration();
      common_ssl_ = shared.ssl();
      common->finish();
    }
    if (!document_.has("apps")) document_.missing("apps", "a list of apps");
    for (MapReader& map : document_.maps("apps", Extras::Ignored)) {
      if (out.apps.size() == kDaprAppsMax) return document_.error("apps", "at most " + std::to_string(kDaprAppsMax), "more");
      model::DaprRunApp app = common_;
      read_app(map, app);
      app.sidecar.name_space = document_.file().environment("NAMESPACE").value_or("");
      if (!app.sidecar.app_id.empty() && std::any_of(out.apps.begin(), out.apps.end(), [&](const auto& a) { return a.sidecar.app_id == app.sidecar.app_id; }))
        map.error("appID", "an app id that no other app has", in_quotes(app.sidecar.app_id) + " again");
      out.apps.push_back(std::move(app));
    }
    document_.finish();
  }

 private:
  void read_app(MapReader& map, model::DaprRunApp& app) {
    auto& sidecar = app.sidecar;
    map.required("appDirPath", folder_path(document_.file().folder, home_), app.folder);
    if (!map.has("appID") || map.is_empty("appID")) {
      sidecar.app_id = std::filesystem::path(app.folder).filename().string();
      if (const auto fault = model_fault(sidecar.app_id); !fault.empty() && !app.folder.empty())
        map.error("appID", "an app id, as the folder's name is none", "nothing", fault);
    } else {
      map.optional("appID", app_id(), sidecar.app_id);
    }
    sidecar.http_port = sidecar.grpc_port = sidecar.internal_grpc_port = sidecar.metrics_port = 0;
    read_port(map, "daprHTTPPort", sidecar.http_port);
    read_port(map, "daprGRPCPort", sidecar.grpc_port);
    read_port(map, "daprInternalGRPCPort", sidecar.internal_grpc_port);
    read_port(map, "metricsPort", sidecar.metrics_port);
    std::optional<std::uint16_t> app_port;
    read_port(map, "appPort", app_port);
    sidecar.app_port = app_port.value_or(0);
    if (!map.is_empty("appChannelAddress")) map.optional("appChannelAddress", text("a host, as 127.0.0.1"), sidecar.app_channel_address);
    map.optional("unixDomainSocket", any_text("a folder for sockets"), sidecar.unix_socket_folder);
    read_texts(map, "command", app.command);
    SharedReader shared(map, app.folder.empty() ? document_.file().folder : app.folder, home_);
    shared.read(app);
    using Protocol = model::DaprAppProtocol;
    if (shared.ssl() || common_ssl_) {
      if (sidecar.app_protocol == Protocol::Http) sidecar.app_protocol = Protocol::Https;
      if (sidecar.app_protocol == Protocol::Grpc) sidecar.app_protocol = Protocol::Grpcs;
    }
    if (!sidecar.health.path.starts_with('/')) sidecar.health.path.insert(0, "/");
    if (sidecar.health.timeout > sidecar.health.interval)
      map.error("appHealthProbeTimeout", "a timeout not above appHealthProbeInterval", std::to_string(sidecar.health.timeout.ms) + "ms");
    // Where resources and the Configuration are if nobody says: in the app's folder, for all apps, and where `dapr init` puts them.
    sidecar.resource_folders = shared.resources();
    if (sidecar.resource_folders.empty()) {
      if (const std::string own = app.folder + "/.dapr/resources"; is_folder(own))
        sidecar.resource_folders = {own};
      else if (!common_resources_.empty())
        sidecar.resource_folders = common_resources_;
      else if (const std::string installed = home_ + "/.dapr/components"; !home_.empty() && is_folder(installed))
        sidecar.resource_folders = {installed};
    }
    std::string configuration = shared.configuration();
    if (configuration.empty()) {
      if (const std::string own = app.folder + "/.dapr/config.yaml"; is_file(own))
        configuration = own;
      else if (!common_configuration_.empty())
        configuration = common_configuration_;
      else if (const std::string installed = home_ + "/.dapr/config.yaml"; !home_.empty() && is_file(installed))
        configuration = installed;
    }
    if (!configuration.empty()) sidecar.configuration_files = {configuration};
    // Of Kubernetes.
    for (const std::string_view key : {"containerImage", "containerImagePullPolicy", "createService", "profilePort"}) (void)map.find(key);
    map.finish();
  }

  static std::string model_fault(const std::string& id) {
    std::string hint;
    return app_id().parse(id, hint) ? std::string() : hint;
  }

  MapReader& document_;
  std::string home_;
  model::DaprRunApp common_;
  std::vector<std::string> common_resources_;
  std::string common_configuration_;
  bool common_ssl_ = false;
};

}  // namespace

Loaded<model::DaprRun> load_dapr_run(const Source& source, const Environment& environment) {
  Loaded<model::DaprRun> out;
  File file{source.name, source.folder, environment, out.problems, Dollars::Literal};
  const Documents documents = parse_yaml(source.name, source.text, out.problems);
  if (documents.roots.size() > 1) file.report(Severity::Warning, documents.roots[1]->mark, {}, "one document", "more", "only the first is read");
  if (documents.roots.empty() || documents.roots[0]->kind != Node::Kind::Map) {
    if (documents.complete)
      file.report(Severity::Error, {}, {}, "a document with version and apps", documents.roots.empty() ? "nothing" : documents.roots[0]->shown());
  } else {
    MapReader document(file, *documents.roots[0], {}, Extras::Ignored);
    RunReader(document, home_of(environment)).read(out.value);
  }
  out.more_problems = bound(out.problems);
  return out;
}

Loaded<model::DaprRun> load_dapr_run(const std::string& path, const Environment& environment) {
  const std::string name = is_folder(path) ? (std::filesystem::path(path) / kFileName).string() : path;
  auto text = read_text(name);
  if (!text || is_folder(name)) {
    Loaded<model::DaprRun> out;
    out.problems.push_back({Severity::Error, {name, 0, 0}, {}, "a file that can be read", "none", {}});
    return out;
  }
  return load_dapr_run(Source{name, *std::move(text), std::filesystem::path(name).parent_path().string()}, environment);
}

}  // namespace holdfast::config
