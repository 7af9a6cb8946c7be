#include "app/dapr_components.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "dapr/memory_store.h"
#include "dapr/tables_store.h"
#include "postgres/state_store.h"
#include "redis/state_store.h"
#include "sqlite/state_store.h"

namespace holdfast::app {
namespace {

constexpr const char* kDefaultStore = "statestore";

std::vector<std::string> capabilities_of(const dapr::StateStore::Features& features) {
  std::vector<std::string> out;
  if (features.etag) out.emplace_back("ETAG");
  if (features.transactional) out.emplace_back("TRANSACTIONAL");
  if (features.ttl) out.emplace_back("TTL");
  if (features.delete_with_prefix) out.emplace_back("DELETE_WITH_PREFIX");
  if (features.query) out.emplace_back("QUERY_API");
  if (features.transactional && features.etag) out.emplace_back("ACTOR");
  return out;
}

using Store = std::unique_ptr<dapr::StateStore>;

Result<Store> make_state_store(const dapr::StoreDocument& document, const DaprComponentsWorld& world) {
  if (document.type == "state.holdfast")
    return Store(std::make_unique<dapr::TablesStore>(world.items, "dapr/" + document.properties.find("table").value_or(document.name)));
  if (document.type == "state.in-memory") return Store(std::make_unique<dapr::MemoryStore>(world.clock));
  if (document.type == "state.sqlite") return sqlite::open_state_store(document);
  if (document.type == "state.redis") return redis::open_state_store(document);
  if (document.type == "state.postgresql" || document.type == "state.postgres") return postgres::open_state_store(document);
  return fail(ErrorCode::Invalid, "there is no component of type " + document.type +
                                      " here; state stores are state.holdfast, state.in-memory, state.sqlite, state.redis and state.postgresql");
}

Result<void> add_state_store(const dapr::StoreDocument& document, const DaprComponentsWorld& world, DaprComponents& out) {
  const auto& name = document.name;
  auto store = make_state_store(document, world);
  if (!store) return fail(std::move(store.error()));
  auto prefix = dapr::KeyPrefix::create(document.properties.find("keyPrefix").value_or(""), name, world.surroundings.app_id, world.surroundings.name_space);
  if (!prefix) return fail(std::move(prefix.error()));
  out.registered.push_back({name, document.type, document.version, capabilities_of((*store)->features())});
  out.states.push_back({name, *std::move(prefix), *std::move(store)});
  return {};
}

Result<void> add(const model::DaprComponent& document, const DaprComponentsWorld& world, Random& random, DaprComponents& out) {
  if (document.is_secret_store()) {
    const auto* store = world.secrets.find(document.name);
    if (store == nullptr) return {};  // Left out, and said so.
    out.registered.push_back({document.name, document.type, document.version, {}});
    if (store->has_multiple_values()) out.registered.back().capabilities.emplace_back("MULTIPLE_KEY_VALUES_PER_SECRET");
    return {};
  }
  auto properties = world.secrets.resolve(document, random);
  if (!properties) return fail(std::move(properties.error()));
  if (document.type.starts_with("state."))
    return add_state_store({document.name, document.type, document.version, *std::move(properties), document.init_timeout}, world, out);
  return fail(ErrorCode::Invalid, "there is no component of type " + document.type + " here");
}

bool is_denied(const model::DaprComponent& document, const model::DaprConfiguration& configuration) {
  return std::ranges::any_of(configuration.denied_components, [&](const std::string& denied) {
    return denied == document.type || denied == document.type + "/" + document.version;
  });
}

}  // namespace

Result<DaprComponents> make_components(const std::vector<model::DaprComponent>& documents, const DaprComponentsWorld& world, Random& random) {
  DaprComponents out;
  for (const auto& document : documents) {
    if (is_denied(document, world.configuration)) {
      log_warn("component is not loaded: the configuration denies its type", {{"component", document.log_name()}});
      continue;
    }
    auto ok = add(document, world, random, out);
    if (ok) continue;
    if (!document.ignore_errors) return fail(ok.error().code, document.place.text() + ": component " + document.log_name() + ": " + ok.error().message);
    log_warn("component is left out (ignoreErrors)", {{"component", document.log_name()}, {"error", ok.error().message}});
  }
  const bool has_documents = std::ranges::any_of(documents, [](const auto& document) { return document.type.starts_with("state."); });
  if (!has_documents)
    if (auto ok = add_state_store({.name = kDefaultStore, .type = "state.holdfast", .version = "v1", .properties = {}}, world, out); !ok) return fail(std::move(ok.error()));
  return out;
}

}  // namespace holdfast::app
