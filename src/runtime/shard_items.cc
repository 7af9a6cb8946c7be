// Shard: items of tables, and transactions over them.
//
// Where all items are of this shard a transaction is one transition. Else this shard leads it: it asks the shards of the items, in the order of
// shards, to look at the conditions and to hold the items; when all do, it decides, and sends what is to be written to all in the same epoch. A
// command sent in an epoch is durable with that epoch (ADR 1), so a crash leaves all of it or nothing, and holds need no rows. All of this
// travels over the links between shards, behind what their epochs have sent before: what was looked at in one epoch is never decided upon in an
// earlier one.
#include <algorithm>
#include <utility>

#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

using partition::ItemWrite;

std::vector<model::ItemKey> keys_of(const std::vector<ItemWrite>& writes) {
  std::vector<model::ItemKey> keys;
  keys.reserve(writes.size());
  for (const auto& write : writes) keys.push_back(write.item);
  return keys;
}

std::size_t bytes_of(const model::ItemRow& row) { return sizeof(row) + row.value.size() + row.content_type.size(); }

// The place of an item among those of its table and others, without its partition.
std::string place_of(const std::string& table, const std::string& key) { return codec::item_key({}, {table, key}).substr(kKeyHead); }

}  // namespace

// --- Reading ---------------------------------------------------------------------------------------------------------

// Opens with the gate of that epoch; at once, if it is durable.
void Shard::gate_of(model::Epoch epoch, Task task) {
  if (epoch == open_) return gate(std::move(task));
  for (auto& [closed, tasks] : gates_)
    if (closed == epoch) return tasks.push_back(std::move(task));
  task();
}

void Shard::get_items(const std::vector<model::ItemKey>& items, Runtime::Done<ports::Items::Found> done) {
  if (refusing_) return done(fail(ErrorCode::Unavailable, "the runtime is stopping"));
  metrics_.items_read.add(items.size());
  ports::Items::Found found;
  found.reserve(items.size());
  model::Epoch newest;
  std::size_t bytes = 0;
  const Instant now = clock_.now();
  for (const auto& item : items) {
    newest = std::max(newest, undurable_items_.epoch_of(item));
    found.push_back(partition::live_item(table_, item, now));
    if (found.back()) bytes += bytes_of(*found.back());
    if (bytes > options_.read_bytes_max && items.size() > 1)
      return done(fail(ErrorCode::TooLarge, "items of more than " + std::to_string(options_.read_bytes_max) + " bytes at once"));
  }
  if (newest.value == 0) return done(std::move(found));
  if (waiting_item_bytes_ > 0 && waiting_item_bytes_ + bytes > options_.waiting_item_bytes_max)
    return done(fail(ErrorCode::Overloaded, std::to_string(waiting_item_bytes_) + " bytes of items that were read wait for the disk already"));
  waiting_item_bytes_ += bytes;
  gate_of(newest, [this, bytes, found = std::move(found), done = std::move(done)]() mutable {
    waiting_item_bytes_ -= bytes;
    done(std::move(found));
  });
}

bool Shard::look(const ports::ItemQuery& query, Look& at, PageBuilder<ports::ItemPage::Entry>& page) const {
  const std::string after = place_of(query.table, query.after);
  const std::size_t table = place_of(query.table, "").size();
  const Instant now = clock_.now();
  return look_at_rows({codec::RowKind::Item, place_of(query.table, query.prefix), after}, at, kSliceUnits,
                      [&](std::string_view key, std::string_view value, std::size_t& left) {
                        const std::string_view order = key.substr(kKeyHead + table);
                        if (page.is_past(order)) return false;
                        if (!page.wants(order)) return true;
                        charge(left, value.size());
                        auto row = codec::decode<model::ItemRow>(value);
                        if (!row || !partition::is_live(*row, now)) return true;
                        if (query.show == ports::ItemQuery::Show::Keys) row->value.clear();
                        const std::size_t bytes = order.size() + bytes_of(*row);
                        page.add(std::string(order), {std::string(order), std::move(*row)}, bytes);
                        return true;
                      });
}

// --- Waiting for items that are held ---------------------------------------------------------------------------------

