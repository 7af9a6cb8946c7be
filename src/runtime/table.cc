#include "runtime/table.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"
#include "partition/stream.h"
#include "runtime/stored_rows.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;

// Of an entity with nothing in it: its node and place in the set of all, too.
constexpr std::size_t kEntityOverhead = allocated_bytes(sizeof(Entity)) + 48;
constexpr std::size_t kWriteBytes = 128;           // Of a row in the open epoch besides its value, about.
constexpr std::size_t kIdleShare = 32;             // One in so many bytes of the state cache is for idle addresses that stay entities.
constexpr std::size_t kStreamsCachedMax = 10'000;
constexpr std::size_t kStreamsInMemory = 2;        // So many times the bound on one stream's newest records is the one on those of all.
constexpr std::uint64_t kDroppedOneByOneMax = 1'000'000;  // More positions at once than a gap: by what is there.

// At a start, it can still be said.
tl::unexpected<Error> damaged(std::string_view key, const std::string& why) {
  return fail(ErrorCode::Damaged, codec::describe_key(key) + ": " + why);
}

std::size_t row_size(const model::AddressRow& row) {
  std::size_t size = kEntityOverhead + allocated_bytes(row.states.size() * sizeof(model::StateValue));
  for (const auto& s : row.states) size += s.name.size() + s.value.size();
  if (row.parked) size += row.parked->reason.size();
  return size;
}

}  // namespace

Table::Table(Limits limits, std::vector<model::PartitionId> owned, const ports::StateStore& store)
    : limits_(limits),
      owned_(std::move(owned)),
      layers_(store),
      timers_(limits.timers_in_memory_max,
              [this](Instant from, std::size_t limit, const auto& found) {
                // Each partition has its share of what is near.
                return read_timers(from, std::max<std::size_t>(limit / std::max<std::size_t>(owned_.size(), 1), 1), found);
              }),
      idle_max_(limits.state_cache_bytes / kIdleShare / kEntityOverhead) {}

Table::~Table() = default;

void Table::add_recovered_row(std::string_view key, std::optional<std::string_view> value) {
  layers_.add_closed(key, value);
}

Result<Table::Recovered> Table::recover() {
  Recovered out;
  std::optional<Error> error;
  for (const model::PartitionId partition : owned_) {
    const auto each = [&](RowKind kind, const std::function<bool(std::string_view, std::string_view)>& visit) {
      const std::string prefix = codec::kind_prefix(partition, kind);
      layers_.scan(prefix, codec::range_end(prefix), visit);
    };

    // What is stored under another partition than its own would be there twice, on two shards.
    const auto belongs = [&](std::string_view key, std::string_view id) {
      if (partition_of(id) != partition) error = damaged(key, "it belongs to partition " + std::to_string(partition_of(id).value)).value();
      return !error;
    };

    each(RowKind::Registration, [&](std::string_view key, std::string_view value) {
      auto name = codec::parse_name_key(key);
      auto row = codec::decode<model::RegistrationRow>(value);
      if (!name || !row) error = damaged(key, !name ? name.error().message : row.error().message).value();
      else if (belongs(key, *name)) out.registrations.emplace_back(std::move(*name), std::move(*row));
      return !error;
    });

    each(RowKind::Inbox, [&](std::string_view key, std::string_view value) {
      auto command = codec::decode<model::Command>(value);
      if (!command) {
        error = damaged(key, command.error().message).value();
        return false;
      }
      if (!belongs(key, model::routing_id(*command))) return false;
      out.inbox.push_back(std::move(*command));
      layers_.erase(key);
      return true;
    });
    if (error) return fail(std::move(*error));
    if (auto ok = recover_streams(partition); !ok) return fail(std::move(ok.error()));
  }
  return out;
}

Entity& Table::entity(const model::Address& address) {
  return *must(bring_in(address), codec::address_key(partition_of(address.id), RowKind::Address, address));
}

