#include "dapr/secrets.h"

#include <algorithm>

#include "base/log.h"
#include "dapr/local_secret_stores.h"

namespace holdfast::dapr {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool refers_to_secrets(const model::DaprComponent& component) {
  return std::any_of(component.metadata.begin(), component.metadata.end(), [](const auto& p) { return p.refers_to_secret(); });
}

}  // namespace

// Looks up the references of one document; each secret is asked for once.
class SecretStores::Lookup {
 public:
  Lookup(const SecretStores& stores, std::string whose, std::string store) : stores_(stores), whose_(std::move(whose)), store_(std::move(store)) {}

  [[nodiscard]] Result<std::string> secret(const std::string& name, const std::string& key) {
    const auto known = secrets_.find(name);
    if (known == secrets_.end()) {
      const SecretStore* store = stores_.find(store_);
      if (store == nullptr) return fail(ErrorCode::NotFound, whose_ + no_store());
      auto got = store->get(name);
      if (!got) return fail(got.error().code, whose_ + "cannot have its secret from " + store_ + ": " + got.error().message);
      return pick(secrets_.emplace(name, *std::move(got)).first->second, name, key);
    }
    return pick(known->second, name, key);
  }

  // What a property stands for; none: it stands for nothing.
  [[nodiscard]] Result<std::string> value(const model::DaprProperty& property) {
    if (!property.value && !property.env.empty()) {
      const Variables& variables = stores_.surroundings_.variables;
      if (!is_variable_allowed(property.env, variables)) {
        log_warn("envRef names a variable that is not allowed", {{"document", whose_}, {"property", property.name}, {"variable", property.env}});
        return std::string();
      }
      const auto found = variables.find(property.env);
      return found == variables.end() ? std::string() : found->second;
    }
    if (property.refers_to_secret()) {
      auto found = secret(property.secret_name, property.secret_key);
      if (!found || !found->empty()) return found;
    }
    return property.value.value_or("");
  }

  [[nodiscard]] const std::string& whose() const { return whose_; }

 private:
  [[nodiscard]] Result<std::string> pick(const Secret& secret, const std::string& name, const std::string& key) const {
    const auto found = secret.find(key.empty() ? name : key);
    if (found != secret.end()) return found->second;
    return fail(ErrorCode::NotFound, whose_ + "cannot have its secret from " + store_ + ": secret " + name + " has no key " + (key.empty() ? name : key));
  }

  [[nodiscard]] std::string no_store() const {
    if (store_.empty()) return "has a secretKeyRef, and no auth.secretStore says where to look for it";
    if (store_ == "kubernetes") return "references the secret store kubernetes, which there is in Kubernetes alone";
    return "references a secret store that isn't loaded: " + store_;
  }

  const SecretStores& stores_;
  std::string whose_;  // Before every message.
  std::string store_;
  std::map<std::string, Secret> secrets_;
};

const SecretStore* SecretStores::find(std::string_view name) const {
  const auto found = stores_.find(name);
  return found == stores_.end() ? nullptr : found->second.get();
}

bool SecretStores::is_allowed(std::string_view store, std::string_view key) const {
  for (const auto& scope : scopes_)
    if (scope.store == store) return scope.allows(key);
  return true;
}

SecretStores::Answer<const SecretStore*> SecretStores::asked_for(const std::string& store) const {
  if (stores_.empty()) return tl::unexpected(errors::secret_stores_not_configured());
  const SecretStore* found = find(store);
  if (found == nullptr) return tl::unexpected(errors::secret_store_not_found(store));
  return found;
}

SecretStores::Answer<Secret> SecretStores::get(const std::string& store, const std::string& key) const {
  const auto found = asked_for(store);
  if (!found) return tl::unexpected(found.error());
  if (!is_allowed(store, key)) return tl::unexpected(errors::secret_denied(key, store));
  auto secret = (*found)->get(key);
  if (!secret) return tl::unexpected(errors::secret_get(key, store, secret.error().message));
  return *std::move(secret);
}

