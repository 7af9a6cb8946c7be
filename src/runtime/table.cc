#include "runtime/table.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"
#include "partition/stream.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;

constexpr std::size_t kEntityOverhead = 400;       // Of an entity with nothing in it, about.
constexpr std::size_t kStreamsCachedMax = 10'000;
constexpr std::size_t kHotBytesMax = 8u << 20;      // Of one stream's newest records,
constexpr std::size_t kAllHotBytesMax = 16u << 20;  // and of those of all.

// A row that our own code wrote and that its checksums vouch for does not decode: the data directory is of another
// version, or broken. Nothing may be written over it.
template <typename T>
T must(Result<T>&& result, std::string_view what) {
  if (!result) {
    end_process("cannot read a stored row", {{"row", what}, {"error", result.error().message}});
  }
  return std::move(*result);
}

std::size_t row_size(const model::AddressRow& row) {
  std::size_t size = kEntityOverhead;
  for (const auto& s : row.states) size += sizeof(s) + s.name.size() + s.value.size();
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
              }) {}

Table::~Table() = default;

void Table::add_recovered_row(std::string_view key, std::optional<std::string_view> value) {
  layers_.add_closed(std::string(key), value ? std::optional<std::string>(*value) : std::nullopt);
}

Result<Table::Recovered> Table::recover() {
  Recovered out;
  std::optional<Error> error;
  for (const model::PartitionId partition : owned_) {
    const auto each = [&](RowKind kind, const std::function<bool(std::string_view, std::string_view)>& visit) {
      const std::string prefix = codec::kind_prefix(partition, kind);
      layers_.scan(prefix, codec::range_end(prefix), visit);
    };

    each(RowKind::Registration, [&](std::string_view key, std::string_view value) {
      auto name = codec::parse_name_key(key);
      auto row = codec::decode<model::RegistrationRow>(value);
      if (!name || !row) error = !name ? name.error() : row.error();
      else out.registrations.emplace_back(std::move(*name), std::move(*row));
      return !error;
    });

    // Messages of one address come one after the other, numbered without gaps.
    std::optional<codec::MailKey> first;
    std::uint64_t end = 0;
    const auto finish = [&] {
      if (!first) return;
      Entity& e = entity(first->address);
      e.mailbox.recover(first->number, end);
      mail_count_ += end - first->number;
      unlink(e);
      out.with_mail.push_back(&e);
    };
    each(RowKind::Mail, [&](std::string_view key, std::string_view value) {
      auto mail = codec::parse_mail_key(key);
      if (!mail) {
        error = mail.error();
        return false;
      }
      mail_bytes_ += value.size();
      if (first && mail->address == first->address) {
        if (mail->number != end) {
          error = Error{ErrorCode::Damaged, "the mailbox of " + mail->address.type + "/" + mail->address.id +
                                                " has no message " + std::to_string(end)};
          return false;
        }
        ++end;
        return true;
      }
      finish();
      first = std::move(*mail);
      end = first->number + 1;
      return true;
    });
    finish();

    each(RowKind::Inbox, [&](std::string_view key, std::string_view value) {
      auto command = codec::decode<model::Command>(value);
      if (!command) {
        error = command.error();
        return false;
      }
      out.inbox.push_back(std::move(*command));
      layers_.erase(std::string(key));
      return true;
    });
    if (error) return fail(std::move(*error));
  }
  clear_dropped_records();
  return out;
}