Result<Entity*> Table::bring_in(const model::Address& address, const StoredMail* known) {
  if (const Entity* there = find(address)) return const_cast<Entity*>(there);
  auto fresh = std::make_unique<Entity>();
  fresh->address = address;
  const auto partition = partition_of(address.id);
  const std::string key = codec::address_key(partition, RowKind::Address, address);
  const auto resting = resting_.take(key);
  const auto stored = resting == nullptr ? layers_.get(key) : std::nullopt;
  if (const std::optional<std::string_view> bytes = resting != nullptr ? resting->value() : stored) {
    auto row = codec::decode<model::AddressRow>(*bytes);
    if (!row) return damaged(key, row.error().message);
    fresh->row = std::move(*row);
    fresh->row_stored = true;
  }
  std::optional<StoredMail> mail;
  if (known != nullptr) {
    mail = *known;
  } else if (resting == nullptr && may_have_mail(address, fresh->row)) {
    auto stored = stored_mail(layers_, partition, address);
    if (!stored) return fail(std::move(stored.error()));
    mail = *stored;
  }
  fresh->row_bytes = row_size(fresh->row);
  cached_bytes_ += fresh->row_bytes;
  Entity& e = *fresh;
  entities_.insert(std::move(fresh));
  if (mail) take_up_mail(e, *mail);
  rest(e);
  return &e;
}

const Entity* Table::find(const model::Address& address) const {
  if (recent_ != nullptr && recent_->address == address) return recent_;
  const auto it = entities_.find(address);
  if (it == entities_.end()) return nullptr;
  recent_ = it->get();
  return recent_;
}

bool Table::walk_entities(BucketWalk& walk, std::size_t& left, const std::function<void(const Entity&, std::size_t&)>& visit) const {
  return walk_on(entities_, walk, left, [&](const auto& entity, std::size_t& rest) { visit(*entity, rest); });
}

void Table::for_each_idle(const std::function<void(Entity&)>& visit) {
  for (const auto& e : entities_)
    if (e->phase == Entity::Phase::Idle) visit(*e);
}

void Table::touch(Entity& e) {
  if (e.touched) return;
  e.touched = true;
  touched_.push_back(&e);
  unlink(e);
}

void Table::unlink(Entity& e) {
  Line& line = e.rests_with_mail ? idle_with_mail_ : idle_;
  if (e.newer == nullptr && e.older == nullptr && line.oldest != &e) return;
  (e.older != nullptr ? e.older->newer : line.oldest) = e.newer;
  (e.newer != nullptr ? e.newer->older : line.newest) = e.older;
  e.newer = e.older = nullptr;
  --line.size;
}

void Table::rest(Entity& e) {
  if (!e.is_evictable()) return;
  unlink(e);
  e.rests_with_mail = !e.mailbox.empty();
  Line& line = e.rests_with_mail ? idle_with_mail_ : idle_;
  e.older = line.newest;
  (line.newest != nullptr ? line.newest->newer : line.oldest) = &e;
  line.newest = &e;
  ++line.size;
}

// An entity takes several times what its row does. Those that had something to do of late stay what they are, and are found as they are; of the others the
// rows are kept, as far as the state cache reaches. Whoever has mail stays for as long as there is memory: to leave it, and to find it, is dear.
void Table::evict() {
  const auto let_oldest_go = [this](Line& line) {
    Entity& e = *line.oldest;
    unlink(e);
    if (e.is_evictable()) let_go(e);  // Else it comes back when it rests.
  };
  const auto is_short = [this] { return cached_bytes_ > limits_.state_cache_bytes; };
  while (idle_.oldest != nullptr && (idle_.size > idle_max_ || is_short())) let_oldest_go(idle_);
  while (idle_with_mail_.oldest != nullptr && is_short()) let_oldest_go(idle_with_mail_);
  resting_.shrink(limits_.state_cache_bytes - std::min(limits_.state_cache_bytes, cached_bytes_));
}

void Table::let_go(Entity& e) {
  if (!e.mailbox.empty()) {
    leave_mail(e);
  } else {
    const std::string key = codec::address_key(partition_of(e.address.id), RowKind::Address, e.address);
    if (e.row_stored) resting_.put(key, codec::encode(e.row));
    else resting_.put(key, std::nullopt);
  }
  cached_bytes_ -= e.row_bytes;
  if (recent_ == &e) recent_ = nullptr;
  entities_.erase(entities_.find(e.address));
}

