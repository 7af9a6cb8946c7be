#include "runtime/row_layers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kNodeBytes = allocated_bytes(5 * sizeof(void*));  // Of an ordered set.

// The view is ours and local: when it cannot be read there is nothing to go on with, and going on with less than what was
// stored would lose it. The log still has everything.
[[noreturn]] void die_of(const Error& error) {
  end_process("cannot read the view", {{"error", error.message}});
}

}  // namespace

bool RowSet::is_hashed(std::string_view key) { return codec::kind_of_key(key) == codec::RowKind::Address; }

void RowSet::put(std::string_view key, Value value) {
  auto row = Row::make(key, value);
  if (is_hashed(key)) {
    (void)hashed_.put(std::move(row));
    return;
  }
  auto place = place_of(key);
  if (succeed(*row, place)) ordered_.insert(place, std::move(row));
}

void RowSet::put_new(std::string_view key, std::string_view value) {
  auto row = Row::make(key, value);
  row->set_new(true);
  auto place = place_of(key);
  if (succeed(*row, place)) ordered_.insert(place, std::move(row));
}

void RowSet::remove(std::string_view key) {
  if (is_hashed(key)) {
    (void)hashed_.take(key);
    return;
  }
  const auto place = place_of(key);
  if (place == ordered_.end() || (*place)->key() != key) return;
  ordered_bytes_ -= kNodeBytes + (*place)->bytes();
  ordered_.erase(place);
}

bool RowSet::succeed(Row& row, Ordered::const_iterator& place) {
  if (place != ordered_.end() && (*place)->key() == row.key()) {
    row.set_new((*place)->is_new());
    ordered_bytes_ -= kNodeBytes + (*place)->bytes();
    place = ordered_.erase(place);
    if (row.is_new() && !row.value()) return false;
  }
  ordered_bytes_ += kNodeBytes + row.bytes();
  return true;
}

const RowSet::Row* RowSet::find(std::string_view key) const {
  if (is_hashed(key)) return hashed_.find(key);
  const auto it = ordered_.find(key);
  return it == ordered_.end() ? nullptr : it->get();
}

void RowSet::absorb(RowSet& newer) {
  newer.hashed_.drain([this](Row::Owner row) { (void)hashed_.put(std::move(row)); });
  while (!newer.ordered_.empty()) {
    auto node = newer.ordered_.extract(newer.ordered_.begin());
    auto place = place_of(node.value()->key());
    if (succeed(*node.value(), place)) ordered_.insert(place, std::move(node));
  }
  newer.ordered_bytes_ = 0;
}

void RowSet::for_each(const std::function<void(std::string_view, const Value&)>& visit) const {
  hashed_.for_each([&](const Row& row) { visit(row.key(), row.value()); });
  for (const auto& row : ordered_) visit(row->key(), row->value());
}

std::map<std::string_view, const RowSet::Row*> RowSet::range(std::string_view from, std::string_view to) const {
  std::map<std::string_view, const Row*> out;
  for (auto it = ordered_.lower_bound(from); it != ordered_.end() && (*it)->key() < to; ++it)
    out.emplace_hint(out.end(), (*it)->key(), it->get());
  if (is_hashed(from))
    hashed_.for_each([&](const Row& row) {
      if (row.key() >= from && row.key() < to) out.emplace(row.key(), &row);
    });
  return out;
}

std::vector<ports::StoreWrite> writes_of(std::span<const std::shared_ptr<const RowSet>> sets) {
  std::vector<ports::StoreWrite> writes;
  std::size_t rows = 0;
  for (const auto& set : sets) rows += set->size();
  writes.reserve(rows);
  for (const auto& set : sets) set->for_each([&writes](std::string_view key, const RowSet::Value& value) { writes.push_back({key, value}); });
  std::ranges::sort(writes, {}, &ports::StoreWrite::key);
  return writes;
}

void RowLayers::erase_unborn(std::string_view key) { open_.remove(key); }
void RowLayers::forget(std::string_view key) {
  open_.remove(key);
  dirty_.remove(key);
}

const RowSet::Row* RowLayers::find_above(std::string_view key) const {
  for (const RowSet* layer : {&open_, &dirty_, frozen_.get()}) {
    if (layer == nullptr) continue;
    if (const auto* row = layer->find(key)) return row;
  }
  return nullptr;
}

