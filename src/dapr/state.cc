#include "dapr/state.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <utility>

#include "codec/rfc3339.h"

namespace holdfast::dapr {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

tl::unexpected<StoreError> refuse(std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::Failed, std::move(message)}); }

StoreResult<std::int64_t> ttl_of(const Metadata& metadata) {
  const auto it = metadata.find("ttlInSeconds");
  if (it == metadata.end() || it->second.empty()) return 0;
  const std::string_view text = it->second;
  std::int64_t seconds = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return refuse("strconv.Atoi: parsing \"" + it->second + "\": value out of range");
  if (error != std::errc() || end != text.data() + text.size()) return refuse("strconv.Atoi: parsing \"" + it->second + "\": invalid syntax");
  return seconds > 0 ? seconds : -1;
}

StoreResult<StateChange> change_of(const KeyPrefix& prefix, StateRequest&& request) {
  if (!request.consistency.empty() && request.consistency != "strong" && request.consistency != "eventual")
    return refuse("unrecognized consistency model '" + request.consistency + "'");
  if (!request.concurrency.empty() && request.concurrency != "first-write" && request.concurrency != "last-write")
    return refuse("unrecognized concurrency model '" + request.concurrency + "'");
  StateChange change{.kind = request.kind, .key = prefix.add(request.key), .etag = std::move(request.etag), .first_write = request.concurrency == "first-write"};
  if (request.kind == StateChange::Kind::Delete) return change;
  const auto ttl = ttl_of(request.metadata);
  if (!ttl) return tl::unexpected(ttl.error());
  change.ttl_seconds = *ttl;
  change.value = std::move(request.value);
  if (const auto type = request.metadata.find("contentType"); type != request.metadata.end()) change.content_type = type->second;
  return change;
}

// Of several changes: what went wrong with each, a line each, and an ETag's fault only if nothing else was.
std::optional<StoreError> together(const std::vector<StoreResult<void>>& outcomes) {
  std::optional<StoreError> all;
  for (const auto& outcome : outcomes) {
    if (outcome) continue;
    if (outcomes.size() == 1) return outcome.error();
    if (!all) all = StoreError{outcome.error().kind, text_of(outcome.error())};
    else all = StoreError{all->kind == outcome.error().kind ? all->kind : StoreError::Kind::Failed, all->message + "\n" + text_of(outcome.error())};
  }
  return all;
}

StateValue value_of(StoredState&& state) {
  StateValue value{std::move(state.value), std::move(state.etag), {}};
  // Whole seconds, as daprd has it.
  if (state.expires_at) value.metadata["ttlExpireTime"] = codec::rfc3339({state.expires_at->unix_ms / 1000 * 1000}).substr(0, 19) + "Z";
  return value;
}

}  // namespace

StateRequest request_of(StateChange::Kind kind, codec::dapr::StateItem&& item) {
  return {.kind = kind,
          .key = std::move(item.key),
          .value = kind == StateChange::Kind::Set ? std::string(item.value) : std::string(),
          .etag = std::move(item.etag),
          .concurrency = std::move(item.options.concurrency),
          .consistency = std::move(item.options.consistency),
          .metadata = std::move(item.metadata)};
}

DaprResult<std::vector<StateRequest>> operations_of(std::string_view store, codec::dapr::ExecuteStateTransactionRequest&& request) {
  std::vector<StateRequest> requests;
  requests.reserve(request.operations.size());
  for (auto& operation : request.operations) {
    const bool is_upsert = operation.operation_type == "upsert";
    if (!is_upsert && operation.operation_type != "delete") return tl::unexpected(errors::state_operation_not_supported(operation.operation_type));
    if (!KeyPrefix::is_legal(operation.request.key)) return tl::unexpected(errors::state_illegal_key(store, operation.request.key));
    requests.push_back(request_of(is_upsert ? StateChange::Kind::Set : StateChange::Kind::Delete, std::move(operation.request)));
  }
  return requests;
}

Result<KeyPrefix> KeyPrefix::create(std::string_view strategy, const std::string& store, const std::string& app_id, const std::string& name_space) {
  const std::string kind = lower(strategy);
  KeyPrefix prefix;
  const auto set = [&prefix](const std::string& text) {
    if (!text.empty()) prefix.prefix_ = text + std::string(kSeparator);
  };
  if (!is_legal(kind)) return fail(ErrorCode::Invalid, "input key/keyPrefix '" + kind + "' can't contain '" + std::string(kSeparator) + "'");
  if (kind.empty() || kind == "appid") set(app_id);
  else if (kind == "namespace") set(name_space.empty() || app_id.empty() ? app_id : name_space + "." + app_id);
  else if (kind == "name") set(store);
  else if (kind != "none") set(kind);
  return prefix;
}

std::vector<codec::dapr::BulkStateItem> bulk_items(const std::vector<BulkState>& found) {
  std::vector<codec::dapr::BulkStateItem> items;
  items.reserve(found.size());
  for (const auto& item : found) {
    items.push_back({.key = item.key, .data = {}, .etag = {}, .error = item.error, .metadata = {}});
    if (!item.found) continue;
    items.back().data = item.found->value;
    items.back().etag = item.found->etag;
    items.back().metadata = item.found->metadata;
  }
  return items;
}