void Shard::when_free(std::vector<model::ItemKey>&& items, std::function<void(Result<void>)> go) {
  const model::ItemKey* held = holds_.empty() ? nullptr : holds_.first_held(items);
  if (held == nullptr) return go({});
  if (item_waiters_.size() >= options_.item_waiters_max)
    return go(fail(ErrorCode::Overloaded, std::to_string(item_waiters_.size()) + " changes wait for items that transactions hold already"));
  const ItemHolds::Waiter number = next_waiter_++;
  holds_.wait(*held, number);
  const auto timer = loop_.after(options_.item_wait_max, [this, number] {
    auto late = item_waiters_.extract(number);
    late.mapped().go(fail(ErrorCode::Overloaded, "another transaction holds an item for longer than is waited for it"));
    wake();
  });
  item_waiters_.emplace(number, ItemWaiter{std::move(items), std::move(go), timer});
}

void Shard::let_go(const TransactionId& by) {
  for (const auto number : holds_.release(by)) {
    const auto it = item_waiters_.find(number);
    if (it == item_waiters_.end()) continue;
    if (const auto* held = holds_.first_held(it->second.items)) {
      holds_.wait(*held, number);
      continue;
    }
    auto waiter = item_waiters_.extract(it);
    loop_.cancel(waiter.mapped().timer);
    waiter.mapped().go({});
  }
}

// --- Transactions ----------------------------------------------------------------------------------------------------

Result<void> Shard::admit_commands(const std::vector<model::Command>& commands) const {
  for (const auto& command : commands) {
    if (std::holds_alternative<model::AppendRecord>(command)) continue;
    const auto* message = std::get_if<model::Message>(&command);
    if (message == nullptr) return fail(ErrorCode::Invalid, "a transaction may send messages and records, nothing else");
    if (!invoker_.knows(message->target.type)) return fail(ErrorCode::NotFound, "no endpoint serves the function type " + message->target.type);
    if (auto ok = admit_mail(message->target.type); !ok) return ok;
  }
  return {};
}

void Shard::transact(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done) {
  if (auto ok = admit_anything(); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = admit_commands(transaction.commands); !ok) return done(fail(std::move(ok.error())));
  const bool is_ours = std::ranges::all_of(transaction.writes, [this](const auto& write) { return shard_of(write.item.key) == index_; });
  if (!is_ours) return lead(std::move(transaction), std::move(done));
  if (holds_.empty()) return commit(std::move(transaction), std::move(done));
  auto keys = keys_of(transaction.writes);
  when_free(std::move(keys), [this, transaction = std::move(transaction), done = std::move(done)](Result<void> free) mutable {
    if (!free) return done(fail(std::move(free.error())));
    commit(std::move(transaction), std::move(done));
  });
}

// All of it is here, and free.
void Shard::commit(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done) {
  auto met = partition::check_items(table_, transaction.writes, clock_.now());
  if (met) return write_all(std::move(transaction), std::move(done));
  metrics_.item_conflicts.add();
  // What it was not met by must not be known before it is durable either.
  model::Epoch newest;
  for (const auto& write : transaction.writes) newest = std::max(newest, undurable_items_.epoch_of(write.item));
  gate_of(newest, [done = std::move(done), error = std::move(met.error())] { done(fail(error)); });
}

void Shard::write_all(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done) {
  const Instant now = clock_.now();
  ports::Items::Versions versions;
  versions.reserve(transaction.writes.size());
  for (auto& write : transaction.writes) {
    auto decided = partition::decide(std::move(write), now, sequence_);
    versions.push_back(decided && decided->row ? decided->row->version : model::Sequence{});
    if (decided) route(std::move(*decided));
  }
  metrics_.items_written.add(versions.size());
  for (auto& command : transaction.commands) route(std::move(command));
  gate([done = std::move(done), versions = std::move(versions)] { done(versions); });
}

void Shard::lead(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done) {
  if (led_.size() >= options_.transactions_max)
    return done(fail(ErrorCode::Overloaded, std::to_string(led_.size()) + " transactions over several shards are under way already"));
  const std::uint64_t number = next_waiter_++;
  Led& led = led_[number];
  for (const auto& write : transaction.writes) led.conditions[shard_of(write.item.key)].push_back({write.item, write.kind, write.condition});
  led.transaction = std::move(transaction);
  led.done = std::move(done);
  hold_next(number);
}

void Shard::hold_next(std::uint64_t number) {
  Led& led = led_.at(number);
  if (led.holding == led.conditions.size()) return decide(number);
  auto& [shard, conditions] = *std::next(led.conditions.begin(), static_cast<std::ptrdiff_t>(led.holding));
  tell_or_take(shard, HoldItems{{index_, number}, std::move(conditions)});
}

