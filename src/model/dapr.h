// What Dapr's resource documents say, as plain values: components, HTTP endpoints, and what of them is still to be looked up. config/ reads
// them, dapr/ resolves references and acts on them. Names of keys are Dapr's (docs: reference/components-reference, v1.14).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

// Where a document stands, for messages about it.
struct DaprPlace {
  std::string file;
  std::uint32_t line = 0;  // From 1.
  [[nodiscard]] std::string text() const { return line == 0 ? file : file + ":" + std::to_string(line); }
};

// One name and its value, or where the value is: an item of a component's `metadata`, or a header of an HTTP endpoint. As written: templates
// ({appID} …) and references are resolved by dapr/secrets.h.
struct DaprProperty {
  std::string name;
  // The value's text, as Dapr has it: true, 10, 1.5, what quotes hold; lists and maps as JSON. None: not written, or null.
  std::optional<std::string> value;
  // secretKeyRef; no name: there is none. It wins over a value, where the secret is there.
  std::string secret_name;
  std::string secret_key;  // Empty: the same as the name.
  std::string env;         // envRef: the name of an environment variable. Counts only without a value.

  [[nodiscard]] bool refers_to_secret() const { return !secret_name.empty(); }
};

struct DaprComponent {
  std::string name;
  std::string name_space;  // metadata.namespace; empty: none.
  std::string type;        // "state.redis"
  std::string version;     // "v1"
  bool ignore_errors = false;
  Duration init_timeout{5'000};
  std::vector<DaprProperty> metadata;  // In the order written; of one name the last counts.
  std::string secret_store;            // auth.secretStore; empty: none.
  std::vector<std::string> scopes;     // App ids; empty: all.
  DaprPlace place;

  [[nodiscard]] bool is_secret_store() const { return type.starts_with("secretstores."); }
  // As daprd calls it in its logs: "statestore (state.redis/v1)".
  [[nodiscard]] std::string log_name() const {
    return name + " (" + type + (version.empty() ? "" : "/" + version) + ")";
  }
};

struct DaprHttpEndpoint {
  // A PEM document: inline, or in a secret store. Neither: there is none.
  struct Pem {
    std::optional<std::string> value;
    std::string secret_name, secret_key;
  };
  std::string name;
  std::string name_space;
  std::string base_url;  // http:// or https://
  std::vector<DaprProperty> headers;
  Pem root_ca, certificate, private_key;  // clientTLS.
  std::string secret_store;               // auth.secretStore
  std::vector<std::string> scopes;
  DaprPlace place;
};

// Whom a resource is for: what is scoped to other apps, or belongs to another namespace, is not loaded.
struct DaprScope {
  std::string app_id;
  std::string name_space;  // Of NAMESPACE; empty: none, and those of resources do not count.
};

}  // namespace holdfast::model