Entity& Table::entity(const model::Address& address) {
  if (const Entity* known = find(address)) return const_cast<Entity&>(*known);
  auto fresh = std::make_unique<Entity>();
  fresh->address = address;
  if (auto bytes = layers_.get(codec::address_key(partition_of(address.id), RowKind::Address, address))) {
    fresh->row = must(codec::decode<model::AddressRow>(*bytes), address.type + "/" + address.id);
    fresh->row_stored = true;
  }
  fresh->row_bytes = row_size(fresh->row);
  cached_bytes_ += fresh->row_bytes;
  Entity& e = *fresh;
  entities_.insert(std::move(fresh));
  rest(e);
  return e;
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

void Table::touch(Entity& e) {
  if (e.touched) return;
  e.touched = true;
  touched_.push_back(&e);
  unlink(e);
}

void Table::unlink(Entity& e) {
  if (e.newer == nullptr && e.older == nullptr && oldest_ != &e) return;
  (e.older != nullptr ? e.older->newer : oldest_) = e.newer;
  (e.newer != nullptr ? e.newer->older : newest_) = e.older;
  e.newer = e.older = nullptr;
}

void Table::rest(Entity& e) {
  if (!e.is_evictable()) return;
  unlink(e);
  e.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &e;
  newest_ = &e;
}

void Table::evict() {
  while (cached_bytes_ > limits_.state_cache_bytes && oldest_ != nullptr) {
    Entity& e = *oldest_;
    unlink(e);
    if (!e.is_evictable()) continue;  // It comes back when it rests.
    cached_bytes_ -= e.row_bytes;
    if (recent_ == &e) recent_ = nullptr;
    entities_.erase(entities_.find(e.address));
  }
}

void Table::add_mail(Entity& e, model::Message&& message) {
  const std::size_t size = model::size_in_memory(message);
  e.mailbox.push(std::move(message));
  ++mail_count_;
  if (e.backlog != nullptr) ++*e.backlog;
  mail_bytes_ += size;
  mail_bytes_in_memory_ += size;
  open_bytes_ += size;
  touch(e);
}

void Table::load_mail(Entity& e, std::uint64_t count, std::size_t bytes_max) {
  const std::uint64_t wanted = std::min(count, e.mailbox.size());
  if (e.mailbox.head_size() >= wanted || e.mailbox.spilled() == 0) return;
  const auto partition = partition_of(e.address.id);
  const std::size_t before = e.mailbox.bytes_in_memory();
  // Only rows: what is not in rows is in memory.
  const std::uint64_t rows_end = e.mailbox.spilled_begin() + e.mailbox.spilled();
  layers_.scan(codec::mail_key(partition, e.address, e.mailbox.spilled_begin()),
               codec::mail_key(partition, e.address, rows_end), [&](std::string_view, std::string_view value) {
                 e.mailbox.unspill(must(codec::decode<model::Message>(value), "a message"));
                 return e.mailbox.head_size() < wanted && e.mailbox.bytes_in_memory() - before < bytes_max;
               });
  HOLDFAST_CHECK(e.mailbox.head_size() > 0);
  mail_bytes_in_memory_ += e.mailbox.bytes_in_memory() - before;
}

void Table::apply_change(partition::ChangeAddress&& change) {
  Entity& e = entity(change.address);
  touch(e);
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
    mail_bytes_ -= std::min<std::uint64_t>(mail_bytes_, freed);
    mail_count_ -= change.mail_taken;
    if (e.backlog != nullptr) *e.backlog -= change.mail_taken;
    if (mail_count_ == 0) mail_bytes_ = 0;
  }
  if (change.park != partition::ChangeAddress::Park::Keep) {
    std::string key = codec::address_key(partition_of(e.address.id), RowKind::Parked, e.address);
    if (change.park == partition::ChangeAddress::Park::Set) {
      e.row.parked = std::move(change.parked);
      layers_.put(std::move(key), std::string(1, codec::kRowVersion));
    } else {
      e.row.parked.reset();
      layers_.erase(std::move(key));
    }
    e.row_dirty = true;
  }
  if (!e.row_dirty) return;
  cached_bytes_ -= e.row_bytes;
  e.row_bytes = row_size(e.row);
  cached_bytes_ += e.row_bytes;
  open_bytes_ += e.row_bytes;
}

void Table::apply(partition::Write&& write) {
  using namespace partition;
  if (auto* change = std::get_if<ChangeAddress>(&write)) return apply_change(std::move(*change));
  open_bytes_ += 128;
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
    else layers_.erase(std::move(key));
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
  }
}

void Table::set_registration(const std::string& type, model::RegistrationRow row) {
  registrations_.insert_or_assign(type, std::move(row));
}

const model::AddressRow& Table::address(const model::Address& address) const {
  // Bringing an entity in changes nothing that a view shows.
  return const_cast<Table*>(this)->entity(address).row;
}

std::uint64_t Table::mailbox_size(const model::Address& address) const {
  const Entity* e = find(address);  // One with mail is always in memory.
  return e == nullptr ? 0 : e->mailbox.size();
}

std::vector<model::Message> Table::oldest_mail(const model::Address& address, std::uint32_t count) const {
  auto& self = *const_cast<Table*>(this);
  Entity& e = self.entity(address);
  self.load_mail(e, count, SIZE_MAX);
  std::vector<model::Message> out;
  for (std::size_t i = 0; i < std::min<std::uint64_t>(count, e.mailbox.head_size()); ++i) out.push_back(e.mailbox.head(i));
  return out;
}

const model::RegistrationRow* Table::registration(std::string_view type) const {
  const auto it = registrations_.find(type);
  return it == registrations_.end() ? nullptr : &it->second;
}

std::optional<model::TimerKey> Table::token(const model::TokenKey& token) const {
  auto bytes = layers_.get(codec::token_key(partition_of(token.owner.id), token));
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::TimerKey>(*bytes), "a cancellation token");
}

