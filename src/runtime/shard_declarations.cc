// Shard: what function types declare, and the values of states that they no longer do.
//
// The shard of a type's name decides on declarations, one after the other, and keeps the row; all others are told, and a revision keeps an
// older row from being taken for a newer. Dropping an orphan is a mark in that row, durable before the first value goes: each shard takes
// the values of its addresses away, in slices, and says so, and with the last of them the orphan itself is gone. After a crash the mark is
// still there, and all begin again.
#include <algorithm>
#include <utility>

#include "codec/rows.h"
#include "partition/registration.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kRowsPerSlice = 1'000;  // At most,
constexpr std::size_t kRowBytes = 4u << 10;   // and one less for each so many bytes.
constexpr Duration kDropRetry{10};  // While the disk does not keep up.

bool has(const model::AddressRow& row, std::string_view state) {
  return std::ranges::find(row.states, state, &model::StateValue::name) != row.states.end();
}

bool is_being_dropped(const model::RegistrationRow& row, std::string_view state) {
  return std::ranges::any_of(row.orphans, [&](const auto& orphan) { return orphan.dropping && orphan.spec.name == state; });
}

}  // namespace

void Shard::declare(const std::string& type, std::vector<model::StateSpec>&& states, partition::Declaration kind) {
  const std::size_t owner = shard_of(type);
  DeclareStates ask{type, std::move(states), kind};
  if (owner == index_) {
    // Later, because the invoker is in the middle of something.
    loop_.post([this, ask = std::move(ask)]() mutable { decide_declaration(index_, std::move(ask)); });
    return;
  }
  tell(owner, std::move(ask));
}

void Shard::decide_declaration(std::size_t asker, DeclareStates&& ask) {
  const auto* current = table_.registration(ask.type);
  // At most one for each type and shard: a type that declares waits for the answer.
  if (partition::waits_for_drop(current, ask.states)) return waiting_declarations_.emplace_back(asker, std::move(ask)), void();
  auto declared = partition::declare_states(ask.type, current, std::move(ask.states), ask.kind);
  const bool is_news = current == nullptr || declared.row.revision != current->revision;
  StatesDeclared answer{ask.type, declared.row};
  if (declared.refusal) answer.row = fail(std::move(*declared.refusal));
  if (asker == index_) {
    if (is_news) make_known(ask.type, std::move(declared.row));
    return take_declaration(std::move(answer));
  }
  // The refusal first: a new row would be taken for the answer.
  tell(asker, std::move(answer));
  if (is_news) make_known(ask.type, std::move(declared.row));
}

// A new row of a type that is ours.
void Shard::make_known(const std::string& type, model::RegistrationRow&& row) {
  table_.apply(partition::PutRegistration{type, row});
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (i != index_) tell(i, StatesDeclared{type, row});
  }
  drop_values(type, row);
  wake();
}

void Shard::take_declaration(StatesDeclared&& declared) {
  if (!declared.row) return invoker_.declared(declared.type, fail(declared.row.error()));
  const auto* known = table_.registration(declared.type);
  if (known == nullptr || known->revision < declared.row->revision) {
    table_.set_registration(declared.type, *declared.row);
    drop_values(declared.type, *declared.row);
  }
  invoker_.declared(declared.type, {});
}

// --- Orphans ---------------------------------------------------------------------------------------------------------

void Shard::drop_orphan(const std::string& type, const std::string& name, Runtime::Done<void> done) {
  auto row = partition::begin_drop(type, table_.registration(type), name);
  if (!row) return done(fail(std::move(row.error())));
  if (row->revision != table_.registration(type)->revision) make_known(type, std::move(*row));
  gate([done = std::move(done)] { done({}); });
}

