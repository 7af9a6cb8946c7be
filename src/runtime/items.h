// What a shard knows of its items beside their rows: which have been changed by an epoch that is not durable yet, and which are held, so that
// nobody but the transaction that holds them changes them. None of it survives a crash, nor need it: the transactions do not either.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/rows.h"

namespace holdfast::runtime {

// The name of an item, as one string.
[[nodiscard]] inline std::string name_of(const model::ItemKey& item) {
  std::string name;
  append_string(name, item.table);
  return name += item.key;
}

class UndurableItems {
 public:
  void changed(const model::ItemKey& item, model::Epoch open) {
    std::string name = name_of(item);
    open_.push_back(name);
    epochs_.insert_or_assign(std::move(name), open);
    last_ = open;
  }
  // The epoch that has changed it and is not durable yet; 0: none.
  [[nodiscard]] model::Epoch epoch_of(const model::ItemKey& item) const {
    if (epochs_.empty()) return {};
    const auto it = epochs_.find(name_of(item));
    return it == epochs_.end() ? model::Epoch{} : it->second;
  }
  // The last epoch that has changed any.
  [[nodiscard]] model::Epoch last() const { return last_; }
  // Those of the epoch that is being closed.
  [[nodiscard]] std::vector<std::string> take_open() { return std::exchange(open_, {}); }
  void durable(const std::vector<std::string>& names, model::Epoch epoch) {
    for (const auto& name : names)
      if (const auto it = epochs_.find(name); it != epochs_.end() && it->second <= epoch) epochs_.erase(it);
  }

 private:
  std::unordered_map<std::string, model::Epoch, StringHash, std::equal_to<>> epochs_;
  std::vector<std::string> open_;
  model::Epoch last_;
};

// A transaction over several shards: that which leads it, and a number of its own.
struct TransactionId {
  std::size_t lead = 0;
  std::uint64_t number = 0;
  auto operator<=>(const TransactionId&) const = default;
};

class ItemHolds {
 public:
  using Waiter = std::uint64_t;

  // The first of these that is held; null: none is.
  [[nodiscard]] const model::ItemKey* first_held(std::span<const model::ItemKey> items) const {
    for (const auto& item : items)
      if (held_.contains(name_of(item))) return &item;
    return nullptr;
  }
  void hold(const TransactionId& by, const model::ItemKey& item) {
    std::string name = name_of(item);
    holds_[by].push_back(name);
    held_.insert_or_assign(std::move(name), std::deque<Waiter>{});
  }
  void wait(const model::ItemKey& held, Waiter waiter) { held_.find(name_of(held))->second.push_back(waiter); }
  // Lets go of all that the transaction holds; whoever waits for any of it, in the order in which they came.
  [[nodiscard]] std::vector<Waiter> release(const TransactionId& by) {
    std::vector<Waiter> waiters;
    const auto holds = holds_.find(by);
    if (holds == holds_.end()) return waiters;
    for (const auto& name : holds->second) {
      const auto it = held_.find(name);
      waiters.insert(waiters.end(), it->second.begin(), it->second.end());
      held_.erase(it);
    }
    holds_.erase(holds);
    std::ranges::sort(waiters);
    return waiters;
  }
  [[nodiscard]] bool empty() const { return held_.empty(); }

 private:
  std::unordered_map<std::string, std::deque<Waiter>, StringHash, std::equal_to<>> held_;  // With who waits, by number.
  std::map<TransactionId, std::vector<std::string>> holds_;
};

}  // namespace holdfast::runtime