void Table::apply_change(partition::ChangeAddress&& change) {
  Entity& e = entity(change.address);
  touch(e);
  const bool was_dirty = e.row_dirty;
  auto& states = e.row.states;
  for (auto& value : change.set) {
    const auto it = std::ranges::find(states, value.name, &model::StateValue::name);
    if (it == states.end()) states.push_back(std::move(value));
    else *it = std::move(value);
    e.row_dirty = true;
  }
  for (const auto& name : change.removed)
    if (std::erase_if(states, [&](const auto& s) { return s.name == name; }) > 0) e.row_dirty = true;
  if (change.expiry_armed) {
    e.row.expiry_armed = *change.expiry_armed;
    e.row_dirty = true;
  }
  if (change.mail_taken > 0) {
    load_mail(e, change.mail_taken, SIZE_MAX);
    const std::size_t loaded = e.mailbox.bytes_in_memory();
    e.mailbox.take(change.mail_taken);
    const std::size_t freed = loaded - e.mailbox.bytes_in_memory();
    mail_bytes_in_memory_ -= freed;
    // Rows are of another size than messages in memory: what is left over is settled with the last one.
    const std::uint64_t bytes = e.mailbox.empty() ? e.mail_bytes : std::min<std::uint64_t>(e.mail_bytes, freed);
    e.mail_bytes -= bytes;
    mail_bytes_ -= bytes;
    mail_count_ -= change.mail_taken;
    if (e.backlog != nullptr)
      e.backlog->apply({-static_cast<std::int64_t>(change.mail_taken), -static_cast<std::int64_t>(bytes), -static_cast<std::int64_t>(freed)});
  }
  if (change.park != partition::ChangeAddress::Park::Keep) {
    std::string key = codec::address_key(partition_of(e.address.id), RowKind::Parked, e.address);
    if (change.park == partition::ChangeAddress::Park::Set) {
      e.row.parked = std::move(change.parked);
      layers_.put(key, std::string(1, codec::kRowVersion));
    } else {
      e.row.parked.reset();
      layers_.erase(key);
    }
    e.row_dirty = true;
  }
  if (!e.row_dirty) return;
  const std::size_t before = std::exchange(e.row_bytes, row_size(e.row));
  cached_bytes_ += e.row_bytes - before;
  // However often it changes, the epoch has it once, and encoded.
  open_bytes_ += was_dirty ? e.row_bytes - before : e.row_bytes - kEntityOverhead + kWriteBytes;
}