void Shard::drop_values(const std::string& type, const model::RegistrationRow& row) {
  // Kept until the owner has heard of everybody: each shard is to be counted once.
  std::erase_if(dropping_, [&](const auto& known) { return known.first == type && !is_being_dropped(row, known.second); });
  for (const auto& orphan : row.orphans) {
    if (!orphan.dropping || !dropping_.emplace(type, orphan.spec.name).second) continue;
    auto walk = std::make_shared<AddressWalk>();
    walk->type = type;
    walk->visit = [this, name = orphan.spec.name](const model::Address& address, const model::AddressRow& stored) {
      if (!has(stored, name)) return true;
      if (quiescing_) return false;  // The next start goes on.
      partition::Transition drop;
      drop.writes.push_back(partition::ChangeAddress{.address = address, .removed = {name}});
      perform(std::move(drop));
      return true;
    };
    walk->done = [this, dropped = ValuesDropped{type, orphan.spec.name}] {
      const std::size_t owner = shard_of(dropped.type);
      if (owner == index_) count_drop(dropped);
      else tell(owner, dropped);
    };
    // Once what the open epoch has changed is rows, and the mark is durable, so that nothing is written behind the walk.
    gate([this, walk = std::move(walk)]() mutable { this->walk(std::move(walk)); });
  }
}

void Shard::count_drop(const ValuesDropped& dropped) {
  if (++drops_[{dropped.type, dropped.name}] < all_.size()) return;
  drops_.erase({dropped.type, dropped.name});
  make_known(dropped.type, partition::end_drop(*table_.registration(dropped.type), dropped.name));
  for (auto& [asker, ask] : std::exchange(waiting_declarations_, {})) decide_declaration(asker, std::move(ask));
}

std::vector<std::pair<std::string, std::vector<model::OrphanedState>>> Shard::orphans(const std::string& type) const {
  std::vector<std::pair<std::string, std::vector<model::OrphanedState>>> out;
  table_.for_each_registration([&](const std::string& name, const model::RegistrationRow& row) {
    if (!row.orphans.empty() && (type.empty() || type == name)) out.emplace_back(name, row.orphans);
  });
  return out;
}

void Shard::count_orphans(const std::string& type, std::function<void(std::map<std::string, std::uint64_t>)> done) {
  auto counts = std::make_shared<std::map<std::string, std::uint64_t>>();
  if (const auto* row = table_.registration(type))
    for (const auto& orphan : row->orphans) counts->emplace(orphan.spec.name, 0);
  auto walk = std::make_shared<AddressWalk>();
  walk->type = type;
  walk->once = true;
  walk->visit = [this, counts](const model::Address&, const model::AddressRow& row) {
    for (const auto& value : row.states)
      if (const auto it = counts->find(value.name); it != counts->end()) ++it->second;
    return true;
  };
  walk->done = [counts, done = std::move(done)] { done(std::move(*counts)); };
  this->walk(std::move(walk));
}

void Shard::walk(std::shared_ptr<AddressWalk> walk) {
  const auto go_on = [this, walk] { this->walk(walk); };
  if (table_.open_bytes() > options_.open_epoch_bytes_max) {
    loop_.after(kDropRetry, go_on);
    return;
  }
  std::size_t left = kRowsPerSlice;
  std::vector<std::pair<model::Address, model::AddressRow>> slice;
  const auto take = [&](std::string_view key, std::string_view value, std::size_t& rest) {
    auto address = codec::parse_address_key(key);
    if (!address || address->type != walk->type) return;
    if (walk->once) {
      std::string known(key);
      if (walk->above_done ? walk->met.contains(known) : !walk->met.insert(std::move(known)).second) return;
    }
    rest -= std::min(rest, value.size() / kRowBytes);
    if (auto row = codec::decode<model::AddressRow>(value)) slice.emplace_back(std::move(*address), std::move(*row));
  };
  if (!walk->above_done) {
    walk->above_done = table_.layers().walk_addresses(walk->above, left, take);
  } else if (walk->partition == table_.partitions().size()) {
    return walk->done();
  } else {
    // All ids of the type: a key is the type, sized, then the id.
    const std::string first = codec::address_key(table_.partitions()[walk->partition], codec::RowKind::Address, {walk->type, ""});
    bool is_cut = false;
    table_.layers().scan_addresses(walk->from.empty() ? first : walk->from, codec::range_end(first),
                                   [&](std::string_view key, std::optional<std::string_view> value) {
                                     is_cut = left == 0;
                                     if (is_cut) return false;
                                     --left;
                                     walk->from = std::string(key) + '\0';
                                     if (value) take(key, *value, left);
                                     return true;
                                   });
    if (!is_cut) {
      ++walk->partition;
      walk->from.clear();
    }
  }
  for (const auto& [address, row] : slice)
    if (!walk->visit(address, row)) return;
  loop_.post(go_on);
}

}  // namespace holdfast::runtime
