#include "cli/daprd_flags.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "model/dapr_values.h"

namespace holdfast::cli {
namespace {

using Task = DaprdArguments::Task;

enum class Kind : std::uint8_t { Text, Texts, Bool, Int, Duration };
enum class Use : std::uint8_t {
  Used,
  Unused,  // Dapr has it for something that is not here.
};

struct Flag {
  std::string_view name;
  Kind kind;
  std::string_view by_default;  // Shown in the help, and what a flag that is not given has as its value.
  std::string_view help;
  Use use = Use::Used;
  std::string_view instead = {};  // Deprecated in daprd; how to say it now.
};

// In the order of their names.
constexpr Flag kFlags[] = {
    {"actors-disseminate-timeout", Kind::Duration, "", "Has no effect: there are no actors", Use::Unused},
    {"actors-service", Kind::Text, "", "Has no effect: there are no actors", Use::Unused},
    {"allowed-origins", Kind::Text, "*", "Allowed HTTP origins"},
    {"app-binding-options-timeout", Kind::Duration, "", "Has no effect: there are no bindings", Use::Unused},
    {"app-channel-address", Kind::Text, "127.0.0.1", "The network address the application listens on"},
    {"app-health-check-path", Kind::Text, "/healthz", "Path used for health checks; HTTP only"},
    {"app-health-probe-interval", Kind::Int, "5", "Interval to probe for the health of the app in seconds"},
    {"app-health-probe-timeout", Kind::Int, "500", "Timeout for app health probes in milliseconds"},
    {"app-health-threshold", Kind::Int, "3", "Number of consecutive failures for the app to be considered unhealthy"},
    {"app-id", Kind::Text, "", "A unique ID of the application. Used for service discovery and state"},
    {"app-max-concurrency", Kind::Int, "-1", "Requests forwarded to the application at once; -1 for no limit"},
    {"app-port", Kind::Text, "", "The port the application is listening on"},
    {"app-protocol", Kind::Text, "http", "Protocol of the application: grpc, grpcs, http, https, h2c"},
    {"app-ssl", Kind::Bool, "false", "Sets the URI scheme of the app to https", Use::Used, "'--app-protocol https|grpcs'"},
    {"build-info", Kind::Bool, "false", "Prints the build info"},
    {"components-path", Kind::Text, "", "Alias for --resources-path", Use::Used, "--resources-path"},
    {"config", Kind::Texts, "", "Path to a Configuration file; can be given several times"},
    {"control-plane-address", Kind::Text, "", "Has no effect: there is no control plane", Use::Unused},
    {"control-plane-namespace", Kind::Text, "default", "Has no effect: there is no control plane", Use::Unused},
    {"control-plane-trust-domain", Kind::Text, "localhost", "Has no effect: there is no control plane", Use::Unused},
    {"dapr-block-shutdown-duration", Kind::Duration, "",
     "After a terminate signal, goes on until this is over or the app reports unhealthy, and shuts down then"},
    {"dapr-graceful-shutdown-seconds", Kind::Int, "5", "Graceful shutdown time in seconds"},
    {"dapr-grpc-port", Kind::Text, "50001", "gRPC port for the Dapr API to listen on"},
    {"dapr-http-max-request-size", Kind::Int, "4", "Max size of request body in MB", Use::Used, "'--max-body-size 4Mi'"},
    {"dapr-http-port", Kind::Text, "3500", "HTTP port for the Dapr API to listen on"},
    {"dapr-http-read-buffer-size", Kind::Int, "4", "Max size of read buffer in KB", Use::Used, "'--read-buffer-size 4Ki'"},
    {"dapr-internal-grpc-listen-address", Kind::Text, "", "Address for the internal API, which other sidecars call, to listen on"},
    {"dapr-internal-grpc-port", Kind::Text, "", "gRPC port for the internal API to listen on"},
    {"dapr-listen-addresses", Kind::Text, "", "One or more addresses for the Dapr API to listen on, separated by commas"},
    {"dapr-public-listen-address", Kind::Text, "", "Address for health and metadata to listen on"},
    {"dapr-public-port", Kind::Text, "", "Port for health and metadata to listen on"},
    {"data", Kind::Text, "", "Directory that keeps everything (default ~/.local/state/holdfast/dapr/APP-ID); memory: nothing is kept"},
    {"disable-builtin-k8s-secret-store", Kind::Bool, "false", "Has no effect: there is no Kubernetes secret store", Use::Unused},
    {"disable-init-endpoints", Kind::Texts, "", "Has no effect: there are no actors", Use::Unused},
    {"enable-api-logging", Kind::Bool, "", "Enable API logging for API calls (default as the Configuration says)"},
    {"enable-app-health-check", Kind::Bool, "false", "Enable health checks of the application, by the protocol of app-protocol"},
    {"enable-metrics", Kind::Bool, "true", "Enable Prometheus metrics"},
    {"enable-mtls", Kind::Bool, "false", "Has no effect: connections to other sidecars are not encrypted", Use::Unused},
    {"enable-profiling", Kind::Bool, "false", "Has no effect: this is no Go program", Use::Unused},
    {"hot-reload-reconcile-interval", Kind::Duration, "", "Has no effect: files are watched, not asked", Use::Unused},
    {"log-as-json", Kind::Bool, "false", "Print the log as JSON"},
    {"log-file", Kind::Text, "", "Has no effect: the log goes to standard error", Use::Unused},
    {"log-level", Kind::Text, "info", "Options are debug, info, warn, error, or fatal"},
    {"max-body-size", Kind::Text, "4Mi", "Max size of request body for the HTTP and gRPC servers, as a resource quantity"},
    {"metrics-listen-address", Kind::Text, "", "The address for the metrics server"},
    {"metrics-port", Kind::Text, "9090", "The port for the metrics server"},
    {"mode", Kind::Text, "standalone", "Runtime mode: standalone"},
    {"placement-host-address", Kind::Text, "", "Has no effect: there are no actors", Use::Unused},
    {"ports-file", Kind::Text, "", "Write the ports in use there, as JSON, when ready"},
    {"profile-port", Kind::Text, "7777", "Has no effect: there is no profiling server", Use::Unused},
    {"read-buffer-size", Kind::Text, "4Ki", "Max size of the headers of a request, as a resource quantity"},
    {"reminders-service", Kind::Text, "", "Has no effect: there are no actors", Use::Unused},
    {"resources-path", Kind::Texts, "", "Path of a resources directory; can be given several times"},
    {"runtime-version", Kind::Text, "", "What metadata says is the version of Dapr (default Holdfast's own)"},
    {"scheduler-host-address", Kind::Texts, "", "Has no effect: there is no scheduler service", Use::Unused},
    {"sentry-address", Kind::Text, "", "Has no effect: there is no control plane", Use::Unused},
    {"sentry-request-jwt-audiences", Kind::Texts, "", "Has no effect: there is no control plane", Use::Unused},
    {"unix-domain-socket", Kind::Text, "", "Directory of unix domain sockets to listen on instead of ports"},
    {"version", Kind::Bool, "false", "Prints the runtime version"},
    {"wait", Kind::Bool, "false", "Wait until a sidecar at --dapr-http-port can be asked, then exit"},
};

const Flag* find_flag(std::string_view name) {
  const auto found = std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& flag) { return flag.name == name; });
  return found == std::end(kFlags) ? nullptr : &*found;
}

