#include "storage/memory_store.h"

#include "base/check.h"

namespace holdfast::storage {

class MemoryStore::Cursor final : public ports::StoreCursor {
 public:
  Cursor(std::shared_ptr<Rows> rows, std::string_view from, std::string_view to)
      : rows_(std::move(rows)), at_(rows_->lower_bound(from)), end_(to.empty() ? rows_->end() : rows_->lower_bound(to)) {
    if (!to.empty() && to <= from) at_ = end_;
  }
  [[nodiscard]] bool valid() const override { return at_ != end_; }
  [[nodiscard]] std::string_view key() const override { return at_->first; }
  [[nodiscard]] std::string_view value() const override { return at_->second; }
  void next() override { ++at_; }
  [[nodiscard]] Result<void> status() const override { return {}; }

 private:
  std::shared_ptr<Rows> rows_;
  Rows::const_iterator at_;
  Rows::const_iterator end_;
};

MemoryStore::MemoryStore(std::size_t batch_rows) : rows_(std::make_shared<Rows>()), batch_rows_(batch_rows) {}

Result<std::optional<std::string>> MemoryStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto row = rows_->find(key);
  if (row == rows_->end()) return std::nullopt;
  return row->second;
}

std::unique_ptr<ports::StoreCursor> MemoryStore::scan(std::string_view from, std::string_view to) const {
  const std::lock_guard lock(mutex_);
  return std::make_unique<Cursor>(rows_, from, to);
}

Result<void> MemoryStore::apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) {
  const std::lock_guard lock(mutex_);
  if (rows_.use_count() > 1) rows_ = std::make_shared<Rows>(*rows_);
  std::size_t left = 0;
  for (const auto& write : writes) {
    HOLDFAST_CHECK(!write.key.empty());
    if (left-- == 0) {
      batches_.emplace_back();
      left = batch_rows_ - 1;
    }
    auto& before = batches_.back().before;
    auto row = rows_->find(write.key);
    if (!before.contains(write.key)) before.emplace(write.key, row == rows_->end() ? std::nullopt : std::optional(row->second));
    if (!write.value) {
      if (row != rows_->end()) rows_->erase(row);
    } else if (row != rows_->end()) {
      row->second = *write.value;
    } else {
      rows_->emplace(write.key, *write.value);
    }
  }
  if (writes.empty()) batches_.emplace_back();
  batches_.back().reached = reached_ = epoch;
  return {};
}

Result<model::Epoch> MemoryStore::checkpoint() {
  const std::lock_guard lock(mutex_);
  batches_.clear();
  return checkpoint_ = reached_;
}

model::Epoch MemoryStore::reached() const {
  const std::lock_guard lock(mutex_);
  return reached_;
}

std::size_t MemoryStore::batches_since_checkpoint() const {
  const std::lock_guard lock(mutex_);
  return batches_.size();
}

void MemoryStore::crash(std::size_t kept) {
  const std::lock_guard lock(mutex_);
  HOLDFAST_CHECK(rows_.use_count() == 1);
  for (; batches_.size() > kept; batches_.pop_back()) {
    for (auto& [key, value] : batches_.back().before) {
      if (value) (*rows_)[key] = std::move(*value);
      else rows_->erase(key);
    }
  }
  for (const Batch& batch : batches_)
    if (batch.reached) checkpoint_ = *batch.reached;
  batches_.clear();
  reached_ = checkpoint_;
}

}  // namespace holdfast::storage
