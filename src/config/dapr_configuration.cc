// kind: Configuration, the files of --config.
#include <algorithm>
#include <filesystem>
#include <string_view>

#include "config/dapr.h"
#include "config/dapr_values.h"
#include "config/edge_formats.h"
#include "config/text_file.h"
#include "config/yaml.h"

namespace holdfast::config {
namespace {

using model::DaprConfiguration;
using Action = model::DaprAccessControl::Action;

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Go's os.ExpandEnv: $NAME and ${NAME}, anything if it is not set; $ and one of *#$@!?- or a digit is a variable of the shell, which nobody
// has set. A $ before anything else is a dollar. Stops at one byte more than a file may have.
std::string expand_go(std::string_view text, const Environment& environment) {
  constexpr std::string_view kShell = "*#$@!?-0123456789";
  std::string out;
  for (std::size_t at = 0; at < text.size() && out.size() <= kFileBytesMax;) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    const char next = text[at + 1];
    std::string_view name;
    if (next == '{') {
      const auto end = text.find('}', at + 2);
      if (end == std::string_view::npos) {  // Go eats the two.
        at += 2;
        continue;
      }
      name = text.substr(at + 2, end - at - 2);
      at = end + 1;
    } else if (kShell.find(next) != std::string_view::npos) {
      at += 2;
      continue;
    } else {
      std::size_t end = at + 1;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end == at + 1) {
        out += text[at++];
        continue;
      }
      name = text.substr(at + 1, end - at - 1);
      at = end;
    }
    if (name.empty()) continue;
    out += environment(name).value_or("");
  }
  return out;
}

// What a variable holds may be a secret, so nothing is quoted that is not in the file itself.
bool quotes_only(std::string_view text, std::string_view file) {
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string_view::npos;) {
    const auto end = text.find('"', at + 1);
    if (end == std::string_view::npos) return false;
    std::string_view part = text.substr(at + 1, end - at - 1);
    if (part.ends_with("…")) part.remove_suffix(std::string_view("…").size());
    if (file.find(part) == std::string_view::npos) return false;
    at = end + 1;
  }
  return true;
}
void hide_variables(Problem& problem, std::string_view file) {
  if (!quotes_only(problem.got, file)) problem.got = "a value with variables in it";
  if (!quotes_only(problem.hint, file)) problem.hint.clear();
  for (std::size_t at = 0; at < problem.path.size();) {
    const auto end = std::min(problem.path.find('.', at), problem.path.size());
    const auto name = std::string_view(problem.path).substr(at, std::min(problem.path.find('[', at), end) - at);
    if (file.find(name) == std::string_view::npos) {
      problem.path.resize(at == 0 ? 0 : at - 1);
      break;
    }
    at = end + 1;
  }
}

Format<Action> action() {
  return {"allow or deny", [format = any_case(one_of({"allow", "deny"}))](std::string_view text, std::string& hint) -> std::optional<Action> {
            const auto word = format.parse(text, hint);
            if (!word) return std::nullopt;
            return *word == "allow" ? Action::Allow : Action::Deny;
          }};
}

void read_operation(MapReader& map, model::DaprAccessControl::Operation& out) {
  std::string name;
  map.required("name", not_empty("the name of an operation, as /method or /method/*"), name);
  out.name = name.starts_with('/') ? name : "/" + name;
  read_texts(map, "httpVerb", out.verbs);
  for (std::string& verb : out.verbs)
    for (char& c : verb)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  map.required("action", action(), out.action);
  map.finish();
}

void read_access_control(MapReader& spec, model::DaprAccessControl& out) {
  auto control = spec.map("accessControl", Extras::Ignored);
  if (!control) return;
  if (!control->is_empty("defaultAction")) control->optional("defaultAction", action(), out.default_action);
  control->optional("trustDomain", any_text("a trust domain"), out.trust_domain);
  if (out.trust_domain.empty()) out.trust_domain = "public";
  if (control->has("policies")) out.policies.clear();
  for (MapReader& map : control->maps("policies", Extras::Ignored)) {
    model::DaprAccessControl::Policy policy;
    map.required("appId", not_empty("an app id"), policy.app_id);
    if (!map.is_empty("defaultAction")) {
      Action by_default{};
      if (map.optional("defaultAction", action(), by_default)) policy.default_action = by_default;
    }
    map.required("trustDomain", not_empty("a trust domain"), policy.trust_domain);
    map.required("namespace", not_empty("a namespace"), policy.name_space);
    for (MapReader& operation : map.maps("operations", Extras::Ignored)) read_operation(operation, policy.operations.emplace_back());
    map.finish();
    out.policies.push_back(std::move(policy));
  }
  control->finish();
}

