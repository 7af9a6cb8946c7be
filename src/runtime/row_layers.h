// RowLayers: the rows of one shard as they are at this moment, which is not yet how any disk has them.
//
// From new to old:
//   open    what the open epoch has written so far
//   dirty   closed epochs that are not in the view yet
//   frozen  a former `dirty` on its way into the view
//   store   the view
// A read takes the newest layer that knows the key. close() turns `open` into an epoch's payload and moves it down to `dirty`; freeze()
// moves `dirty` to `frozen`, at an epoch boundary; thaw() forgets `frozen` once the view has it.
//
// One thread, but for the frozen layer, which the view's writer reads while it stands.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ports/state_store.h"
#include "runtime/bucket_walk.h"
#include "runtime/packed_row.h"

namespace holdfast::runtime {

// Rows by key; no value: deleted. Address rows are only ever asked for by key, and hashed; the others are ordered.
class RowSet {
  struct NoLinks {};
  struct ByKey {
    using is_transparent = void;
    static std::string_view of(std::string_view key) { return key; }
    static std::string_view of(const auto& row) { return row->key(); }
    bool operator()(const auto& a, const auto& b) const { return of(a) < of(b); }
  };

 public:
  using Row = PackedRow<NoLinks>;
  using Value = std::optional<std::string_view>;

  void put(std::string_view key, Value value);
  // For a row that nothing older has: if it is removed here before it has left, no trace of it stays. Not for hashed ones.
  void put_new(std::string_view key, std::string_view value);
  void remove(std::string_view key);
  [[nodiscard]] const Row* find(std::string_view key) const;
  [[nodiscard]] std::size_t bytes() const { return hashed_.bytes() + ordered_bytes_; }
  [[nodiscard]] bool empty() const { return hashed_.empty() && ordered_.empty(); }
  [[nodiscard]] std::size_t size() const { return hashed_.size() + ordered_.size(); }

  // Takes in all rows of `newer`, over those that are here; `newer` is empty then. Rows move, they are not copied.
  void absorb(RowSet& newer);

  void for_each(const std::function<void(std::string_view, const Value&)>& visit) const;
  // Keys in [from, to), in order.
  [[nodiscard]] std::map<std::string_view, const Row*> range(std::string_view from, std::string_view to) const;
  using Hashed = RowTable<Row>;
  [[nodiscard]] const Hashed& hashed() const { return hashed_; }
  using Ordered = std::set<Row::Owner, ByKey>;
  [[nodiscard]] const Ordered& ordered() const { return ordered_; }
  static bool is_hashed(std::string_view key);
 private:
  // Where it is among the ordered ones, or would be.
  [[nodiscard]] Ordered::const_iterator place_of(std::string_view key) const { return ordered_.lower_bound(key); }
  // One of them, which takes the place of another, if there is one; false: both have gone.
  [[nodiscard]] bool succeed(Row& row, Ordered::const_iterator& place);

  Hashed hashed_;
  Ordered ordered_;
  std::size_t ordered_bytes_ = 0;
};

// All rows of these sets as the view takes them, in the order of their keys: so they go in at less than half the price. The writes point into the sets.
[[nodiscard]] std::vector<ports::StoreWrite> writes_of(std::span<const std::shared_ptr<const RowSet>> sets);

class RowLayers {
 public:
  explicit RowLayers(const ports::StateStore& store) : store_(store) {}

  void put(std::string_view key, std::string_view value) { open_.put(key, value); }
  // For a row that no layer has: if it is erased before it is on its way to the view, nothing of it gets there.
  void put_new(std::string_view key, std::string_view value) { open_.put_new(key, value); }
  void erase(std::string_view key) { open_.put(key, std::nullopt); }
  // For a row that was born in the open epoch, and so is nowhere below: leaves no trace.
  void erase_unborn(std::string_view key);
  // For a row that is in no layer below `dirty`, and whose absence follows from another row: leaves no trace, not even in the payload.
  void forget(std::string_view key);

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  // Rows in [from, to) in key order until `visit` says false. Of address rows, which are in no order above the
  // store, all that are there have to be put in order first: it takes its time.
  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

  // Address rows, for people who look in: in slices, between which rows may go down from layer to layer, as they do. First walk_addresses()
  // until it is true, then scan_addresses() of what ranges are wanted: what is there from begin to end is met at least once, as it is then.
  struct AddressWalk {
    std::size_t layer = 0;
    BucketWalk at;
  };
  using VisitAddress = std::function<void(std::string_view key, std::string_view value, std::size_t& left)>;
  [[nodiscard]] bool walk_addresses(AddressWalk& walk, std::size_t& left, const VisitAddress& visit) const;
  void scan_addresses(std::string_view from, std::string_view to,
                      const std::function<bool(std::string_view key, std::optional<std::string_view> value)>& visit) const;

  [[nodiscard]] bool open_is_empty() const { return open_.empty(); }
  [[nodiscard]] std::size_t open_bytes() const { return open_.bytes(); }
  [[nodiscard]] std::size_t dirty_bytes() const { return dirty_.bytes(); }

  // Appends the open rows to `payload` and moves them to `dirty`.
  void close(std::string& payload);
  // A row that belongs to the epoch just closed.
  void add_closed(std::string_view key, std::optional<std::string_view> value) { dirty_.put(key, value); }

  std::shared_ptr<const RowSet> freeze();
  // Gives the frozen rows out, for whoever has the time to free them.
  std::shared_ptr<const RowSet> thaw() { return std::exchange(frozen_, nullptr); }
  [[nodiscard]] bool has_frozen() const { return frozen_ != nullptr; }

 private:
  // The newest row above the store; null: none knows the key.
  [[nodiscard]] const RowSet::Row* find_above(std::string_view key) const;

  const ports::StateStore& store_;
  RowSet open_;
  RowSet dirty_;
  std::shared_ptr<const RowSet> frozen_;
};

}  // namespace holdfast::runtime
