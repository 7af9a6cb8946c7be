// States: what Dapr's state API means, whichever way it is asked: stores by name, keys with their prefix, conditions and times to live, and which
// error an application is told. What stands behind a store: state_store.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/loop.h"
#include "codec/dapr_messages.h"
#include "dapr/error.h"
#include "dapr/query.h"
#include "dapr/state_store.h"

namespace holdfast::dapr {

template <typename T>
using DaprResult = tl::expected<T, DaprError>;

using Metadata = codec::dapr::Metadata;

// How the keys of a store are told apart from those of other applications: the component's `keyPrefix`.
class KeyPrefix {
 public:
  // `strategy`: appid (the default, also if empty), namespace, name, none, or a text of its own. Invalid: it has the separator.
  [[nodiscard]] static Result<KeyPrefix> create(std::string_view strategy, const std::string& store, const std::string& app_id, const std::string& name_space);

  [[nodiscard]] static bool is_legal(std::string_view key) { return key.find(kSeparator) == std::string_view::npos; }
  [[nodiscard]] std::string add(std::string_view key) const { return prefix_ + std::string(key); }
  [[nodiscard]] const std::string& text() const { return prefix_; }

  static constexpr std::string_view kSeparator = "||";

 private:
  std::string prefix_;  // With the separator; empty: none.
};

struct StateComponent {
  std::string name;
  KeyPrefix prefix;
  std::unique_ptr<StateStore> store;
};

struct StateRequest {
  StateChange::Kind kind = StateChange::Kind::Set;
  std::string key;  // As the application calls it.
  std::string value;
  std::string etag;         // Empty: none.
  std::string concurrency;  // "first-write", "last-write" or empty, if it is right.
  std::string consistency;  // "eventual", "strong" or empty, likewise. All stores are strong.
  Metadata metadata;
};

[[nodiscard]] StateRequest request_of(StateChange::Kind kind, codec::dapr::StateItem&& item);
// What is asked of a transaction, one after the other; an error: an operation that there is not, or a key that may not be.
[[nodiscard]] DaprResult<std::vector<StateRequest>> operations_of(std::string_view store, codec::dapr::ExecuteStateTransactionRequest&& request);

struct StateValue {
  std::string value;
  std::string etag;
  Metadata metadata;  // ttlExpireTime.
};

struct BulkState {
  std::string key;  // As it was asked for.
  std::optional<StateValue> found;
  std::string error;
};

// As both APIs tell it. Values are borrowed.
[[nodiscard]] std::vector<codec::dapr::BulkStateItem> bulk_items(const std::vector<BulkState>& found);

// A page of what a query has found, or of the keys there are, without values.
struct StateMatches {
  struct Item {
    std::string key;  // As the application calls it.
    std::string value;
    std::string etag;
  };
  std::vector<Item> items;
  std::string token;  // Of the page behind it; empty: there is none.
};

// As both APIs tell it. Values are borrowed.
[[nodiscard]] codec::dapr::QueryStateResponse query_response(const StateMatches& matches);

// What a walk over a store may take. A query that needs more is refused, in words.
struct WalkBounds {
  std::size_t items = 1'000'000;     // Looked at.
  std::size_t bytes = 16u << 20;     // Kept for the answer.
  std::size_t walks = 8;             // At one time.
  std::size_t keys = 1'000;          // Of a page of keys.
};

class States {
 public:
  template <typename T>
  using Done = std::function<void(DaprResult<T>)>;

  // On `loops`, which run until every answer is there, walks over stores go on from page to page; without, there is no query.
  States(std::string app_id, std::vector<StateComponent> components, std::vector<Loop*> loops = {}, WalkBounds bounds = {})
      : app_id_(std::move(app_id)), components_(std::move(components)), loops_(std::move(loops)), bounds_(bounds) {}

  [[nodiscard]] const std::vector<StateComponent>& components() const { return components_; }
  [[nodiscard]] DaprResult<const StateComponent*> find(std::string_view store) const;
  // The same, of those that have transactions.
  [[nodiscard]] DaprResult<const StateComponent*> find_transactional(std::string_view store) const;

  // Also, of those that can be queried; errors as of a query, which does not tell of whom.
  [[nodiscard]] DaprResult<const StateComponent*> find_queryable(std::string_view store) const;

  // `done` as of StateStore.
  void get(const StateComponent& component, std::string_view key, Done<std::optional<StateValue>> done) const;
  void get_bulk(const StateComponent& component, std::vector<std::string> keys, Done<std::vector<BulkState>> done) const;
  // Each for itself: after an error others may have changed.
  void save(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const;
  void remove(const StateComponent& component, StateRequest request, Done<void> done) const;
  void remove_bulk(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const;
  // All or nothing.
  void transact(const StateComponent& component, std::vector<StateRequest> requests, Done<void> done) const;

  // state_walk.cc: over items of this component's prefix only, and of one that can be queried. Nothing is borrowed of `query`.
  void query(const StateComponent& component, std::string_view query, Done<StateMatches> done) const;
  struct KeysRequest {
    std::string prefix;  // Of keys as the application calls them.
    std::int64_t limit = 100;
    std::string token;
  };
  void list_keys(const StateComponent& component, KeysRequest request, Done<StateMatches> done) const;
  // Answers how many there were.
  void remove_with_prefix(const StateComponent& component, std::string_view prefix, Done<std::uint64_t> done) const;

 private:
  using Wrap = std::function<DaprError(const StoreError&)>;
  void walk(const StateComponent& component, std::string prefix, PreparedQuery query, StateScan::Show show, Done<StateMatches> done) const;
  void change_each(const StateComponent& component, std::vector<StateRequest> requests, Wrap wrap, Done<void> done) const;

  std::string app_id_;
  std::vector<StateComponent> components_;  // A handful.
  std::vector<Loop*> loops_;
  WalkBounds bounds_;
  std::shared_ptr<std::atomic<std::size_t>> walks_ = std::make_shared<std::atomic<std::size_t>>(0);  // Under way.
};

}  // namespace holdfast::dapr