SecretStores::Answer<std::map<std::string, Secret>> SecretStores::get_all(const std::string& store) const {
  const auto found = asked_for(store);
  if (!found) return tl::unexpected(found.error());
  auto secrets = (*found)->get_all();
  if (!secrets) return tl::unexpected(errors::secret_bulk_get(store, secrets.error().message));
  std::erase_if(*secrets, [&](const auto& secret) { return !is_allowed(store, secret.first); });
  return *std::move(secrets);
}

Result<Properties> SecretStores::resolve(const model::DaprComponent& component, Random& random) const {
  Lookup lookup(*this, component.place.text() + ": component " + component.log_name() + " ", component.secret_store);
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& property : component.metadata) {
    auto value = lookup.value(property);
    if (!value) return fail(value.error());
    auto filled = fill_in(*std::move(value), surroundings_, random);
    if (!filled) return fail(filled.error().code, lookup.whose() + "property " + property.name + " " + filled.error().message);
    const auto same = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first == property.name; });
    if (same != items.end()) items.erase(same);
    items.emplace_back(property.name, *std::move(filled));
  }
  return Properties(std::move(items));
}

Result<ResolvedHttpEndpoint> SecretStores::resolve(const model::DaprHttpEndpoint& endpoint) const {
  Lookup lookup(*this, endpoint.place.text() + ": HTTP endpoint " + endpoint.name + " ", endpoint.secret_store);
  ResolvedHttpEndpoint out{.name = endpoint.name, .base_url = endpoint.base_url, .headers = {}, .root_ca = {}, .certificate = {}, .private_key = {}};
  for (const auto& header : endpoint.headers) {
    auto value = lookup.value(header);
    if (!value) return fail(value.error());
    out.headers.emplace_back(header.name, *std::move(value));
  }
  for (const auto& [pem, text] : {std::pair(&endpoint.root_ca, &out.root_ca), std::pair(&endpoint.certificate, &out.certificate),
                                  std::pair(&endpoint.private_key, &out.private_key)}) {
    if (pem->secret_name.empty()) {
      *text = pem->value.value_or("");
      continue;
    }
    auto value = lookup.secret(pem->secret_name, pem->secret_key);
    if (!value) return fail(value.error());
    *text = *std::move(value);
  }
  return out;
}

Result<void> SecretStores::open_one(const model::DaprComponent& component, Random& random) {
  const std::string whose = component.place.text() + ": component " + component.log_name() + " ";
  const auto properties = resolve(component, random);
  if (!properties) return fail(properties.error());
  const std::string type = lower(component.type), version = lower(component.version);
  if (type == "secretstores.kubernetes") return fail(ErrorCode::Invalid, whose + "needs Kubernetes, which Holdfast does not ask");
  const bool is_first_version = version.empty() || version == "v0" || version == "v1";
  if (type == "secretstores.local.env" && is_first_version) {
    add(component.name, open_local_env(*properties, surroundings_.variables));
    return {};
  }
  if (type != "secretstores.local.file" || !is_first_version)
    return fail(ErrorCode::Invalid, whose + "couldn't be made: couldn't find secret store " + component.type + "/" + component.version +
                                        "; there are secretstores.local.file and secretstores.local.env");
  auto store = open_local_file(*properties);
  if (!store) return fail(store.error().code, whose + "couldn't be opened: " + store.error().message);
  add(component.name, *std::move(store));
  return {};
}

Result<void> SecretStores::open(std::span<const model::DaprComponent> components, Random& random) {
  std::vector<const model::DaprComponent*> waiting;
  for (const auto& component : components)
    if (component.is_secret_store()) waiting.push_back(&component);
  while (!waiting.empty()) {
    // The next one that needs no other, or has the one it needs. If there is none, what they need does not come: the first says so.
    auto next = std::find_if(waiting.begin(), waiting.end(),
                             [this](const auto* c) { return !refers_to_secrets(*c) || find(c->secret_store) != nullptr; });
    if (next == waiting.end()) next = waiting.begin();
    const model::DaprComponent& component = **next;
    waiting.erase(next);
    auto opened = open_one(component, random);
    if (opened) continue;
    if (!component.ignore_errors) return fail(opened.error());
    log_warn("secret store left out", {{"component", component.name}, {"error", opened.error().message}});
  }
  return {};
}

}  // namespace holdfast::dapr
