// FakeStore: the view as a std::map.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "ports/state_store.h"

namespace holdfast::testing {

class FakeStore final : public ports::StateStore {
 public:
  std::map<std::string, std::string, std::less<>> rows;
  mutable std::size_t gets = 0;
  mutable std::size_t scans = 0;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    ++gets;
    const auto it = rows.find(key);
    return it == rows.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override {
    ++scans;
    auto cursor = std::make_unique<Cursor>();
    for (auto it = rows.lower_bound(from); it != rows.end() && (to.empty() || it->first < to); ++it) cursor->rows.insert(*it);
    cursor->at = cursor->rows.begin();
    return cursor;
  }
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) override {
    for (const auto& write : writes) {
      if (write.value) rows.insert_or_assign(std::string(write.key), std::string(*write.value));
      else rows.erase(std::string(write.key));
    }
    reached_ = epoch;
    return {};
  }
  [[nodiscard]] Result<model::Epoch> checkpoint() override { return reached_; }
  [[nodiscard]] model::Epoch reached() const override { return reached_; }

 private:
  struct Cursor final : ports::StoreCursor {
    std::map<std::string, std::string> rows;
    std::map<std::string, std::string>::const_iterator at;
    [[nodiscard]] bool valid() const override { return at != rows.end(); }
    [[nodiscard]] std::string_view key() const override { return at->first; }
    [[nodiscard]] std::string_view value() const override { return at->second; }
    void next() override { ++at; }
    [[nodiscard]] Result<void> status() const override { return {}; }
  };
  model::Epoch reached_;
};

}  // namespace holdfast::testing
