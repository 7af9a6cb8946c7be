#include "tables.h"

#include <algorithm>
#include <utility>

namespace holdfast::sim {
namespace {

const std::string kFree = "free", kBank = "bank";
using Kind = partition::ItemWrite::Kind;
using When = partition::ItemCondition::Kind;

// Nothing of it has happened.
bool is_refusal(const Error& error) {
  return error.code == ErrorCode::Overloaded || error.code == ErrorCode::Unavailable || error.code == ErrorCode::NoSpace || error.code == ErrorCode::Conflict;
}

}  // namespace

// Half of them begin alike.
std::string Tables::name(std::size_t key) { return (key % 2 == 0 ? "even/" : "odd/") + std::to_string(key); }

void Tables::broken(std::string why) {
  if (why_.empty()) why_ = "tables: " + std::move(why);
}

void Tables::crash() {
  runtime_ = nullptr;
  under_way_ = 0;
  for (auto& [id, write] : writes_) {
    if (write.fate != Write::Fate::UnderWay) continue;
    write.fate = Write::Fate::Unknown;
    write.ended = scheduler_.steps();
  }
}

template <typename T>
std::function<void(Result<T>)> Tables::answer(std::function<void(Result<T>)> then) {
  ++under_way_;
  return [this, then = std::move(then)](Result<T> result) {
    --under_way_;
    then(std::move(result));
  };
}

void Tables::do_something() {
  if (runtime_ == nullptr) return;
  switch (random_.below(12)) {
    case 0: return delete_some();
    case 1: return scan();
    case 2: return count_money();
    case 3:
    case 4:
    case 5: return move_money();
    case 6:
    case 7: return get_some();
    default: return write_some();
  }
}

void Tables::read_all() {
  scan();
  count_money();
}

// --- What may be shown -----------------------------------------------------------------------------------------------

std::uint64_t Tables::begin(Write write) {
  write.began = scheduler_.steps();
  write.latest_at_begin = scheduler_.now();
  writes_.emplace(++last_write_, std::move(write));
  return last_write_;
}

void Tables::end(const Ids& ids, const std::optional<Error>& error) {
  for (const auto id : ids) {
    Write& write = writes_.at(id);
    write.ended = scheduler_.steps();
    write.fate = !error ? Write::Fate::Done : is_refusal(*error) ? Write::Fate::Refused : Write::Fate::Unknown;
  }
}

// Another write has surely come after it, and was answered by then.
bool Tables::is_surely_over(const Write& write, std::size_t key, Step at) const {
  return std::ranges::any_of(writes_, [&](const auto& entry) {
    const Write& other = entry.second;
    return other.fate == Write::Fate::Done && other.began > write.ended && other.ended < at &&
           std::ranges::find(other.keys, key) != other.keys.end();
  });
}

void Tables::check_shown(const Read& read, std::size_t key, const model::ItemRow& row) {
  const auto it = writes_.find(std::stoull(row.value));
  const std::string which = name(key) + " shows write " + row.value;
  if (it == writes_.end()) return broken(which + ", which nobody made");
  Write& write = it->second;
  if (std::ranges::find(write.keys, key) == write.keys.end() || !write.is_put) return broken(which + ", which is of another");
  if (write.fate == Write::Fate::Refused) return broken(which + ", which was refused");
  if (is_surely_over(write, key, read.began)) return broken(which + ", and a later one was answered before");
  if (write.version && *write.version != row.version) broken(which + " with another version than before");
  // A clock that is set only makes it later than the latest, or shown for longer.
  if ((row.expires_at.unix_ms == 0) != (write.ttl.ms == 0)) broken(which + " with a time to live that it was not given");
  if (row.expires_at > scheduler_.latest() + write.ttl) broken(which + " for longer than it was given");
  if (row.expires_at.unix_ms != 0 && scheduler_.sets() == read.sets && row.expires_at <= read.began_at) broken(which + ", past its time");
  write.version = row.version;
  if (row.version < read.floor[key]) broken(which + " with a version that goes back");
  floor_[key] = std::max(floor_[key], row.version);
  last_seen_[key] = {it->first, row.version};
}

void Tables::check_absent(const Read& read, std::size_t key) {
  const Write never{.keys = {key}, .ended = 0};
  if (!is_surely_over(never, key, read.began)) return;
  for (const auto& [id, write] : writes_) {
    if (write.fate == Write::Fate::Refused || std::ranges::find(write.keys, key) == write.keys.end()) continue;
    const bool may_have_expired = write.ttl.ms != 0 && write.latest_at_begin + write.ttl <= scheduler_.latest();
    if (write.is_put && !may_have_expired) continue;
    if (!is_surely_over(write, key, read.began)) return;
  }
  broken(name(key) + " is not there, though it was written and that was answered");
}

void Tables::check(const Read& read, std::size_t key, const std::optional<model::ItemRow>& row) {
  if (row) check_shown(read, key, *row);
  else check_absent(read, key);
}

// --- Items that are written and read ---------------------------------------------------------------------------------

void Tables::write_some() {
  ports::ItemTransaction transaction;
  Ids ids;
  std::set<std::size_t> keys;
  for (auto n = random_.below(2) == 0 ? 1 : 1 + random_.below(5); n > 0; --n) keys.insert(random_.below(kKeys));
  struct Condition {
    std::size_t key;
    std::uint64_t write;
    model::Sequence version;
  };
  std::vector<Condition> conditions;
  bool has_condition = false;
  for (const auto key : keys) {
    partition::ItemWrite write{.item = {kFree, name(key)}};
    if (random_.below(4) == 0) write.kind = Kind::Delete;
    if (const auto& seen = last_seen_[key]; seen && random_.below(3) == 0) {
      write.condition = {When::Version, seen->second};
      conditions.push_back({key, seen->first, seen->second});
      if (random_.below(5) == 0) write.kind = Kind::Check;
      has_condition = true;
    } else if (random_.below(6) == 0) {
      write.condition.kind = When::Absent;
      has_condition = true;
    }
    if (write.kind == Kind::Put && random_.below(3) == 0) write.ttl = {static_cast<std::int64_t>(1 + random_.below(random_.below(2) == 0 ? 50 : 3'000))};
    if (write.kind != Kind::Check) {
      ids.push_back(begin({.keys = {key}, .is_put = write.kind == Kind::Put, .ttl = write.ttl}));
      write.value = std::to_string(ids.back());
    }
    transaction.writes.push_back(std::move(write));
  }
  const auto kinds = transaction.writes;
  const Read read = begin_read();
  runtime_->transact(std::move(transaction), answer<ports::Items::Versions>([this, ids, kinds, conditions, has_condition, read](auto versions) {
    end(ids, versions ? std::nullopt : std::optional(versions.error()));
    if (!versions) {
      if (!is_refusal(versions.error())) broken("a write is answered: " + versions.error().message);
      if (versions.error().code == ErrorCode::Conflict && !has_condition) broken("a conflict without a condition: " + versions.error().message);
      return;
    }
    for (std::size_t i = 0, id = 0; i < kinds.size(); ++i) {
      if (kinds[i].kind == Kind::Check) continue;
      const Write& write = writes_.at(ids[id]);
      const std::size_t key = write.keys.front();
      if (kinds[i].kind == Kind::Put) {
        if ((*versions)[i] <= read.floor[key]) broken(kinds[i].item.key + " is written with a version that goes back");
        if (write.version && *write.version != (*versions)[i]) broken(kinds[i].item.key + " was shown with another version");
        writes_.at(ids[id]).version = (*versions)[i];
        floor_[key] = std::max(floor_[key], (*versions)[i]);
        if (!write.ttl.ms) last_seen_[key] = {ids[id], (*versions)[i]};
      }
      if (kinds[i].condition.kind == When::Version && !replaced_.emplace(key, kinds[i].condition.version).second)
        broken(kinds[i].item.key + " was replaced twice as it was");
      ++id;
    }
    for (const auto& condition : conditions)
      if (is_surely_over(writes_.at(condition.write), condition.key, read.began))
        broken(name(condition.key) + " was found to be as write " + std::to_string(condition.write) + " left it, and is not");
  }));
}

void Tables::get_some() {
  std::vector<model::ItemKey> items;
  std::vector<std::size_t> keys;
  for (auto n = 1 + random_.below(4); n > 0; --n) {
    keys.push_back(random_.below(kKeys));
    items.push_back({kFree, name(keys.back())});
  }
  runtime_->get_items(std::move(items), answer<ports::Items::Found>([this, keys, read = begin_read()](auto found) {
    if (!found) return;
    for (std::size_t i = 0; i < keys.size(); ++i) check(read, keys[i], (*found)[i]);
  }));
}

void Tables::delete_some() {
  const bool even = random_.below(2) == 0;
  Write write;
  for (std::size_t key = even ? 0 : 1; key < kKeys; key += 2) write.keys.push_back(key);
  const Ids ids{begin(std::move(write))};
  runtime_->delete_items(kFree, even ? "even/" : "odd/", answer<std::uint64_t>([this, ids](auto count) {
    end(ids, count ? std::nullopt : std::optional(Error{ErrorCode::Io, "some may be gone"}));
  }));
}

void Tables::scan() { scan_on(begin_read(), "", {}); }

void Tables::scan_on(Read read, std::string after, std::set<std::size_t> seen) {
  ports::ItemQuery query{.table = kFree, .after = after, .limit = static_cast<std::uint32_t>(1 + random_.below(4))};
  runtime_->scan_items(query, answer<ports::ItemPage>([this, read, after, seen](auto page) mutable {
    if (!page) return;
    for (const auto& [key, row] : page->items) {
      if (key <= after) broken("a scan comes to " + key + " after " + after);
      after = key;
      const auto number = std::stoull(key.substr(key.find('/') + 1));
      seen.insert(number);
      check_shown(read, number, row);
    }
    if (!page->next.empty()) return scan_on(read, page->next, std::move(seen));
    for (std::size_t key = 0; key < kKeys; ++key)
      if (!seen.contains(key)) check_absent(read, key);
  }));
}

// --- Money -----------------------------------------------------------------------------------------------------------

void Tables::open_bank() {
  ports::ItemTransaction transaction;
  for (std::size_t account = 0; account < kAccounts; ++account)
    transaction.writes.push_back({.item = {kBank, std::to_string(account)}, .condition = {When::Absent, {}}, .value = std::to_string(kEach)});
  runtime_->transact(std::move(transaction), answer<ports::Items::Versions>([](auto) {}));
}

void Tables::with_accounts(std::vector<std::size_t> accounts, std::function<void(std::vector<model::ItemRow>&&)> then) {
  std::vector<model::ItemKey> items;
  for (const auto account : accounts) items.push_back({kBank, std::to_string(account)});
  runtime_->get_items(std::move(items), answer<ports::Items::Found>([this, then = std::move(then)](auto found) {
    if (!found) return;
    const auto there = std::ranges::count_if(*found, [](const auto& row) { return row.has_value(); });
    if (there == 0) return open_bank();
    std::vector<model::ItemRow> rows;
    for (auto& row : *found)
      if (row) rows.push_back(std::move(*row));
    if (rows.size() == found->size()) then(std::move(rows));  // Else it was read while the bank opened.
  }));
}

void Tables::move_money() {
  std::set<std::size_t> chosen;
  while (chosen.size() < 2 + random_.below(3)) chosen.insert(random_.below(kAccounts));
  const std::vector<std::size_t> accounts(chosen.begin(), chosen.end());
  with_accounts(accounts, [this, accounts](std::vector<model::ItemRow>&& rows) {
    ports::ItemTransaction transaction;
    const auto amount = static_cast<std::int64_t>(1 + random_.below(20));
    for (std::size_t i = 0; i < accounts.size(); ++i) {
      partition::ItemWrite write{.item = {kBank, std::to_string(accounts[i])}, .condition = {When::Version, rows[i].version}};
      const std::int64_t balance = std::stoll(rows[i].value);
      if (i == 0) write.value = std::to_string(balance - amount);
      else if (i == 1) write.value = std::to_string(balance + amount);
      else write.kind = Kind::Check;
      transaction.writes.push_back(std::move(write));
    }
    if (random_.below(2) == 0) std::ranges::reverse(transaction.writes);
    runtime_->transact(std::move(transaction), answer<ports::Items::Versions>([this](auto versions) {
      if (!versions && !is_refusal(versions.error())) broken("money is not moved: " + versions.error().message);
    }));
  });
}

// What was read is as of one moment, if nothing of it has changed by another.
void Tables::count_money() {
  std::vector<std::size_t> all;
  for (std::size_t account = 0; account < kAccounts; ++account) all.push_back(account);
  with_accounts(all, [this](std::vector<model::ItemRow>&& rows) {
    ports::ItemTransaction transaction;
    std::int64_t sum = 0;
    for (std::size_t account = 0; account < kAccounts; ++account) {
      sum += std::stoll(rows[account].value);
      transaction.writes.push_back({.item = {kBank, std::to_string(account)}, .kind = Kind::Check, .condition = {When::Version, rows[account].version}});
    }
    runtime_->transact(std::move(transaction), answer<ports::Items::Versions>([this, sum](auto versions) {
      if (versions && sum != kEach * static_cast<std::int64_t>(kAccounts)) broken("there is " + std::to_string(sum) + " in all accounts");
    }));
  });
}

}  // namespace holdfast::sim
