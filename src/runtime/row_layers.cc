#include "runtime/row_layers.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kRowOverhead = 96;  // Nodes and strings around a row, about.

std::size_t cost(std::string_view key, const RowSet::Value& value) {
  return key.size() + (value ? value->size() : 0) + kRowOverhead;
}

// The view is ours and local: when it cannot be read there is nothing to go on with, and going on with less than what was
// stored would lose it. The log still has everything.
[[noreturn]] void die_of(const Error& error) {
  end_process("cannot read the view", {{"error", error.message}});
}

}  // namespace

bool RowSet::is_hashed(std::string_view key) { return codec::kind_of_key(key) == codec::RowKind::Address; }

bool RowSet::put(std::string&& key, Value&& value) {
  const auto insert = [&](auto& rows) {
    auto [it, is_new] = rows.try_emplace(std::move(key));
    if (!is_new) bytes_ -= cost(it->first, it->second);
    it->second = std::move(value);
    bytes_ += cost(it->first, it->second);
    return is_new;
  };
  return is_hashed(key) ? insert(hashed_) : insert(ordered_);
}

void RowSet::remove(std::string_view key) {
  const auto erase = [&](auto& rows) {
    const auto it = rows.find(key);
    if (it == rows.end()) return;
    bytes_ -= cost(it->first, it->second);
    rows.erase(it);
  };
  if (is_hashed(key)) erase(hashed_);
  else erase(ordered_);
}

const RowSet::Value* RowSet::find(std::string_view key) const {
  if (is_hashed(key)) {
    const auto it = hashed_.find(key);
    return it == hashed_.end() ? nullptr : &it->second;
  }
  const auto it = ordered_.find(key);
  return it == ordered_.end() ? nullptr : &it->second;
}

void RowSet::absorb(RowSet& newer) {
  const auto move_all = [this](auto& from, auto& to) {
    while (!from.empty()) {
      auto result = to.insert(from.extract(from.begin()));
      if (result.inserted) {
        bytes_ += cost(result.position->first, result.position->second);
        continue;
      }
      auto& value = result.position->second;
      bytes_ -= cost(result.position->first, value);
      value = std::move(result.node.mapped());
      bytes_ += cost(result.position->first, value);
    }
  };
  move_all(newer.hashed_, hashed_);
  move_all(newer.ordered_, ordered_);
  newer.bytes_ = 0;
}

void RowSet::for_each(const std::function<void(std::string_view, const Value&)>& visit) const {
  for (const auto& [key, value] : hashed_) visit(key, value);
  for (const auto& [key, value] : ordered_) visit(key, value);
}

std::map<std::string_view, const RowSet::Value*> RowSet::range(std::string_view from, std::string_view to) const {
  std::map<std::string_view, const Value*> out;
  for (auto it = ordered_.lower_bound(from); it != ordered_.end() && it->first < to; ++it)
    out.emplace_hint(out.end(), it->first, &it->second);
  if (is_hashed(from))
    for (const auto& [key, value] : hashed_)
      if (key >= from && key < to) out.emplace(key, &value);
  return out;
}

void RowSet::clear() {
  hashed_.clear();
  ordered_.clear();
  bytes_ = 0;
}

void RowSet::append_to(std::vector<ports::StoreWrite>& writes) const {
  writes.reserve(writes.size() + size());
  for_each([&](std::string_view key, const Value& value) {
    writes.push_back({key, value ? std::optional<std::string_view>(*value) : std::nullopt});
  });
}

void RowLayers::put(std::string key, std::string value) { open_.put(std::move(key), std::move(value)); }
void RowLayers::erase(std::string key) { open_.put(std::move(key), std::nullopt); }
void RowLayers::erase_unborn(std::string_view key) { open_.remove(key); }
void RowLayers::forget(std::string_view key) {
  open_.remove(key);
  dirty_.remove(key);
}

const RowSet::Value* RowLayers::find_above(std::string_view key) const {
  for (const RowSet* layer : {&open_, &dirty_, frozen_.get()}) {
    if (layer == nullptr) continue;
    if (const auto* value = layer->find(key)) return value;
  }
  return nullptr;
}

std::optional<std::string> RowLayers::get(std::string_view key) const {
  if (const auto* value = find_above(key)) return *value;
  auto stored = store_.get(key);
  if (!stored) die_of(stored.error());
  return std::move(*stored);
}

bool RowLayers::walk_addresses(AddressWalk& walk, std::size_t& left, const VisitAddress& visit) const {
  const std::array<const RowSet*, 3> layers{&open_, &dirty_, frozen_.get()};
  for (; walk.layer < layers.size(); ++walk.layer, walk.at = {}) {
    if (layers[walk.layer] == nullptr) continue;
    const bool done = walk_on(layers[walk.layer]->hashed(), walk.at, left, [&](const auto& row, std::size_t& rest) {
      if (const auto& newest = *find_above(row.first)) visit(row.first, *newest, rest);
    });
    if (!done) return false;
  }
  return true;
}

void RowLayers::scan_addresses(std::string_view from, std::string_view to,
                               const std::function<bool(std::string_view, std::optional<std::string_view>)>& visit) const {
  const auto stored = store_.scan(from, to);
  for (; stored->valid(); stored->next()) {
    const RowSet::Value* above = find_above(stored->key());
    std::optional<std::string_view> value = stored->value();
    if (above != nullptr) value = *above ? std::optional<std::string_view>(**above) : std::nullopt;
    if (!visit(stored->key(), value)) return;
  }
  if (auto ok = stored->status(); !ok) die_of(ok.error());
}

void RowLayers::scan(std::string_view from, std::string_view to,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  // A merge of up to four ordered walks; at equal keys the newest wins. Address rows are hashed and have to be put in
  // order first, all that there are in memory: for whoever has the time.
  struct Walk {
    RowSet::Ordered::const_iterator it, end;
    std::map<std::string_view, const RowSet::Value*> sorted;
    std::map<std::string_view, const RowSet::Value*>::const_iterator sorted_it;
    bool by_sorted = false;
    [[nodiscard]] bool valid() const { return by_sorted ? sorted_it != sorted.end() : it != end; }
    [[nodiscard]] std::string_view key() const { return by_sorted ? sorted_it->first : std::string_view(it->first); }
    [[nodiscard]] const RowSet::Value& value() const { return by_sorted ? *sorted_it->second : it->second; }
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
        if (walks[i].value()) go_on = visit(key, *walks[i].value());
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
  auto frozen = std::make_shared<RowSet>(std::move(dirty_));
  dirty_.clear();
  frozen_ = frozen;
  return frozen;
}

}  // namespace holdfast::runtime