void Table::apply(partition::Write&& write) {
  using namespace partition;
  if (auto* change = std::get_if<ChangeAddress>(&write)) return apply_change(std::move(*change));
  if (!std::holds_alternative<PutStream>(write)) open_bytes_ += kWriteBytes;  // Of those there are few.
  if (auto* put = std::get_if<PutTimer>(&write)) {
    const auto partition = partition_of(put->owner_id);
    std::string row = codec::encode(put->row);
    open_bytes_ += row.size();
    layers_.put(codec::timer_key(partition, put->key), std::move(row));
    timers_.add({put->key, partition});
  } else if (auto* del = std::get_if<DeleteTimer>(&write)) {
    const auto partition = partition_of(del->owner_id);
    std::string key = codec::timer_key(partition, del->key);
    if (del->key.sequence.epoch == open_epoch_.value) layers_.erase_unborn(key);
    else layers_.erase(key);
    timers_.remove({del->key, partition});
  } else if (auto* put = std::get_if<PutToken>(&write)) {
    layers_.put(codec::token_key(partition_of(put->token.owner.id), put->token), codec::encode(put->timer));
  } else if (auto* del = std::get_if<DeleteToken>(&write)) {
    layers_.erase(codec::token_key(partition_of(del->token.owner.id), del->token));
  } else if (auto* put = std::get_if<PutRequest>(&write)) {
    layers_.put(codec::name_key(partition_of(put->id), RowKind::Request, put->id), codec::encode(put->row));
  } else if (auto* del = std::get_if<DeleteRequest>(&write)) {
    layers_.erase(codec::name_key(partition_of(del->id), RowKind::Request, del->id));
  } else if (auto* put = std::get_if<PutStream>(&write)) {
    CachedStream& stream = cached_stream(put->name);
    stream.row = put->row;
    if (!stream.dirty) touched_streams_.push_back(put->name);
    stream.dirty = true;
  } else if (auto* add = std::get_if<AddRecords>(&write)) {
    add_records(std::move(*add));
  } else if (auto* put = std::get_if<PutRecord>(&write)) {
    put_record(std::move(*put));
  } else if (auto* drop = std::get_if<DropRecords>(&write)) {
    drop_records(*drop);
  } else if (auto* put = std::get_if<PutSource>(&write)) {
    layers_.put(codec::name_key(partition_of(put->name), RowKind::Source, put->name), codec::encode(put->row));
  } else if (auto* put = std::get_if<PutRegistration>(&write)) {
    layers_.put(codec::name_key(partition_of(put->type), RowKind::Registration, put->type), codec::encode(put->row));
    set_registration(put->type, std::move(put->row));
  } else if (auto* put = std::get_if<PutItem>(&write)) {
    const std::string key = codec::item_key(partition_of(put->item.key), put->item);
    const std::string row = codec::encode(put->row);
    open_bytes_ += key.size() + row.size();
    layers_.put(key, row);
  } else if (auto* del = std::get_if<DeleteItem>(&write)) {
    const std::string key = codec::item_key(partition_of(del->item.key), del->item);
    open_bytes_ += key.size();
    layers_.erase(key);
  }
}

void Table::set_registration(const std::string& type, model::RegistrationRow row) {
  registrations_.insert_or_assign(type, std::make_shared<const model::RegistrationRow>(std::move(row)));
}

std::shared_ptr<const model::RegistrationRow> Table::shared_registration(std::string_view type) const {
  const auto it = registrations_.find(type);
  return it == registrations_.end() ? nullptr : it->second;
}

void Table::for_each_registration(const std::function<void(const std::string&, const model::RegistrationRow&)>& visit) const {
  for (const auto& [type, row] : registrations_) visit(type, *row);
}

const model::AddressRow& Table::address(const model::Address& address) const {
  // Bringing an entity in changes nothing that a view shows.
  return const_cast<Table*>(this)->entity(address).row;
}

std::uint64_t Table::mailbox_size(const model::Address& address) const {
  return const_cast<Table*>(this)->entity(address).mailbox.size();
}

std::vector<model::Message> Table::oldest_mail(const model::Address& address, std::uint32_t count) const {
  auto& self = *const_cast<Table*>(this);
  Entity& e = self.entity(address);
  self.load_mail(e, count, SIZE_MAX);
  std::vector<model::Message> out;
  for (std::size_t i = 0; i < std::min<std::uint64_t>(count, e.mailbox.head_size()); ++i) out.push_back(e.mailbox.head(i));
  if (e.row.parked) self.let_go_of_mail(e);  // It waits for people: that somebody has looked at it is no reason to keep it in memory.
  return out;
}

const model::RegistrationRow* Table::registration(std::string_view type) const {
  const auto it = registrations_.find(type);
  return it == registrations_.end() ? nullptr : it->second.get();
}

std::optional<model::TimerKey> Table::token(const model::TokenKey& token) const {
  const std::string key = codec::token_key(partition_of(token.owner.id), token);
  auto bytes = layers_.get(key);
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::TimerKey>(*bytes), key);
}

std::optional<model::RequestRow> Table::request(std::string_view id) const {
  const std::string key = codec::name_key(partition_of(id), RowKind::Request, id);
  auto bytes = layers_.get(key);
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::RequestRow>(*bytes), key);
}

std::optional<model::SourceRow> Table::source(std::string_view name) const {
  const std::string key = codec::name_key(partition_of(name), RowKind::Source, name);
  auto bytes = layers_.get(key);
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::SourceRow>(*bytes), key);
}