void read_secrets(MapReader& spec, std::vector<model::DaprSecretScope>& out) {
  auto secrets = spec.map("secrets", Extras::Ignored);
  if (!secrets) return;
  if (secrets->has("scopes")) out.clear();
  for (MapReader& map : secrets->maps("scopes", Extras::Ignored)) {
    model::DaprSecretScope scope;
    map.required("storeName", not_empty("the name of a secret store"), scope.store);
    Action by_default = Action::Allow;
    if (!map.is_empty("defaultAccess")) map.optional("defaultAccess", action(), by_default);
    scope.deny_by_default = by_default == Action::Deny;
    read_texts(map, "allowedSecrets", scope.allowed);
    read_texts(map, "deniedSecrets", scope.denied);
    map.finish();
    if (std::any_of(out.begin(), out.end(), [&](const auto& s) { return s.store == scope.store; }))
      map.error("storeName", "each store once", in_quotes(scope.store) + " again");
    else
      out.push_back(std::move(scope));
  }
  secrets->finish();
}

void read_rules(MapReader& api, std::string_view key, std::vector<model::DaprApiRule>& out) {
  if (api.has(key)) out.clear();
  for (MapReader& map : api.maps(key, Extras::Ignored)) {
    model::DaprApiRule& rule = out.emplace_back();
    map.required("name", not_empty("the name of an API, as state"), rule.name);
    map.required("version", not_empty("the version of an API, as v1.0"), rule.version);
    map.required("protocol", any_case(one_of({"http", "grpc"})), rule.protocol);
    map.finish();
  }
}

void read_pipeline(MapReader& spec, std::string_view key, std::vector<model::DaprHandler>& out) {
  auto pipeline = spec.map(key, Extras::Ignored);
  if (!pipeline) return;
  if (pipeline->has("handlers")) out.clear();
  for (MapReader& map : pipeline->maps("handlers", Extras::Ignored)) {
    model::DaprHandler& handler = out.emplace_back();
    map.required("name", not_empty("the name of a component"), handler.name);
    map.required("type", not_empty("a type, as middleware.http.uppercase"), handler.type);
    map.optional("version", any_text("a version, as v1"), handler.version);
    (void)map.find("selector");
    map.finish();
  }
  pipeline->finish();
}

void read_metrics(MapReader& spec, std::string_view key, DaprConfiguration::Metrics& out) {
  auto metrics = spec.map(key, Extras::Ignored);
  if (!metrics) return;
  metrics->optional("enabled", boolean(), out.enabled);
  if (auto http = metrics->map("http", Extras::Ignored)) {
    http->optional("increasedCardinality", boolean(), out.increased_cardinality);
    http->optional("excludeVerbs", boolean(), out.exclude_verbs);
    read_texts(*http, "pathMatching", out.path_matching);
    http->finish();
  }
  for (const std::string_view known : {"latencyDistributionBuckets", "rules", "recordErrorCodes"}) (void)metrics->find(known);
  metrics->finish();
}

void read_tracing(MapReader& spec, DaprConfiguration::Tracing& out) {
  auto tracing = spec.map("tracing", Extras::Ignored);
  if (!tracing) return;
  tracing->optional("samplingRate", any_text("a rate from 0 to 1"), out.sampling_rate);
  tracing->optional("stdout", boolean(), out.to_stdout);
  if (auto zipkin = tracing->map("zipkin", Extras::Ignored)) {
    zipkin->optional("endpointAddress", any_text("a URL"), out.zipkin_endpoint);
    zipkin->finish();
  }
  if (auto otel = tracing->map("otel", Extras::Ignored)) {
    otel->optional("endpointAddress", any_text("host:port"), out.otel_endpoint);
    otel->optional("protocol", any_text("http or grpc"), out.otel_protocol);
    otel->optional("isSecure", boolean(), out.otel_secure);
    otel->finish();
  }
  tracing->finish();
}

void read_name_resolution(MapReader& spec, DaprConfiguration::NameResolution& out) {
  auto resolution = spec.map("nameResolution", Extras::Ignored);
  if (!resolution) return;
  resolution->optional("component", any_text("the name of a resolver, as sqlite"), out.component);
  resolution->optional("version", any_text("a version, as v1"), out.version);
  if (auto configuration = resolution->map("configuration", Extras::Ignored)) {
    out.configuration.clear();
    for (const auto& [key, value] : configuration->node().members)
      if (value->kind != Node::Kind::Null) out.configuration[key.name] = dapr_text(*value);
  }
  resolution->finish();
}

