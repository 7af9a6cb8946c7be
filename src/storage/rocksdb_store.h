// RocksDbStore: the view on disk. RocksDB without its own log: what it forgets in a crash, the epoch log still has.
//
// The epoch the view has reached is a row of its own (the empty key, which nobody else may use) and goes into the last of the batches, of about a
// megabyte each, that bring the writes up to it. RocksDB makes batches durable in order, when it wants: so the rows up to the position are always
// there. With it stands whose view it is.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "ports/state_store.h"

namespace rocksdb {
class DB;
class Env;
class Status;
class WriteBatch;
}

namespace holdfast::storage {

class RocksDbStore final : public ports::StateStore {
 public:
  struct Options {
    std::size_t block_cache_bytes = 32u << 20;
    std::size_t open_files_max = 512;       // Tables that are kept open; some more for a moment, while they are written or merged.
    std::size_t memtable_bytes = 8u << 20;  // Two of them exist while one is being flushed.
    std::string owner = {};  // What the data directory says of itself. A view of another one is Damaged; empty: not asked, not noted.
  };

  // Makes the directory if it is missing. ErrorCode::Damaged: RocksDB does not find what it wrote. ErrorCode::NoSpace from apply() and
  // checkpoint() also while it gets over a full disk, which can take some seconds longer than the disk is full.
  [[nodiscard]] static Result<std::unique_ptr<ports::StateStore>> open(const std::string& directory, const Options& options);
  // Only get(), scan() and reached() may be called; nothing is changed on the disk. There must be a view.
  [[nodiscard]] static Result<std::unique_ptr<ports::StateStore>> open_to_read(const std::string& directory);
  ~RocksDbStore() override;

  // Cursors must be gone before the store is.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override;
  // Keys are not empty.
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) override;
  [[nodiscard]] Result<model::Epoch> checkpoint() override;
  [[nodiscard]] model::Epoch reached() const override { return {reached_.load()}; }

 private:
  RocksDbStore(std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db);
  Result<void> resume();
  Result<void> write(rocksdb::WriteBatch& batch);
  Error stop(const rocksdb::Status& status, const char* what);

  std::unique_ptr<rocksdb::Env> env_;  // See patient_file_system.h.
  std::unique_ptr<rocksdb::DB> db_;
  std::string owner_;
  std::atomic<std::uint64_t> reached_ = 0;
  bool stopped_ = false;  // A write or flush has failed; RocksDB takes no more before it is told to go on.
};

struct StoreReport {
  bool exists = false;  // False: there is no view (yet); the log alone has everything.
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;  // Of keys and values.
  model::Epoch reached;
  std::string last_key;  // The greatest.
  std::string owner;     // Options::owner of who wrote it; empty: not noted.
  std::vector<std::string> damage;  // Which file, which keys; empty: the view is sound.
};

// Looks at a stopped store without changing it: reads every block and every row. An error only if it cannot be read at all.
[[nodiscard]] Result<StoreReport> verify(const std::string& directory);

}  // namespace holdfast::storage
