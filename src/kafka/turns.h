// Turns: which partitions that are behind may be read at once, by what they have in memory. That is a whole batch of the partition's producer at
// the least, however small its share of the bound is; so they begin one after the other, as there is room, and the others wait in line. One
// that has caught up needs no turn: it has next to nothing in memory.
//
// One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <utility>

namespace holdfast::kafka {

class Turns {
 public:
  // `records_max`: in memory for those who have a turn, together. `records_first`: what one that begins is taken for.
  Turns(std::size_t records_max, std::size_t records_first) : records_max_(records_max), records_first_(records_first) {}

  struct Taker {
    std::function<void()> go;              // It is its turn.
    std::function<std::size_t()> records;  // In memory for it; while it has got nothing yet, `records_first` at the least.
  };
  // Calls `go` when it is the turn of `who`, which may be at once. `who` must neither have a turn nor wait for one.
  void ask(const void* who, Taker taker) {
    line_.emplace_back(who, std::move(taker));
    admit();
  }
  // `who` has no turn any more, nor waits for one; fine if he did not.
  void leave(const void* who) {
    std::erase_if(line_, [who](const auto& waiting) { return waiting.first == who; });
    reading_.erase(who);
    admit();
  }
  // Room may have come.
  void admit() {
    while (!closed_ && !line_.empty() && in_memory() + records_first_ <= records_max_) {
      auto next = std::move(line_.front());
      line_.pop_front();
      const auto go = next.second.go;
      reading_.insert(std::move(next));
      go();
    }
  }
  // Nobody gets a turn any more.
  void close() {
    closed_ = true;
    line_.clear();
  }

  [[nodiscard]] std::size_t records_first() const { return records_first_; }
  [[nodiscard]] bool has(const void* who) const { return reading_.contains(who); }
  [[nodiscard]] bool waits(const void* who) const {
    return std::ranges::any_of(line_, [who](const auto& waiting) { return waiting.first == who; });
  }
  [[nodiscard]] bool someone_waits() const { return !line_.empty(); }

 private:
  [[nodiscard]] std::size_t in_memory() const {
    std::size_t sum = 0;
    for (const auto& [who, taker] : reading_) sum += taker.records();
    return sum;
  }

  const std::size_t records_max_;
  const std::size_t records_first_;
  bool closed_ = false;
  std::deque<std::pair<const void*, Taker>> line_;
  std::map<const void*, Taker> reading_;
};

}  // namespace holdfast::kafka