// Go's strconv.Quote, of what needs no more of it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

// Why it is none, as Go says it; empty: it is in `out`.
std::string parse_int(std::string_view text, std::int64_t& out) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  for (const auto& [prefix, of] : {std::pair<std::string_view, int>{"0x", 16}, {"0X", 16}, {"0b", 2}, {"0o", 8}})
    if (digits.starts_with(prefix)) base = of;
  if (base != 10) digits.remove_prefix(2);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  const bool is_number = end == digits.data() + digits.size() && !digits.empty() && !digits.starts_with('-');
  if (is_number && error == std::errc::result_out_of_range) return "parsing " + quoted(text) + ": value out of range";
  if (!is_number || error != std::errc{}) return "parsing " + quoted(text) + ": invalid syntax";
  if (negative) out = -out;
  return {};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    std::string_view part = text.substr(at, end - at);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) out.emplace_back(part);
    at = end + 1;
  }
  return out;
}

// What was given, checked by its kind.
class Given {
 public:
  [[nodiscard]] Result<void> add(const Flag& flag, std::string value) {
    const auto wrong = [&](const std::string& why) {
      return fail(ErrorCode::Invalid, "invalid argument " + quoted(value) + " for \"--" + std::string(flag.name) + "\" flag: " + why);
    };
    if (flag.kind == Kind::Bool && !parse_bool(value)) return wrong("strconv.ParseBool: parsing " + quoted(value) + ": invalid syntax");
    if (flag.kind == Kind::Int) {
      std::int64_t number = 0;
      if (const auto why = parse_int(value, number); !why.empty()) return wrong("strconv.ParseInt: " + why);
    }
    if (flag.kind == Kind::Duration && !model::parse_go_duration(value)) return wrong("time: invalid duration " + quoted(value));
    values_[flag.name].push_back(std::move(value));
    return {};
  }

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  // Of what is given more than once the last counts.
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string(find_flag(name)->by_default) : found->second.back();
  }
  [[nodiscard]] bool boolean(std::string_view name) const { return parse_bool(text(name)).value_or(false); }
  [[nodiscard]] std::int64_t integer(std::string_view name) const {
    std::int64_t out = 0;
    (void)parse_int(text(name), out);
    return out;
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> out;
    if (const auto found = values_.find(name); found != values_.end())
      for (const auto& value : found->second)
        for (auto& part : split(value)) out.push_back(std::move(part));
    return out;
  }

 private:
  std::map<std::string_view, std::vector<std::string>> values_;  // Names are of kFlags.
};