DaprResult<const StateComponent*> States::find(std::string_view store) const {
  if (components_.empty()) return tl::unexpected(errors::state_store_not_configured(store, app_id_));
  const auto it = std::ranges::find(components_, store, &StateComponent::name);
  if (it == components_.end()) return tl::unexpected(errors::state_store_not_found(store, app_id_));
  return &*it;
}

DaprResult<const StateComponent*> States::find_transactional(std::string_view store) const {
  auto component = find(store);
  if (component && !(*component)->store->features().transactional) return tl::unexpected(errors::state_transactions_not_supported(store));
  return component;
}

void States::get(const StateComponent& component, std::string_view key, Done<std::optional<StateValue>> done) const {
  if (!KeyPrefix::is_legal(key)) return done(tl::unexpected(errors::state_illegal_key(component.name, key)));
  component.store->get({component.prefix.add(key)}, [name = component.name, key = std::string(key), done = std::move(done)](std::vector<StateStore::Found> found) {
    if (!found.front()) return done(tl::unexpected(errors::state_get(key, name, found.front().error().message)));
    auto& state = *found.front();
    if (!state) return done(std::optional<StateValue>());
    done(value_of(std::move(*state)));
  });
}

void States::get_bulk(const StateComponent& component, std::vector<std::string> keys, Done<std::vector<BulkState>> done) const {
  if (keys.empty()) return done(std::vector<BulkState>());
  std::vector<std::string> prefixed;
  prefixed.reserve(keys.size());
  for (const auto& key : keys) {
    if (!KeyPrefix::is_legal(key)) return done(tl::unexpected(errors::state_illegal_key(component.name, key)));
    prefixed.push_back(component.prefix.add(key));
  }
  component.store->get(std::move(prefixed), [keys = std::move(keys), done = std::move(done)](std::vector<StateStore::Found> found) mutable {
    std::vector<BulkState> items;
    items.reserve(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      BulkState item{std::move(keys[i]), std::nullopt, {}};
      if (!found[i]) item.error = std::move(found[i].error().message);
      else if (*found[i]) item.found = value_of(std::move(**found[i]));
      items.push_back(std::move(item));
    }
    done(std::move(items));
  });
}

void States::change_each(const StateComponent& component, std::vector<StateRequest> requests, Wrap wrap, Done<void> done) const {
  if (requests.empty()) return done({});
  for (const auto& request : requests)
    if (!KeyPrefix::is_legal(request.key)) return done(tl::unexpected(errors::state_illegal_key(component.name, request.key)));
  struct Changing {
    std::atomic<std::size_t> left;
    std::vector<StoreResult<void>> outcomes;
    Wrap wrap;
    Done<void> done;
    void finish() {
      if (const auto error = together(outcomes)) return done(tl::unexpected(wrap(*error)));
      done({});
    }
  };
  auto changing = std::make_shared<Changing>();
  const std::size_t count = requests.size();
  changing->left = count;
  changing->outcomes.resize(count);
  changing->wrap = std::move(wrap);
  changing->done = std::move(done);
  const auto note = [changing](std::size_t i, StoreResult<void> outcome) {
    changing->outcomes[i] = std::move(outcome);
    if (changing->left.fetch_sub(1, std::memory_order_acq_rel) == 1) changing->finish();
  };
  for (std::size_t i = 0; i < count; ++i) {
    auto change = change_of(component.prefix, std::move(requests[i]));
    if (!change) note(i, tl::unexpected(std::move(change.error())));
    else component.store->change(*std::move(change), [note, i](StoreResult<void> outcome) { note(i, std::move(outcome)); });
  }
}

void States::save(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const {
  change_each(component, std::move(requests), [name = component.name](const StoreError& error) { return errors::state_save(name, error); }, std::move(done));
}

void States::remove(const StateComponent& component, StateRequest request, Done<void> done) const {
  auto wrap = [key = request.key](const StoreError& error) { return errors::state_delete(key, error); };
  std::vector<StateRequest> one;
  one.push_back(std::move(request));
  change_each(component, std::move(one), std::move(wrap), std::move(done));
}

void States::remove_bulk(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const {
  change_each(component, std::move(requests), [name = component.name](const StoreError& error) { return errors::state_delete_bulk(name, error); }, std::move(done));
}

void States::transact(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const {
  if (requests.empty()) return done({});
  const std::size_t most = component.store->operations_max();
  for (const auto& request : requests)
    if (!KeyPrefix::is_legal(request.key)) return done(tl::unexpected(errors::state_illegal_key(component.name, request.key)));
  if (most != 0 && requests.size() > most) return done(tl::unexpected(errors::state_too_many_operations(component.name, requests.size(), most)));
  std::vector<StateChange> changes;
  changes.reserve(requests.size());
  for (auto& request : requests) {
    auto change = change_of(component.prefix, std::move(request));
    if (!change) return done(tl::unexpected(errors::state_transaction(change.error())));
    changes.push_back(*std::move(change));
  }
  component.store->transact(std::move(changes), [done = std::move(done)](StoreResult<void> outcome) {
    if (!outcome) return done(tl::unexpected(errors::state_transaction(outcome.error())));
    done({});
  });
}

}  // namespace holdfast::dapr