std::optional<model::ItemRow> Table::item(const model::ItemKey& item) const {
  const std::string key = codec::item_key(partition_of(item.key), item);
  auto bytes = layers_.get(key);
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::ItemRow>(*bytes), key);
}

// Most records are gone before they get to the view, and StreamRow::first says that they are: these leave no rows behind. The log
// has them as they were born; a recovery clears them away. That StreamRow is the open epoch's, though: as long as the epoch before may
// still be frozen, its records have to be there with it.
void Table::drop_records(const partition::DropRecords& drop) {
  CachedStream& stream = cached_stream(drop.stream);
  const auto partition = partition_of(drop.stream);
  if (!sealed_) cool(drop.stream, stream, std::min(drop.next, stream.next_at_open));
  if (drop.next - drop.first > kDroppedOneByOneMax) return drop_what_is_there(drop, stream);
  for (std::uint64_t position = drop.first; position < drop.next; ++position) {
    if (!stream.hot.empty() && position >= stream.hot_first) {
      pop_hot(stream);
      continue;
    }
    std::string key = codec::record_key(partition, drop.stream, position);
    if (sealed_ && position >= stream.stored_end) layers_.forget(key);
    else layers_.erase(key);
  }
}

void Table::add_records(partition::AddRecords&& add) {
  CachedStream& stream = cached_stream(add.stream);
  if (stream.hot.empty()) stream.hot_first = add.position;
  HOLDFAST_CHECK(add.position == stream.hot_first + stream.hot.size());
  for (auto& record : add.records) {
    const std::size_t bytes = partition::record_bytes(record);
    open_bytes_ += bytes;
    stream.hot_bytes += bytes;
    hot_record_bytes_ += bytes;
    stream.hot.push_back(std::move(record));
  }
}

void Table::put_record(partition::PutRecord&& put) {
  CachedStream& stream = cached_stream(put.stream);
  open_bytes_ += partition::record_bytes(put.record);
  if (put.position >= stream.next_at_open) {  // Not logged yet: it is as if it had been so from the start.
    stream.hot[put.position - stream.hot_first] = std::move(put.record);
    return;
  }
  // As it was, it belongs to the epochs before.
  cool(put.stream, stream, put.position + 1);
  layers_.put(codec::record_key(partition_of(put.stream), put.stream, put.position), codec::encode(put.record));
}

void Table::pop_hot(CachedStream& stream) {
  const std::size_t bytes = partition::record_bytes(stream.hot.front());
  stream.hot_bytes -= bytes;
  hot_record_bytes_ -= bytes;
  stream.hot.pop_front();
  ++stream.hot_first;
}

// Hot records below `end`, which are all in the log, become rows of the dirty layer.
void Table::cool(std::string_view name, CachedStream& stream, std::uint64_t end) {
  const auto partition = partition_of(name);
  while (!stream.hot.empty() && stream.hot_first < end) {
    layers_.add_closed(codec::record_key(partition, name, stream.hot_first), codec::encode(stream.hot.front()));
    pop_hot(stream);
  }
}

// Records below the first position are in the log, or after a crash in the view, and not there any more: they are cleared away. Records that
// should be there and are not are said; what is left of the stream goes on.
Result<void> Table::recover_streams(model::PartitionId partition) {
  std::vector<std::pair<std::string, model::StreamRow>> streams;
  std::optional<Error> error;
  const std::string kind = codec::kind_prefix(partition, RowKind::Stream);
  layers_.scan(kind, codec::range_end(kind), [&](std::string_view key, std::string_view value) {
    auto name = codec::parse_name_key(key);
    auto row = codec::decode<model::StreamRow>(value);
    if (!name || !row) error = damaged(key, !name ? name.error().message : row.error().message).value();
    else if (partition_of(*name) != partition) error = damaged(key, "it belongs to partition " + std::to_string(partition_of(*name).value)).value();
    else streams.emplace_back(std::move(*name), *row);
    return !error;
  });
  if (error) return fail(std::move(*error));
  for (const auto& [name, row] : streams) {
    std::vector<std::string> dropped;
    layers_.scan(codec::record_prefix(partition, name), codec::record_key(partition, name, row.first),
                 [&](std::string_view key, std::string_view) {
                   dropped.emplace_back(key);
                   return true;
                 });
    for (auto& key : dropped) layers_.erase(key);
    if (row.first == row.next) continue;
    for (const std::uint64_t position : {row.first, row.next - 1})
      if (!layers_.get(codec::record_key(partition, name, position)))
        log_error("a stream has lost records; what is left of it goes on",
                  {{"stream", name}, {"missing", position}, {"first", row.first}, {"next", row.next}, {"then", "holdfast check-data"}});
  }
  return {};
}

