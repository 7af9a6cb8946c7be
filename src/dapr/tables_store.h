// state.holdfast: state in tables of the core (ports/items.h). What was answered is durable, and a transaction may hold any keys.
#pragma once

#include <string>
#include <vector>

#include "dapr/state_store.h"
#include "ports/items.h"

namespace holdfast::dapr {

class TablesStore final : public StateStore {
 public:
  // Stores of one table share their items. `items` outlives the store and every answer.
  TablesStore(ports::Items& items, std::string table) : items_(items), table_(std::move(table)) {}

  [[nodiscard]] Features features() const override { return {.delete_with_prefix = true, .query = true}; }
  void get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) override;
  void change(StateChange change, Done<void> done) override;
  void transact(std::vector<StateChange> changes, Done<void> done) override;
  void scan(StateScan scan, Done<StatePage> done) override;
  void delete_with_prefix(std::string prefix, Done<std::uint64_t> done) override;

 private:
  void get_some(std::vector<std::string> keys, std::function<void(std::vector<Found>, bool is_too_large)> done);

  ports::Items& items_;
  std::string table_;
};

}  // namespace holdfast::dapr
