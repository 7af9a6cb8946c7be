// SecretStores: the secret stores of one application, and what others make of them: its requests for secrets, within the scopes that its
// Configuration sets, and the references of its components and HTTP endpoints.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "dapr/error.h"
#include "dapr/properties.h"
#include "dapr/secret_store.h"
#include "model/dapr.h"
#include "model/dapr_configuration.h"

namespace holdfast::dapr {

// An HTTP endpoint whose references have been looked up.
struct ResolvedHttpEndpoint {
  std::string name, base_url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string root_ca, certificate, private_key;  // PEM; empty: none.
};

class SecretStores {
 public:
  template <typename T>
  using Answer = tl::expected<T, DaprError>;

  SecretStores(Surroundings surroundings, std::vector<model::DaprSecretScope> scopes)
      : surroundings_(std::move(surroundings)), scopes_(std::move(scopes)) {}

  // Opens every secret store among `components`, those that others have their own secrets from first. One with ignoreErrors is left out with a
  // line in the log. The first error there is otherwise.
  [[nodiscard]] Result<void> open(std::span<const model::DaprComponent> components, Random& random);
  // Under a name that there is not yet.
  void add(std::string name, std::unique_ptr<SecretStore> store) { stores_.emplace(std::move(name), std::move(store)); }
  [[nodiscard]] const SecretStore* find(std::string_view name) const;

  // What an application asks for. Any thread, once the stores are open.
  [[nodiscard]] Answer<Secret> get(const std::string& store, const std::string& key) const;
  [[nodiscard]] Answer<std::map<std::string, Secret>> get_all(const std::string& store) const;

  // References looked up in auth.secretStore, then templates filled in. A reference to a store or a secret that there is not is an error that
  // names the document; a variable that envRef may not name is empty, with a line in the log. A secret that is there and empty leaves the
  // value as it was.
  [[nodiscard]] Result<Properties> resolve(const model::DaprComponent& component, Random& random) const;
  // No templates in these.
  [[nodiscard]] Result<ResolvedHttpEndpoint> resolve(const model::DaprHttpEndpoint& endpoint) const;

 private:
  class Lookup;

  [[nodiscard]] Answer<const SecretStore*> asked_for(const std::string& store) const;
  [[nodiscard]] Result<void> open_one(const model::DaprComponent& component, Random& random);
  [[nodiscard]] bool is_allowed(std::string_view store, std::string_view key) const;

  Surroundings surroundings_;
  std::vector<model::DaprSecretScope> scopes_;
  std::map<std::string, std::unique_ptr<SecretStore>, std::less<>> stores_;
};

}  // namespace holdfast::dapr