Result<Given> take(std::span<const std::string> arguments, bool& help) {
  Given given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") break;
    // What is no flag has no meaning to daprd, either; a lone h is pflag's help.
    if (argument.size() < 2 || argument[0] != '-') continue;
    if (argument == "-h") {
      help = true;
      continue;
    }
    const std::string_view body = std::string_view(argument).substr(argument[1] == '-' ? 2 : 1);
    const auto equals = body.find('=');
    const std::string_view name = body.substr(0, equals);
    if (name == "help") {
      help = true;
      continue;
    }
    const Flag* flag = find_flag(name);
    if (name.empty() || name.starts_with('-')) return fail(ErrorCode::Invalid, "bad flag syntax: " + argument);
    if (flag == nullptr) return fail(ErrorCode::Invalid, "unknown flag: --" + std::string(name));
    std::string value = "true";
    if (equals != std::string_view::npos)
      value = body.substr(equals + 1);
    else if (flag->kind != Kind::Bool) {
      if (i + 1 == arguments.size()) return fail(ErrorCode::Invalid, "flag needs an argument: --" + std::string(name));
      value = arguments[++i];
    }
    if (auto added = given.add(*flag, std::move(value)); !added) return fail(added.error());
  }
  return given;
}

// A port; none if the flag is empty.
Result<std::optional<std::uint16_t>> port(const Given& given, std::string_view name) {
  const std::string text = given.text(name);
  if (text.empty()) return std::optional<std::uint16_t>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(ErrorCode::Invalid, "error parsing " + std::string(name) + " flag: strconv.Atoi: parsing " + quoted(text) + ": invalid syntax");
  if (number < 0 || number > 65535)
    return fail(ErrorCode::Invalid, "error parsing " + std::string(name) + " flag: " + text + " is no port from 0 to 65535");
  return std::optional(static_cast<std::uint16_t>(number));
}

