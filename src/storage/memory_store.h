// MemoryStore: the twin of RocksDbStore that forgets with the process. For tests, for the simulator, and for `--data memory`.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ports/state_store.h"

namespace holdfast::storage {

class MemoryStore final : public ports::StateStore {
 public:
  MemoryStore();

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override;
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) override;
  [[nodiscard]] Result<model::Epoch> checkpoint() override;
  [[nodiscard]] model::Epoch reached() const override;

  // Forgets everything since the last checkpoint, as a crash of the process would. No cursor may be in use.
  void crash();

 private:
  using Rows = std::map<std::string, std::string, std::less<>>;
  class Cursor;

  mutable std::mutex mutex_;
  std::shared_ptr<Rows> rows_;  // Copied before a write while a cursor looks at it.
  model::Epoch reached_;
  // What apply() has replaced since the checkpoint: the value it had, or that there was none.
  std::map<std::string, std::optional<std::string>, std::less<>> undo_;
  model::Epoch checkpoint_;
};

}  // namespace holdfast::storage