void Shard::hold_items(HoldItems&& ask) {
  auto keys = keys_of(ask.conditions);
  when_free(std::move(keys), [this, ask = std::move(ask)](Result<void> free) {
    if (free) free = admit_anything();  // What is written is ours to keep.
    if (free) free = partition::check_items(table_, ask.conditions, clock_.now());
    if (free)
      for (const auto& condition : ask.conditions) holds_.hold(ask.by, condition.item);
    ItemsHeld held{ask.by.number, sequence_.next};
    if (!free) held.above = fail(std::move(free.error()));
    tell_or_take(ask.by.lead, std::move(held));
  });
}

void Shard::take_held(ItemsHeld&& held) {
  const auto it = led_.find(held.number);
  if (it == led_.end()) return;
  if (!held.above) return give_up(held.number, std::move(held.above.error()));
  sequence_.pass(*held.above);  // Versions of one item grow, whoever gives them.
  ++it->second.holding;
  hold_next(held.number);
}

void Shard::give_up(std::uint64_t number, Error error) {
  auto led = std::move(led_.extract(number).mapped());
  release_all(number, led);
  auto answer = [done = std::move(led.done), error] { done(fail(error)); };
  if (error.code != ErrorCode::Conflict) return answer();
  metrics_.item_conflicts.add();
  gate(std::move(answer));  // As in commit(): what was met there is of the open epoch at the latest.
}

void Shard::decide(std::uint64_t number) {
  auto led = std::move(led_.extract(number).mapped());
  write_all(std::move(led.transaction), std::move(led.done));
  release_all(number, led);
}

// Behind what was written: the links keep the order.
void Shard::release_all(std::uint64_t number, const Led& led) {
  auto it = led.conditions.begin();
  for (std::size_t i = 0; i < led.holding; ++i, ++it) tell_or_take(it->first, ReleaseItems{{index_, number}});
}

void Shard::tell_or_take(std::size_t shard, LinkItem&& item) {
  if (shard != index_) return tell(shard, std::move(item));
  take_item_message(std::move(item));
}

void Shard::take_item_message(LinkItem&& item) {
  if (auto* ask = std::get_if<HoldItems>(&item)) hold_items(std::move(*ask));
  else if (auto* held = std::get_if<ItemsHeld>(&item)) take_held(std::move(*held));
  else let_go(std::get<ReleaseItems>(item).by);
}

void Shard::dismiss_transactions() {
  for (auto& [number, led] : std::exchange(led_, {})) led.done(fail(ErrorCode::Unavailable, "the runtime is stopping"));
  for (auto& [number, waiter] : std::exchange(item_waiters_, {})) {
    loop_.cancel(waiter.timer);
    waiter.go(fail(ErrorCode::Unavailable, "the runtime is stopping"));
  }
}

// --- Deleting many ---------------------------------------------------------------------------------------------------

// In slices, each behind the gate of the one before: the disk says how fast it goes.
void Shard::delete_items(std::shared_ptr<ItemDeletion> deletion) {
  if (auto ok = admit_anything(); !ok) return deletion->done(fail(std::move(ok.error())));
  std::vector<model::ItemKey> items;
  const bool is_end = look_at_rows({codec::RowKind::Item, place_of(deletion->table, deletion->prefix), {}}, deletion->at, kSliceUnits,
                                   [&](std::string_view key, std::string_view value, std::size_t& left) {
                                     charge(left, value.size());
                                     if (auto item = codec::parse_item_key(key)) items.push_back(std::move(*item));
                                     return true;
                                   });
  auto keys = items;
  when_free(std::move(keys), [this, deletion, is_end, items = std::move(items)](Result<void> free) {
    if (!free) return deletion->done(fail(std::move(free.error())));
    const Instant now = clock_.now();
    for (const auto& item : items) {
      const auto row = table_.item(item);
      if (!row) continue;
      if (partition::is_live(*row, now)) ++deletion->count;  // The others go as well: the clock may be set back.
      perform(partition::write_item(table_, world_.watchers, {item, std::nullopt}));
    }
    gate([this, deletion, is_end] {
      if (is_end) return deletion->done(deletion->count);
      delete_items(deletion);
    });
  });
}

}  // namespace holdfast::runtime