std::optional<model::RequestRow> Table::request(std::string_view id) const {
  auto bytes = layers_.get(codec::name_key(partition_of(id), RowKind::Request, id));
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::RequestRow>(*bytes), "a request");
}

std::optional<model::SourceRow> Table::source(std::string_view name) const {
  auto bytes = layers_.get(codec::name_key(partition_of(name), RowKind::Source, name));
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::SourceRow>(*bytes), name);
}

// Most records are gone before they get to the view, and StreamRow::first says that they are: these leave no rows behind. The log
// has them as they were born; a recovery clears them away. That StreamRow is the open epoch's, though: as long as the epoch before may
// still be frozen, its records have to be there with it.
void Table::drop_records(const partition::DropRecords& drop) {
  CachedStream& stream = cached_stream(drop.stream);
  const auto partition = partition_of(drop.stream);
  if (!sealed_) cool(drop.stream, stream, std::min(drop.next, stream.next_at_open));
  for (std::uint64_t position = drop.first; position < drop.next; ++position) {
    if (!stream.hot.empty() && position >= stream.hot_first) {
      pop_hot(stream);
      continue;
    }
    std::string key = codec::record_key(partition, drop.stream, position);
    if (sealed_ && position >= stream.stored_end) layers_.forget(key);
    else layers_.erase(std::move(key));
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

void Table::clear_dropped_records() {
  for (const model::PartitionId partition : owned_) {
    std::vector<std::pair<std::string, std::uint64_t>> streams;
    const std::string kind = codec::kind_prefix(partition, RowKind::Stream);
    layers_.scan(kind, codec::range_end(kind), [&](std::string_view key, std::string_view value) {
      auto name = must(codec::parse_name_key(key), "a stream");
      const auto row = must(codec::decode<model::StreamRow>(value), name);
      streams.emplace_back(std::move(name), row.first);
      return true;
    });
    for (const auto& [name, first] : streams) {
      std::vector<std::string> dropped;
      layers_.scan(codec::record_prefix(partition, name), codec::record_key(partition, name, first),
                   [&](std::string_view key, std::string_view) {
                     dropped.emplace_back(key);
                     return true;
                   });
      for (auto& key : dropped) layers_.erase(std::move(key));
    }
  }
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
  if (auto bytes = layers_.get(codec::name_key(partition_of(name), RowKind::Stream, name)))
    stream.row = must(codec::decode<model::StreamRow>(*bytes), name);
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
                   go_on = visit(must(codec::parse_record_position(key), name), must(codec::decode<model::StreamRecord>(value), name));
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
                   const auto timer = must(codec::parse_timer_key(key), "a timer");
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
  auto bytes = layers_.get(codec::timer_key(entry.partition, entry.key));
  if (!bytes) return std::nullopt;
  return must(codec::decode<model::TimerRow>(*bytes), "a timer");
}

void Table::write_entity(Entity& e) {
  const auto partition = partition_of(e.address.id);
  if (e.row_dirty) {
    std::string key = codec::address_key(partition, RowKind::Address, e.address);
    if (!e.row.empty()) {
      layers_.put(std::move(key), codec::encode(e.row));
      e.row_stored = true;
    } else if (e.row_stored) {
      layers_.erase(std::move(key));
      e.row_stored = false;
    }
    e.row_dirty = false;
  }
  e.mailbox.erase_taken([&](std::uint64_t number) { layers_.erase(codec::mail_key(partition, e.address, number)); });
  e.mailbox.store_fresh([&](std::uint64_t number, const model::Message& message) {
    layers_.put(codec::mail_key(partition, e.address, number), codec::encode(message));
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
    if (stream.hot_bytes > kHotBytesMax || hot_record_bytes_ > kAllHotBytesMax) cool(name, stream, stream.row.next);
  }
  touched_streams_.clear();
  payload.reserve(payload.size() + layers_.open_bytes());
  layers_.close(payload);
  open_epoch_ = next;
  sealed_ = false;
  open_bytes_ = 0;

  // Everything has its row now, so memory can be given back.
  for (Entity* e : touched_) {
    const std::size_t held = e->mailbox.bytes_in_memory();
    if (e->row.parked || held > limits_.address_mailbox_bytes_in_memory || mail_bytes_in_memory_ > limits_.mailbox_bytes_in_memory)
      mail_bytes_in_memory_ -= e->mailbox.spill(e->phase == Entity::Phase::InFlight ? e->batch : 0);
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
  layers_.erase(std::move(key));
}

}  // namespace holdfast::runtime
