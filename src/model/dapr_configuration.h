// DaprConfiguration: what the Configuration documents of an app (--config) say, all files together. Defaults are daprd's. What Dapr has and
// Holdfast does nothing with (mtls, workflow, wasm) is not here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::model {

// Who may call which methods of this app.
struct DaprAccessControl {
  enum class Action : std::uint8_t { Allow, Deny };
  struct Operation {
    std::string name;                // "/method", "/method/*"; begins with a slash.
    std::vector<std::string> verbs;  // Upper case, or "*". Empty: gRPC alone.
    Action action = Action::Deny;
  };
  struct Policy {
    std::string app_id;
    std::optional<Action> default_action;  // None: that of all apps.
    std::string trust_domain, name_space;  // Never empty.
    std::vector<Operation> operations;
  };
  Action default_action = Action::Allow;
  std::string trust_domain = "public";
  std::vector<Policy> policies;
};

// Which secrets of one store the app may read.
struct DaprSecretScope {
  std::string store;
  bool deny_by_default = false;
  std::vector<std::string> allowed, denied;

  // Only what is in `allowed`, if anything is; else all but what is denied, or nothing.
  [[nodiscard]] bool allows(std::string_view key) const {
    const auto has = [key](const std::vector<std::string>& list) {
      for (const auto& name : list)
        if (name == key) return true;
      return false;
    };
    if (!allowed.empty()) return has(allowed);
    return !has(denied) && !deny_by_default;
  }
};

struct DaprApiRule {
  std::string name;      // "state"
  std::string version;   // "v1.0", or "v1"
  std::string protocol;  // "http" or "grpc"
};

struct DaprHandler {
  std::string name, type, version;
};

struct DaprConfiguration {
  std::string name;  // metadata.name of the last file.
  DaprAccessControl access_control;
  std::vector<DaprSecretScope> secret_scopes;
  std::vector<DaprApiRule> api_allowed, api_denied;  // None allowed: all are.
  std::vector<std::pair<std::string, bool>> features;
  std::vector<DaprHandler> http_pipeline, app_http_pipeline;
  std::vector<std::string> denied_components;  // components.deny: types, or "type/version".

  struct Metrics {
    bool enabled = true;
    bool increased_cardinality = true;
    bool exclude_verbs = false;
    std::vector<std::string> path_matching;
  } metrics;

  struct Tracing {
    std::string sampling_rate;  // As written; empty: "0".
    bool to_stdout = false;
    std::string zipkin_endpoint;
    std::string otel_endpoint, otel_protocol;
    bool otel_secure = true;
  } tracing;

  struct NameResolution {
    std::string component;  // "mdns", "sqlite", …; empty: mDNS.
    std::string version;
    std::map<std::string, std::string> configuration;  // What is deeper than one level is JSON.
  } name_resolution;

  struct ApiLogging {
    bool enabled = false;
    bool obfuscate_urls = false;
    bool omit_health_checks = false;
  } api_logging;

  [[nodiscard]] bool has_feature(std::string_view feature) const {
    for (const auto& [name, enabled] : features)
      if (name == feature && enabled) return true;
    return false;
  }
  // By default every secret of a store may be read.
  [[nodiscard]] bool allows_secret(std::string_view store, std::string_view key) const {
    for (const auto& scope : secret_scopes)
      if (scope.store == store) return scope.allows(key);
    return true;
  }
};

}  // namespace holdfast::model
