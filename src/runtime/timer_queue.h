// TimerQueue: which timer is due next, over all partitions of a shard. Only keys, and only the near ones: every timer below
// the horizon is here, those beyond it are only rows and are read in when the horizon comes close.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"
#include "model/address.h"
#include "model/rows.h"

namespace holdfast::runtime {

class TimerQueue {
 public:
  struct Entry {
    model::TimerKey key;
    model::PartitionId partition;
    auto operator<=>(const Entry&) const = default;
  };
  // Calls `found` for stored timers due at `from` or later, about `limit` of each partition, and returns the instant below which it has
  // found all there are.
  using Read = std::function<Instant(Instant from, std::size_t limit, const std::function<void(Entry)>& found)>;

  TimerQueue(std::size_t entries_max, Read read) : entries_max_(entries_max), read_(std::move(read)) {}

  void add(const Entry& entry) {
    if (entry.key.due >= horizon_) return;
    entries_.insert(entry);
    if (entries_.size() > entries_max_) shrink();
  }
  void remove(const Entry& entry) { entries_.erase(entry); }

  // The earliest timer there is; none: there is none at all.
  [[nodiscard]] std::optional<Entry> next() {
    while (entries_.empty() && horizon_ != kNever) refill();
    if (entries_.empty()) return std::nullopt;
    return *entries_.begin();
  }
  // Forgets everything and reads it again when asked.
  void reset() {
    entries_.clear();
    horizon_ = {std::numeric_limits<std::int64_t>::min()};
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  static constexpr Instant kNever{std::numeric_limits<std::int64_t>::max()};

  // Everything from some due time on is left to the rows.
  void shrink() {
    // Timers of one instant stay together, else the horizon would cut through them: a first instant of many is kept whole.
    const Instant first = entries_.begin()->key.due;
    if (entries_.rbegin()->key.due == first) return;
    auto it = entries_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(entries_max_ / 2));
    if (it->key.due == first) it = entries_.lower_bound(Entry{{{first.unix_ms + 1}, {}}, {}});
    else it = entries_.lower_bound(Entry{{it->key.due, {}}, {}});
    horizon_ = it->key.due;
    entries_.erase(it, entries_.end());
  }
  void refill() {
    horizon_ = read_(horizon_, std::max<std::size_t>(entries_max_ / 2, 1), [&](Entry entry) { entries_.insert(entry); });
    entries_.erase(entries_.lower_bound(Entry{{horizon_, {}}, {}}), entries_.end());
    if (entries_.size() > entries_max_) shrink();
  }

  std::size_t entries_max_;
  Read read_;
  std::set<Entry> entries_;
  Instant horizon_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace holdfast::runtime
