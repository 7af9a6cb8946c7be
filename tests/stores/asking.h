// Asking a state store, and waiting for its answer.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dapr/state_store.h"
#include "dapr/store_settings.h"

namespace holdfast::testing {

using dapr::StateChange;
using dapr::StateStore;
using dapr::StoreError;
using dapr::StoredState;
using dapr::StoreResult;

inline constexpr std::chrono::seconds kEventually{60};

template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kEventually;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::vector<StateStore::Found> get_all(StateStore& store, std::vector<std::string> keys) {
  auto answer = std::make_shared<std::promise<std::vector<StateStore::Found>>>();
  store.get(std::move(keys), [answer](std::vector<StateStore::Found> found) { answer->set_value(std::move(found)); });
  auto future = answer->get_future();
  if (future.wait_for(kEventually) != std::future_status::ready) return {tl::unexpected<StoreError>({StoreError::Kind::Failed, "no answer"})};
  return future.get();
}

inline StateStore::Found get(StateStore& store, const std::string& key) { return get_all(store, {key}).at(0); }

inline std::string value_of(StateStore& store, const std::string& key) {
  auto found = get(store, key);
  if (!found) return "error: " + found.error().message;
  return *found ? (*found)->value : "nothing";
}

inline StoreResult<void> transact(StateStore& store, std::vector<StateChange> changes) {
  auto answer = std::make_shared<std::promise<StoreResult<void>>>();
  store.transact(std::move(changes), [answer](StoreResult<void> outcome) { answer->set_value(std::move(outcome)); });
  auto future = answer->get_future();
  if (future.wait_for(kEventually) != std::future_status::ready) return tl::unexpected<StoreError>({StoreError::Kind::Failed, "no answer"});
  return future.get();
}

inline StoreResult<void> change(StateStore& store, StateChange one) {
  auto answer = std::make_shared<std::promise<StoreResult<void>>>();
  store.change(std::move(one), [answer](StoreResult<void> outcome) { answer->set_value(std::move(outcome)); });
  auto future = answer->get_future();
  if (future.wait_for(kEventually) != std::future_status::ready) return tl::unexpected<StoreError>({StoreError::Kind::Failed, "no answer"});
  return future.get();
}

inline StateChange set(std::string key, std::string value, std::string etag = {}) {
  return {.kind = StateChange::Kind::Set, .key = std::move(key), .etag = std::move(etag), .value = std::move(value)};
}
inline StateChange remove(std::string key, std::string etag = {}) {
  return {.kind = StateChange::Kind::Delete, .key = std::move(key), .etag = std::move(etag)};
}
inline StateChange first(StateChange change) {
  change.first_write = true;
  return change;
}
inline StateChange with_ttl(StateChange change, std::int64_t seconds) {
  change.ttl_seconds = seconds;
  return change;
}

inline dapr::StoreDocument document(std::string type, std::vector<std::pair<std::string, std::string>> metadata, std::string version = "v1") {
  return {.name = "store", .type = std::move(type), .version = std::move(version), .properties = dapr::Properties(std::move(metadata)), .init_timeout = {5'000}};
}

MATCHER(Ok, "succeeds") {
  if (!arg) *result_listener << "error: " << arg.error().message;
  return arg.has_value();
}
MATCHER(Mismatches, "is an etag mismatch") {
  if (!arg) *result_listener << "error: " << arg.error().message;
  return !arg && arg.error().kind == StoreError::Kind::EtagMismatch;
}

}  // namespace holdfast::testing
