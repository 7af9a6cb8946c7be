// Any bytes as each of Dapr's documents. Beyond surviving: nothing said exceeds its bound or holds what a variable holds, and what is accepted
// keeps its promises.
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/dapr.h"

namespace {

using namespace holdfast;

void check_problems(const std::vector<config::Problem>& problems, const std::string& text) {
  HOLDFAST_CHECK(problems.size() <= config::kProblemsMax);
  for (const config::Problem& problem : problems) {
    const std::string line = problem.text();
    HOLDFAST_CHECK(line.starts_with("fuzz.yaml"));
    HOLDFAST_CHECK(line.size() < 16'384);
    HOLDFAST_CHECK(line.find('\n') == std::string::npos);
    HOLDFAST_CHECK(text.find("hunter2") != std::string::npos || line.find("hunter2") == std::string::npos);
  }
}

void check_resources(const config::DaprResources& resources) {
  std::set<std::string> names;
  for (const auto& component : resources.components) {
    HOLDFAST_CHECK(!component.name.empty() && names.insert(component.name).second);
    HOLDFAST_CHECK(component.init_timeout.ms > 0 && component.place.line > 0);
    HOLDFAST_CHECK(component.scopes.empty() || component.place.file == "fuzz.yaml");
    for (const auto& property : component.metadata) HOLDFAST_CHECK(!property.name.empty());
  }
  names.clear();
  for (const auto& endpoint : resources.http_endpoints) {
    HOLDFAST_CHECK(!endpoint.name.empty() && names.insert(endpoint.name).second);
    HOLDFAST_CHECK(endpoint.base_url.find("://") != std::string::npos);
  }
  for (const auto& [name, retry] : resources.resiliency.retries) {
    HOLDFAST_CHECK(retry.duration.ms >= 0 && retry.max_interval.ms >= 0);
    for (const auto& [from, to] : retry.http_codes) HOLDFAST_CHECK(100 <= from && from <= to && to <= 599);
    for (const auto& [from, to] : retry.grpc_codes) HOLDFAST_CHECK(from <= to && to <= 16);
  }
  for (const auto& [name, breaker] : resources.resiliency.circuit_breakers)
    HOLDFAST_CHECK(breaker.max_requests > 0 && breaker.timeout.ms > 0 && !breaker.trip.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const config::Source source{"fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size), "/nonexistent"};
  const config::Environment environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SECRET") return "hunter2-hunter2";
    if (name == "RATE") return "0.5";
    return std::nullopt;
  };
  const auto sources = std::span(&source, 1);
  const auto resources = config::load_dapr_resources(sources, {"orders", "prod"});
  check_problems(resources.problems, source.text);
  check_resources(resources.value);

  const auto configuration = config::load_dapr_configuration(sources, environment);
  check_problems(configuration.problems, source.text);
  if (configuration.ok()) {
    for (const auto& policy : configuration.value.access_control.policies) {
      HOLDFAST_CHECK(!policy.app_id.empty() && !policy.trust_domain.empty() && !policy.name_space.empty());
      for (const auto& operation : policy.operations) HOLDFAST_CHECK(operation.name.starts_with('/'));
    }
    for (const auto& rule : configuration.value.api_allowed) HOLDFAST_CHECK(rule.protocol == "http" || rule.protocol == "grpc");
  }

  const auto run = config::load_dapr_run(source, environment);
  check_problems(run.problems, source.text);
  if (run.ok())
    for (const auto& app : run.value.apps) {
      HOLDFAST_CHECK(!app.sidecar.app_id.empty() && app.folder.starts_with('/'));
      HOLDFAST_CHECK(app.sidecar.health.timeout <= app.sidecar.health.interval);
    }
  return 0;
}
