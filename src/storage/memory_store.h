// MemoryStore: the twin of RocksDbStore that forgets with the process. For tests, for the simulator, and for `--data memory`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ports/state_store.h"

namespace holdfast::storage {

class MemoryStore final : public ports::StateStore {
 public:
  // `batch_rows`: apply() may be torn by a crash after every so many writes, as RocksDbStore's may between its batches.
  explicit MemoryStore(std::size_t batch_rows = SIZE_MAX);

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override;
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) override;
  [[nodiscard]] Result<model::Epoch> checkpoint() override;
  [[nodiscard]] model::Epoch reached() const override;

  // Forgets everything since the last checkpoint but for the first `kept` batches, as a crash of the process would: a store may make durable what it
  // wants, when it wants. No cursor may be in use.
  void crash(std::size_t kept = 0);
  [[nodiscard]] std::size_t batches_since_checkpoint() const;

 private:
  using Rows = std::map<std::string, std::string, std::less<>>;
  class Cursor;

  mutable std::mutex mutex_;
  std::shared_ptr<Rows> rows_;  // Copied before a write while a cursor looks at it.
  // What a part of an apply() has replaced: the value it had, or that there was none.
  struct Batch {
    std::map<std::string, std::optional<std::string>, std::less<>> before;
    std::optional<model::Epoch> reached;  // With its last batch only.
  };
  const std::size_t batch_rows_;
  std::vector<Batch> batches_;  // Since the checkpoint.
  model::Epoch reached_;
  model::Epoch checkpoint_;
};

}  // namespace holdfast::storage