// A size by the flag that daprd has now, or by the one it had, in units of 2^shift bytes. Not positive: as much as there can be, but -1, which
// is the default.
Result<std::uint64_t> size(const Given& given, std::string_view name, std::string_view old, int shift, std::uint64_t by_default, std::uint64_t limit) {
  std::int64_t bytes = static_cast<std::int64_t>(by_default);
  std::string_view said = name;
  if (given.has(name)) {
    const auto quantity = model::parse_quantity(given.text(name));
    if (!quantity)
      return fail(ErrorCode::Invalid, "invalid value for '" + std::string(name) +
                                          "' option: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    bytes = *quantity;
  } else if (given.has(old)) {
    said = old;
    const std::int64_t units = given.integer(old);
    bytes = units <= 0 ? units : units > static_cast<std::int64_t>(limit) ? INT64_MAX : units << shift;
  }
  if (bytes == -1) return by_default;
  if (bytes <= 0) return limit;
  if (static_cast<std::uint64_t>(bytes) > limit)
    return fail(ErrorCode::Invalid, "invalid value for '" + std::string(said) + "' option: at most " + std::to_string(limit) + " bytes");
  return static_cast<std::uint64_t>(bytes);
}

std::string default_data(const model::DaprAppSpec& app, const EnvironmentLookup& environment) {
  std::string state = environment("XDG_STATE_HOME").value_or("");
  if (state.empty() || state[0] != '/') {
    const std::string home = environment("HOME").value_or("");
    if (home.empty()) return {};
    state = home + "/.local/state";
  }
  // App ids have no dots, so no two of these are the same.
  return state + "/holdfast/dapr/" + (app.name_space.empty() ? "" : app.name_space + ".") + app.app_id;
}

// The longest there is, so that no sum of it with a time is beyond what there is.
constexpr std::int64_t kSecondsMax = 365LL * 24 * 3600;

Result<void> read_application(const Given& given, model::DaprAppSpec& app) {
  app.app_id = given.text("app-id");
  if (const auto fault = model::app_id_fault(app.app_id); !fault.empty()) return fail(ErrorCode::Invalid, fault);
  const auto app_port = port(given, "app-port");
  if (!app_port) return fail(app_port.error());
  app.app_port = app_port->value_or(0);
  const std::string written = given.text("app-protocol");
  const auto protocol = model::parse_app_protocol(written.empty() ? "http" : written);
  if (!protocol) return fail(ErrorCode::Invalid, "invalid value for 'app-protocol': " + written);
  app.app_protocol = *protocol;
  using Protocol = model::DaprAppProtocol;
  if (given.boolean("app-ssl")) {
    if (*protocol == Protocol::Http) app.app_protocol = Protocol::Https;
    if (*protocol == Protocol::Grpc) app.app_protocol = Protocol::Grpcs;
  }
  app.app_channel_address = given.text("app-channel-address");
  const std::int64_t concurrency = given.integer("app-max-concurrency");
  app.app_max_concurrency = concurrency <= 0 ? 0 : static_cast<std::uint32_t>(std::min<std::int64_t>(concurrency, UINT32_MAX));
  auto& health = app.health;
  health.enabled = given.boolean("enable-app-health-check");
  health.path = given.text("app-health-check-path");
  if (!health.path.starts_with('/')) health.path.insert(0, "/");
  const auto positive = [&](std::string_view name, std::int64_t by_default) {
    const std::int64_t value = given.integer(name);
    return value <= 0 ? by_default : std::min(value, kSecondsMax);
  };
  health.interval = {1'000 * positive("app-health-probe-interval", 5)};
  health.timeout = {positive("app-health-probe-timeout", 500)};
  health.threshold = static_cast<std::uint32_t>(positive("app-health-threshold", 3));
  if (health.timeout > health.interval)
    return fail(ErrorCode::Invalid, "value for 'health-probe-timeout' must be smaller than 'health-probe-interval'");
  return {};
}

Result<void> read_sidecar(const Given& given, model::DaprAppSpec& app) {
  struct Port {
    std::string_view name;
    std::optional<std::uint16_t>* out;
  };
  for (const Port& wanted : {Port{"dapr-http-port", &app.http_port}, Port{"dapr-grpc-port", &app.grpc_port}, Port{"dapr-public-port", &app.public_port},
                             Port{"dapr-internal-grpc-port", &app.internal_grpc_port}, Port{"metrics-port", &app.metrics_port}}) {
    const auto read = port(given, wanted.name);
    if (!read) return fail(read.error());
    *wanted.out = *read;
  }
  if (!app.http_port) app.http_port = model::DaprAppSpec::kHttpPort;
  if (!app.grpc_port) app.grpc_port = model::DaprAppSpec::kGrpcPort;
  if (!app.internal_grpc_port) app.internal_grpc_port = 0;
  if (!app.metrics_port) app.metrics_port = model::DaprAppSpec::kMetricsPort;
  for (const auto& [name, taken] : {std::pair{"dapr-http-port", *app.http_port}, std::pair{"dapr-grpc-port", *app.grpc_port}})
    if (app.app_port != 0 && app.app_port == taken)
      return fail(ErrorCode::Invalid, "the '" + std::string(name) + "' argument value " + std::to_string(taken) + " conflicts with 'app-port'");
  app.listen_addresses = split(given.text("dapr-listen-addresses"));
  app.public_listen_address = given.text("dapr-public-listen-address");
  app.internal_grpc_listen_address = given.text("dapr-internal-grpc-listen-address");
  app.unix_socket_folder = given.text("unix-domain-socket");
  app.metrics = given.boolean("enable-metrics");
  app.metrics_listen_address = given.text("metrics-listen-address");
  app.allowed_origins = given.text("allowed-origins");
  app.resource_folders = given.texts("resources-path");
  if (app.resource_folders.empty() && !given.text("components-path").empty()) app.resource_folders = {given.text("components-path")};
  app.configuration_files = given.texts("config");
  app.runtime_version = given.text("runtime-version");
  using Spec = model::DaprAppSpec;
  const auto body = size(given, "max-body-size", "dapr-http-max-request-size", 20, app.body_bytes_max, Spec::kBodyBytesLimit);
  if (!body) return fail(body.error());
  app.body_bytes_max = *body;
  const auto header = size(given, "read-buffer-size", "dapr-http-read-buffer-size", 10, app.header_bytes_max, Spec::kHeaderBytesLimit);
  if (!header) return fail(header.error());
  app.header_bytes_max = *header;
  const std::int64_t graceful = given.integer("dapr-graceful-shutdown-seconds");
  app.graceful_shutdown = {1'000 * (graceful < 0 ? 5 : std::min(graceful, kSecondsMax))};
  if (given.has("dapr-block-shutdown-duration")) {
    const auto block = model::parse_go_duration(given.text("dapr-block-shutdown-duration"));
    app.block_shutdown = std::clamp(*block, Duration{0}, Duration{1'000 * kSecondsMax});
  }
  if (given.has("enable-api-logging")) app.api_logging = given.boolean("enable-api-logging");
  return {};
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

Result<DaprdArguments> parse_daprd_flags(std::span<const std::string> arguments, const EnvironmentLookup& environment) {
  DaprdArguments out;
  bool help = false;
  auto given = take(arguments, help);
  if (!given) return fail(given.error());
  out.task = help                          ? Task::Help
             : given->boolean("version")    ? Task::Version
             : given->boolean("build-info") ? Task::BuildInfo
             : given->boolean("wait")       ? Task::Wait
                                            : Task::Run;
  DaprdOptions& options = out.options;
  if (out.task == Task::Wait) {
    const auto http = port(*given, "dapr-http-port");
    if (!http) return fail(http.error());
    options.app.http_port = http->value_or(model::DaprAppSpec::kHttpPort);
  }
  if (out.task != Task::Run) return out;

  for (const Flag& flag : kFlags) {
    if (!given->has(flag.name)) continue;
    const std::string name = "--" + std::string(flag.name);
    if (flag.use == Use::Unused && given->text(flag.name) != flag.by_default) options.notes.push_back(name + ": " + std::string(flag.help));
    if (!flag.instead.empty()) options.notes.push_back("Flag " + name + " has been deprecated, use " + std::string(flag.instead));
  }
  if (const std::string mode = given->text("mode"); mode != "standalone" && !mode.empty())
    return fail(ErrorCode::Invalid, "invalid value for 'mode': " + mode + "; Holdfast's is standalone");
  options.app.name_space = environment("NAMESPACE").value_or("");
  if (auto read = read_application(*given, options.app); !read) return fail(read.error());
  if (auto read = read_sidecar(*given, options.app); !read) return fail(read.error());
  options.log_level = lower(given->text("log-level"));
  constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error", "fatal"};
  if (std::find(std::begin(kLevels), std::end(kLevels), options.log_level) == std::end(kLevels))
    return fail(ErrorCode::Invalid, "invalid value for --log-level: " + given->text("log-level"));
  options.log_as_json = given->boolean("log-as-json");
  options.ports_file = given->text("ports-file");
  options.data = given->text("data");
  if (options.data.empty()) options.data = default_data(options.app, environment);
  if (options.data.empty()) return fail(ErrorCode::Invalid, "--data must say where to keep everything: neither XDG_STATE_HOME nor HOME is set");
  return out;
}

std::string daprd_usage() {
  std::string out = "Usage of daprd:\n";
  constexpr std::string_view kKinds[] = {" string", " strings", "", " int", " duration"};
  for (const Flag& flag : kFlags) {
    if (!flag.instead.empty()) continue;  // As pflag: deprecated ones are not shown.
    std::string left = "      --" + std::string(flag.name) + std::string(kKinds[static_cast<std::size_t>(flag.kind)]);
    left.resize(std::max<std::size_t>(left.size() + 2, 50), ' ');
    out += left + std::string(flag.help);
    const bool shown = !flag.by_default.empty() && flag.by_default != "false" && flag.use == Use::Used;
    if (shown) out += " (default " + (flag.kind == Kind::Text ? quoted(flag.by_default) : std::string(flag.by_default)) + ")";
    out += "\n";
  }
  return out + "Environment: DAPR_API_TOKEN, APP_API_TOKEN, NAMESPACE, POD_NAME.\n";
}

std::vector<DaprdFlagHelp> daprd_flag_helps() {
  std::vector<DaprdFlagHelp> out;
  for (const Flag& flag : kFlags)
    if (flag.instead.empty()) out.push_back({std::string(flag.name), std::string(flag.help)});
  return out;
}

}  // namespace holdfast::cli