void read_spec(MapReader& spec, DaprConfiguration& out) {
  read_access_control(spec, out.access_control);
  read_secrets(spec, out.secret_scopes);
  if (auto api = spec.map("api", Extras::Ignored)) {
    read_rules(*api, "allowed", out.api_allowed);
    read_rules(*api, "denied", out.api_denied);
    api->finish();
  }
  if (spec.has("features")) out.features.clear();
  for (MapReader& map : spec.maps("features", Extras::Ignored)) {
    auto& [name, enabled] = out.features.emplace_back();
    map.required("name", any_text("the name of a feature"), name);
    map.optional("enabled", boolean(), enabled);
    map.finish();
  }
  read_pipeline(spec, "httpPipeline", out.http_pipeline);
  read_pipeline(spec, "appHttpPipeline", out.app_http_pipeline);
  if (auto components = spec.map("components", Extras::Ignored)) {
    read_texts(*components, "deny", out.denied_components);
    components->finish();
  }
  read_metrics(spec, "metric", out.metrics);
  read_metrics(spec, "metrics", out.metrics);
  read_tracing(spec, out.tracing);
  read_name_resolution(spec, out.name_resolution);
  if (auto logging = spec.map("logging", Extras::Ignored)) {
    if (auto api = logging->map("apiLogging", Extras::Ignored)) {
      api->optional("enabled", boolean(), out.api_logging.enabled);
      api->optional("obfuscateURLs", boolean(), out.api_logging.obfuscate_urls);
      api->optional("omitHealthChecks", boolean(), out.api_logging.omit_health_checks);
      api->finish();
    }
    logging->finish();
  }
  // Dapr's, and nothing here: said once each, so that nobody waits for an effect.
  for (const std::string_view key : {"mtls", "workflow", "wasm"})
    if (spec.has(key)) spec.warning(key, "what Holdfast does something with", spec.written(key), "it is ignored");
  spec.finish();
}

void add_source(const Source& source, const Environment& environment, Loaded<DaprConfiguration>& out) {
  const std::size_t before = out.problems.size();
  const std::string text = expand_go(source.text, environment);
  const Documents documents = parse_yaml(source.name, text, out.problems);
  File file{source.name, source.folder, environment, out.problems, Dollars::Literal};
  if (documents.roots.size() > 1)
    file.report(Severity::Warning, documents.roots[1]->mark, {}, "one document", "more", "only the first is read");
  if (!documents.roots.empty() && documents.roots[0]->kind != Node::Kind::Map) {
    file.report(Severity::Error, documents.roots[0]->mark, {}, "a document with kind and spec", documents.roots[0]->shown());
  } else if (!documents.roots.empty()) {
    MapReader document(file, *documents.roots[0], {}, Extras::Ignored);
    (void)document.find("apiVersion");
    std::string kind = "Configuration";
    document.optional("kind", any_text("a kind"), kind);
    if (kind != "Configuration")
      document.warning("kind", "Configuration", document.written("kind"), "it is read as if it were");
    if (auto metadata = document.map("metadata", Extras::Ignored)) metadata->optional("name", any_text("a name"), out.value.name);
    if (auto spec = document.map("spec", Extras::Ignored)) read_spec(*spec, out.value);
    document.finish();
  }
  if (text != source.text)
    for (std::size_t i = before; i < out.problems.size(); ++i) hide_variables(out.problems[i], source.text);
}

// The variables of OpenTelemetry, as daprd takes them.
void read_otel_environment(const Environment& environment, DaprConfiguration::Tracing& out) {
  if (!out.otel_endpoint.empty()) return;
  std::string endpoint = environment("OTEL_EXPORTER_OTLP_ENDPOINT").value_or("");
  for (const std::string_view scheme : {"http://", "https://"})
    if (endpoint.starts_with(scheme)) endpoint.erase(0, scheme.size());
  if (endpoint.empty()) return;
  out.otel_endpoint = endpoint;
  if (out.sampling_rate.empty()) out.sampling_rate = "1";
  out.otel_protocol = environment("OTEL_EXPORTER_OTLP_PROTOCOL").value_or("").starts_with("http") ? "http" : "grpc";
  if (environment("OTEL_EXPORTER_OTLP_INSECURE").value_or("") == "true") out.otel_secure = false;
}

}  // namespace

Loaded<DaprConfiguration> load_dapr_configuration(std::span<const Source> sources, const Environment& environment) {
  Loaded<DaprConfiguration> out;
  for (const Source& source : sources) add_source(source, environment, out);
  read_otel_environment(environment, out.value.tracing);
  out.more_problems = bound(out.problems);
  return out;
}

Loaded<DaprConfiguration> load_dapr_configuration(std::span<const std::string> files, const Environment& environment) {
  std::vector<Source> sources;
  std::vector<Problem> problems;
  const auto refuse = [&](const std::string& name, std::string expected, std::string got) {
    problems.push_back({Severity::Error, {name, 0, 0}, {}, std::move(expected), std::move(got), {}});
  };
  if (files.size() > kFilesMax) refuse(files[kFilesMax], "at most " + std::to_string(kFilesMax) + " files", std::to_string(files.size()));
  for (const std::string& name : files.first(std::min(files.size(), kFilesMax))) {
    std::error_code error;
    const auto status = std::filesystem::status(name, error);
    auto text = std::filesystem::is_directory(status) ? std::nullopt : read_text(name);
    if (!std::filesystem::exists(status))
      refuse(name, "a file", "nothing of this name");
    else if (!text)
      refuse(name, "a file that can be read", "one that cannot");
    else
      sources.push_back({name, *std::move(text), std::filesystem::path(name).parent_path().string()});
  }
  auto out = load_dapr_configuration(std::span<const Source>(sources), environment);
  out.problems.insert(out.problems.begin(), problems.begin(), problems.end());
  return out;
}

}  // namespace holdfast::config