void Table::drop_what_is_there(const partition::DropRecords& drop, CachedStream& stream) {
  const auto partition = partition_of(drop.stream);
  std::vector<std::string> keys;
  layers_.scan(codec::record_key(partition, drop.stream, drop.first), codec::record_key(partition, drop.stream, drop.next),
               [&](std::string_view key, std::string_view) {
                 keys.emplace_back(key);
                 return true;
               });
  for (const auto& key : keys) layers_.erase(key);
  while (!stream.hot.empty() && stream.hot_first < drop.next) pop_hot(stream);
}

std::shared_ptr<const RowSet> Table::freeze() {
  for (auto& [name, stream] : streams_) {
    cool(name, stream, stream.next_at_open);
    stream.stored_end = stream.next_at_open;
  }
  return layers_.freeze();
}

Table::CachedStream& Table::cached_stream(std::string_view name) const {
  if (const auto it = streams_.find(name); it != streams_.end()) return it->second;
  if (streams_.size() >= kStreamsCachedMax) std::erase_if(streams_, [](const auto& s) { return !s.second.dirty && s.second.hot.empty(); });
  CachedStream stream;
  const std::string key = codec::name_key(partition_of(name), RowKind::Stream, name);
  if (auto bytes = layers_.get(key)) stream.row = must(codec::decode<model::StreamRow>(*bytes), key);
  stream.next_at_open = stream.stored_end = stream.hot_first = stream.row.next;
  return streams_.emplace(std::string(name), std::move(stream)).first->second;
}

model::StreamRow Table::stream(std::string_view name) const { return cached_stream(name).row; }

std::vector<partition::StoredRecord> Table::oldest_records(std::string_view stream, std::uint32_t count) const {
  std::vector<partition::StoredRecord> out;
  if (count == 0) return out;
  read_records(stream, 0, UINT64_MAX, [&](std::uint64_t position, const model::StreamRecord& record) {
    out.push_back({position, partition::record_bytes(record), record.time});
    return out.size() < count;
  });
  return out;
}

void Table::read_records(std::string_view name, std::uint64_t from, std::uint64_t to,
                         const std::function<bool(std::uint64_t, const model::StreamRecord&)>& visit) const {
  const CachedStream& stream = cached_stream(name);
  const std::uint64_t hot_first = stream.hot.empty() ? UINT64_MAX : stream.hot_first;
  // From the first position kept: a walk from the very beginning would wade through what was deleted there.
  from = std::max(from, stream.row.first);
  if (from < std::min(to, hot_first)) {
    const auto partition = partition_of(name);
    bool go_on = true;
    layers_.scan(codec::record_key(partition, name, from), codec::record_key(partition, name, std::min(to, hot_first)),
                 [&](std::string_view key, std::string_view value) {
                   go_on = visit(must(codec::parse_record_position(key), key), must(codec::decode<model::StreamRecord>(value), key));
                   return go_on;
                 });
    if (!go_on) return;
    from = hot_first;
  }
  for (std::uint64_t position = from; position < to && position - stream.hot_first < stream.hot.size(); ++position)
    if (!visit(position, stream.hot[position - stream.hot_first])) return;
}

