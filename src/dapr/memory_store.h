// state.in-memory: state in this process, gone with it.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "dapr/state_store.h"

namespace holdfast::dapr {

class MemoryStore final : public StateStore {
 public:
  // `clock` outlives the store.
  explicit MemoryStore(const Clock& clock);

  [[nodiscard]] Features features() const override { return {.delete_with_prefix = true, .query = true}; }
  void get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) override;
  void change(StateChange change, Done<void> done) override;
  void transact(std::vector<StateChange> changes, Done<void> done) override;
  void scan(StateScan scan, Done<StatePage> done) override;
  void delete_with_prefix(std::string prefix, Done<std::uint64_t> done) override;

 private:
  [[nodiscard]] const StoredState* live(const std::string& key, Instant now) const;
  [[nodiscard]] StoreResult<void> check(const StateChange& change, Instant now) const;
  void apply(StateChange&& change, Instant now);
  void sweep(Instant now);

  const Clock& clock_;
  std::string etag_prefix_;  // No etag of another process is one of ours.
  std::mutex mutex_;
  std::map<std::string, StoredState> states_;
  std::uint64_t changes_ = 0;
  std::uint64_t sweep_at_ = 1024;
};

}  // namespace holdfast::dapr
