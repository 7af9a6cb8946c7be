#include "app/check.h"

#include <iostream>
#include <utility>

#include "api/json_writer.h"
#include "app/edges.h"
#include "app/listeners.h"
#include "app/rotation.h"
#include "config/describe.h"
#include "connect/egress_table.h"
#include "nats/tls_options.h"
#include "targets/statefun_http.h"

namespace holdfast::app {
namespace {

std::string problems_json(const config::LoadResult& result, const std::vector<std::string>& further, const std::vector<std::string>& warnings) {
  api::JsonWriter json;
  json.begin_object().key("ok").boolean(result.ok() && further.empty()).key("problems").begin_array();
  for (const auto& problem : result.problems) {
    json.begin_object();
    json.key("severity").string(problem.severity == config::Severity::Error ? "error" : "warning");
    json.key("file").string(problem.place.file).key("line").number(problem.place.line).key("column").number(problem.place.column);
    json.key("path").string(problem.path).key("expected").string(problem.expected).key("got").string(problem.got);
    if (!problem.hint.empty()) json.key("hint").string(problem.hint);
    json.key("text").string(problem.text()).end_object();
  }
  for (const auto& warning : warnings) json.begin_object().key("severity").string("warning").key("text").string(warning).end_object();
  for (const auto& error : further) json.begin_object().key("severity").string("error").key("text").string(error).end_object();
  json.end_array().key("more_problems").number(result.more_problems).end_object();
  return json.take();
}

// What is wrong with certificates, keys and tokens: in files, as one cannot see from their names.
std::vector<std::string> check_secrets(const config::Configuration& configuration) {
  std::vector<std::string> out;
  for (const auto& spec : configuration.endpoints) {
    // The system's certificates are not of the configuration.
    if (spec.native || (spec.tls.trust_cacerts.empty() && spec.tls.client_cert.empty())) continue;
    if (const auto tls = targets::load_endpoint_tls(spec); !tls) out.push_back("endpoint " + spec.functions + ": " + tls.error().message);
  }
  const auto look_at = [&](const std::string& edge, const model::NatsConnection& connection) {
    nats::TlsOptions tls(connection, edge);
    if (!tls.wanted()) return;
    if (const auto used = tls.current(); !used) out.push_back(edge + ": " + used.error().message);
  };
  for (const auto& spec : configuration.nats_ingresses) look_at("ingress " + spec.id, spec.connection);
  for (const auto& spec : configuration.nats_egresses) look_at("egress " + spec.id, spec.connection);
  Rotation rotation;
  for (const auto& [listener, name] : {std::pair(&configuration.settings.gateway, "gateway"), std::pair(&configuration.settings.admin, "admin")})
    if (const auto prepared = prepare(*listener, name, config::process_environment(), rotation); !prepared)
      out.push_back(prepared.error().message);
  return out;
}

}  // namespace

void report(std::span<const config::Problem> problems, std::size_t more_problems) {
  for (const auto& problem : problems) std::cerr << problem.text() << "\n";
  if (more_problems != 0) std::cerr << "and " << more_problems << " more problems\n";
}

int check(const cli::CheckOptions& options, native::LinkedModules linked) {
  const auto result = config::load(std::span<const std::string>(options.files), config::process_environment());
  std::vector<std::string> further;  // Errors.
  std::vector<std::string> warnings;
  if (result.ok()) {
    const auto& c = result.configuration;
    const auto egresses = connect::EgressTable::create(c.streams, c.playground_egresses, c.kafka_egresses, c.nats_egresses);
    auto edges = check_edges(c);
    if (!egresses) further.push_back(egresses.error().message);
    else if (!edges) further.push_back(edges.error().message);
    else warnings = *std::move(edges);
    for (auto& problem : check_secrets(c)) further.push_back(std::move(problem));
    for (auto& problem : native::check_modules(c.endpoints, linked)) further.push_back(std::move(problem));
  }
  const bool ok = result.ok() && further.empty();
  if (options.output == cli::Output::Json) {
    std::cout << problems_json(result, further, warnings) << "\n";
  } else {
    report(result.problems, result.more_problems);
    for (const auto& warning : warnings) std::cerr << "warning: " << warning << "\n";
    for (const auto& error : further) std::cerr << error << "\n";
    if (ok) std::cout << config::describe(result.configuration);
  }
  return ok ? cli::kExitDone : cli::kExitUsage;
}

}  // namespace holdfast::app