Instant Table::read_timers(Instant from, std::size_t limit, const std::function<void(TimerQueue::Entry)>& found) const {
  Instant complete{INT64_MAX};
  for (const model::PartitionId partition : owned_) {
    std::size_t count = 0;
    std::optional<Instant> last;
    layers_.scan(codec::timer_key(partition, {from, {}}), codec::range_end(codec::kind_prefix(partition, RowKind::Timer)),
                 [&](std::string_view key, std::string_view) {
                   const auto timer = must(codec::parse_timer_key(key), key);
                   if (count >= limit && timer.due != *last) {
                     complete = std::min(complete, timer.due);
                     return false;
                   }
                   ++count;
                   last = timer.due;
                   found({timer, partition});
                   return true;
                 });
  }
  return complete;
}

std::optional<model::TimerRow> Table::timer(const TimerQueue::Entry& entry) const {
  const std::string key = codec::timer_key(entry.partition, entry.key);
  const auto refuse = [&](const std::string& why) {
    log_error("a stored timer cannot be carried out", {{"row", codec::describe_key(key)}, {"error", why}, {"then", "holdfast check-data"}});
    return std::nullopt;
  };
  const auto bytes = layers_.get(key);
  if (!bytes) return refuse("its row is missing");
  auto row = codec::decode<model::TimerRow>(*bytes);
  if (!row) return refuse(row.error().message);
  if (const auto owner = partition_of(model::owner_id(*row)); owner != entry.partition)
    return refuse("it belongs to partition " + std::to_string(owner.value));
  return std::move(*row);
}

void Table::write_entity(Entity& e) {
  const auto partition = partition_of(e.address.id);
  if (e.row_dirty) {
    std::string key = codec::address_key(partition, RowKind::Address, e.address);
    if (!e.row.empty()) {
      layers_.put(key, codec::encode(e.row));
      e.row_stored = true;
    } else if (e.row_stored) {
      layers_.erase(key);
      e.row_stored = false;
    }
    e.row_dirty = false;
  }
  e.mailbox.erase_taken([&](std::uint64_t number) { layers_.erase(codec::mail_key(partition, e.address, number)); });
  e.mailbox.store_fresh([&](std::uint64_t number, const model::Message& message) {
    layers_.put_new(codec::mail_key(partition, e.address, number), codec::encode(message));
  });
  e.touched = false;
}

std::string Table::close(model::Epoch next, std::vector<std::pair<std::string, std::uint64_t>>& streams) {
  for (Entity* e : touched_) write_entity(*e);
  std::string payload;
  for (const auto& name : touched_streams_) {
    CachedStream& stream = streams_.find(name)->second;
    const auto partition = partition_of(name);
    for (std::uint64_t i = std::max(stream.next_at_open, stream.hot_first); i - stream.hot_first < stream.hot.size(); ++i)
      codec::append_put(payload, codec::record_key(partition, name, i), codec::encode(stream.hot[i - stream.hot_first]));
    layers_.put(codec::name_key(partition_of(name), RowKind::Stream, name), codec::encode(stream.row));
    stream.dirty = false;
    stream.next_at_open = stream.row.next;
    streams.emplace_back(name, stream.row.next);
    const std::size_t hot_bytes_max = limits_.stream_bytes_in_memory;
    if (stream.hot_bytes > hot_bytes_max || hot_record_bytes_ > hot_bytes_max * kStreamsInMemory) cool(name, stream, stream.row.next);
  }
  touched_streams_.clear();
  payload.reserve(payload.size() + layers_.open_bytes());
  layers_.close(payload);
  open_epoch_ = next;
  sealed_ = false;
  open_bytes_ = 0;

  // Everything has its row now, so memory can be given back.
  for (Entity* e : touched_) {
    if (waits_long(*e)) count_freed(*e, e->mailbox.spill(e->phase == Entity::Phase::InFlight ? e->batch : 0));
    if (e->mailbox.empty()) e->mailbox.shrink();
    rest(*e);
  }
  touched_.clear();
  evict();
  return payload;
}

void Table::add_inbox(std::string& closed_payload, const model::Command& command, const model::Sequence& sequence) {
  const auto partition = partition_of(model::routing_id(command));
  std::string key = codec::inbox_key(partition, sequence);
  std::string value = codec::encode(command);
  codec::append_put(closed_payload, key, value);
  layers_.add_closed(key, std::move(value));
  layers_.erase(key);
}

}  // namespace holdfast::runtime
