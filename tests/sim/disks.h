// Disks: log and view as the runtime has them, with what the world does to them beside what FakeFileSystem does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "ports/epoch_log.h"
#include "ports/state_store.h"
#include "storage/memory_store.h"

namespace holdfast::sim {

// A log that says when an epoch is in it.
class WatchedLog final : public ports::EpochLog {
 public:
  WatchedLog(std::unique_ptr<ports::EpochLog> log, std::function<void()> appended) : log_(std::move(log)), appended_(std::move(appended)) {}

  [[nodiscard]] Result<void> replay(model::Epoch after, const Replayed& replayed) override { return log_->replay(after, replayed); }
  [[nodiscard]] Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) override;
  [[nodiscard]] Result<void> trim(model::Epoch epoch) override { return log_->trim(epoch); }
  [[nodiscard]] std::uint64_t bytes() const override { return log_->bytes(); }
  // The last epoch that was appended; 0: none was.
  [[nodiscard]] model::Epoch last() const { return last_; }

 private:
  std::unique_ptr<ports::EpochLog> log_;
  model::Epoch last_;
  std::function<void()> appended_;
};

// A view that may be without space, also in the midst of writes. A crash takes it back to its last checkpoint, or not so far: what is applied gets
// to the disk when there is much of it, without being asked, and in parts.
class View final : public ports::StateStore {
 public:
  explicit View(Random& random) : random_(random) {}

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return store_.get(key); }
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override {
    return store_.scan(from, to);
  }
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) override;
  [[nodiscard]] Result<model::Epoch> checkpoint() override;
  [[nodiscard]] model::Epoch reached() const override { return store_.reached(); }

  void set_full(bool full) { full_ = full; }
  void crash();

 private:
  Random& random_;
  storage::MemoryStore store_{5};
  bool full_ = false;
};

}  // namespace holdfast::sim