std::optional<std::string> RowLayers::get(std::string_view key) const {
  if (const auto* row = find_above(key)) {
    const auto value = row->value();
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  auto stored = store_.get(key);
  if (!stored) die_of(stored.error());
  return std::move(*stored);
}

bool RowLayers::walk_addresses(AddressWalk& walk, std::size_t& left, const VisitAddress& visit) const {
  const std::array<const RowSet*, 3> layers{&open_, &dirty_, frozen_.get()};
  for (; walk.layer < layers.size(); ++walk.layer, walk.at = {}) {
    if (layers[walk.layer] == nullptr) continue;
    const bool done = walk_on(layers[walk.layer]->hashed(), walk.at, left, [&](const auto& row, std::size_t& rest) {
      if (const auto newest = find_above(row.key())->value()) visit(row.key(), *newest, rest);
    });
    if (!done) return false;
  }
  return true;
}

void RowLayers::scan_addresses(std::string_view from, std::string_view to,
                               const std::function<bool(std::string_view, std::optional<std::string_view>)>& visit) const {
  const auto stored = store_.scan(from, to);
  for (; stored->valid(); stored->next()) {
    const RowSet::Row* above = find_above(stored->key());
    if (!visit(stored->key(), above != nullptr ? above->value() : stored->value())) return;
  }
  if (auto ok = stored->status(); !ok) die_of(ok.error());
}

void RowLayers::scan(std::string_view from, std::string_view to,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  // A merge of up to four ordered walks; at equal keys the newest wins. Address rows are hashed and have to be put in
  // order first, all that there are in memory: for whoever has the time.
  struct Walk {
    RowSet::Ordered::const_iterator it, end;
    std::map<std::string_view, const RowSet::Row*> sorted;
    std::map<std::string_view, const RowSet::Row*>::const_iterator sorted_it;
    bool by_sorted = false;
    [[nodiscard]] bool valid() const { return by_sorted ? sorted_it != sorted.end() : it != end; }
    [[nodiscard]] const RowSet::Row& row() const { return by_sorted ? *sorted_it->second : **it; }
    [[nodiscard]] std::string_view key() const { return row().key(); }
    void next() {
      if (by_sorted) ++sorted_it;
      else ++it;
    }
  };
  std::array<Walk, 3> walks;
  std::size_t count = 0;
  for (const RowSet* layer : {&open_, &dirty_, frozen_.get()}) {
    if (layer == nullptr) continue;
    Walk& walk = walks[count++];
    if (RowSet::is_hashed(from)) {
      walk.by_sorted = true;
      walk.sorted = layer->range(from, to);
      walk.sorted_it = walk.sorted.begin();
    } else {
      walk.it = layer->ordered().lower_bound(from);
      walk.end = to.empty() ? layer->ordered().end() : layer->ordered().lower_bound(to);
    }
  }
  const auto stored = store_.scan(from, to);
  while (true) {
    std::optional<std::string_view> least;
    for (std::size_t i = 0; i < count; ++i)
      if (walks[i].valid() && (!least || walks[i].key() < *least)) least = walks[i].key();
    if (stored->valid() && (!least || stored->key() < *least)) least = stored->key();
    if (!least) break;

    const std::string key(*least);
    bool decided = false;
    bool go_on = true;
    for (std::size_t i = 0; i < count; ++i) {
      if (!walks[i].valid() || walks[i].key() != key) continue;
      if (!decided) {
        decided = true;
        if (const auto value = walks[i].row().value()) go_on = visit(key, *value);
      }
      walks[i].next();
    }
    if (stored->valid() && stored->key() == key) {
      if (!decided) go_on = visit(key, stored->value());
      stored->next();
    }
    if (!go_on) return;
  }
  if (auto ok = stored->status(); !ok) die_of(ok.error());
}

void RowLayers::close(std::string& payload) {
  open_.for_each([&](std::string_view key, const RowSet::Value& value) {
    if (value) codec::append_put(payload, key, *value);
    else codec::append_delete(payload, key);
  });
  dirty_.absorb(open_);
}

std::shared_ptr<const RowSet> RowLayers::freeze() {
  HOLDFAST_CHECK(frozen_ == nullptr);
  auto frozen = std::make_shared<RowSet>(std::exchange(dirty_, {}));
  frozen_ = frozen;
  return frozen;
}

}  // namespace holdfast::runtime
