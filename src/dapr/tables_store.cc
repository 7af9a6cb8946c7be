#include "dapr/tables_store.h"

#include <charconv>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

namespace holdfast::dapr {
namespace {

using partition::ItemCondition;
using partition::ItemWrite;

constexpr std::size_t kReadMax = 500;  // Items of one read; larger ones are several.
constexpr std::size_t kAnswerBytesMax = 64u << 20;  // Values of one answer, and one more chunk.

std::string etag_of(const model::Sequence& version) { return std::to_string(version.epoch) + "-" + std::to_string(version.index); }

std::optional<model::Sequence> parse_etag(std::string_view text) {
  model::Sequence version;
  const char* end = text.data() + text.size();
  const auto epoch = std::from_chars(text.data(), end, version.epoch);
  if (epoch.ec != std::errc() || epoch.ptr == end || *epoch.ptr != '-') return std::nullopt;
  const auto index = std::from_chars(epoch.ptr + 1, end, version.index);
  if (index.ec != std::errc() || index.ptr != end || etag_of(version) != text) return std::nullopt;
  return version;
}

tl::unexpected<StoreError> mismatch(std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::EtagMismatch, std::move(message)}); }

StoreError error_of(Error error) {
  return {error.code == ErrorCode::Conflict ? StoreError::Kind::EtagMismatch : StoreError::Kind::Failed, std::move(error.message)};
}

StoredState state_of(model::ItemRow&& row) {
  StoredState state{std::move(row.value), etag_of(row.version), std::move(row.content_type), std::nullopt};
  if (row.expires_at.unix_ms != 0) state.expires_at = row.expires_at;
  return state;
}

StoreResult<ItemWrite> write_of(const std::string& table, StateChange&& change) {
  ItemWrite write{.item = {table, std::move(change.key)}};
  if (!change.etag.empty()) {
    const auto version = parse_etag(change.etag);
    if (!version) return mismatch("no item has the etag " + change.etag + ": key=" + write.item.key);
    write.condition = {ItemCondition::Kind::Version, *version};
  } else if (change.first_write) {
    write.condition.kind = ItemCondition::Kind::Absent;
  }
  if (change.kind == StateChange::Kind::Delete) {
    write.kind = ItemWrite::Kind::Delete;
    return write;
  }
  write.value = std::move(change.value);
  write.content_type = std::move(change.content_type);
  write.ttl = change.ttl();
  return write;
}

// The core has each item of a transaction once. Conditions are all about what is there before it, so those of one item must all hold, and of
// what is written the last counts.
StoreResult<std::vector<ItemWrite>> writes_of(const std::string& table, std::vector<StateChange>&& changes) {
  std::vector<ItemWrite> writes;
  std::map<std::string, std::size_t> places;
  for (auto& change : changes) {
    auto write = write_of(table, std::move(change));
    if (!write) return tl::unexpected(std::move(write.error()));
    const auto [place, is_new] = places.try_emplace(write->item.key, writes.size());
    if (is_new) {
      writes.push_back(*std::move(write));
      continue;
    }
    ItemWrite& before = writes[place->second];
    if (write->condition.kind == ItemCondition::Kind::Any) write->condition = before.condition;
    else if (before.condition.kind != ItemCondition::Kind::Any && before.condition != write->condition)
      return mismatch("key " + write->item.key + " is asked to have two etags");
    before = *std::move(write);
  }
  return writes;
}

}  // namespace

void TablesStore::get_some(std::vector<std::string> keys, std::function<void(std::vector<Found>, bool is_too_large)> done) {
  std::vector<model::ItemKey> items;
  items.reserve(keys.size());
  for (auto& key : keys) items.push_back({table_, std::move(key)});
  const std::size_t count = items.size();
  items_.get_items(std::move(items), [count, done = std::move(done)](Result<ports::Items::Found> rows) {
    if (!rows) {
      const bool is_too_large = rows.error().code == ErrorCode::TooLarge;
      return done(std::vector<Found>(count, tl::unexpected(error_of(std::move(rows.error())))), is_too_large);
    }
    std::vector<Found> found;
    found.reserve(count);
    for (auto& row : *rows) {
      if (!row) {
        found.emplace_back(std::nullopt);
        continue;
      }
      found.emplace_back(state_of(*std::move(row)));
    }
    done(std::move(found), false);
  });
}

// In chunks, which are halved where they are too large; beyond a bound nothing more is read, and a key that can be none is no fault of others.
void TablesStore::get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) {
  struct Reading : std::enable_shared_from_this<Reading> {
    void go_on(TablesStore& store) {
      while (at < keys.size()) {
        if (bytes > kAnswerBytesMax) {
          found.emplace_back(tl::unexpected<StoreError>({StoreError::Kind::Failed, "more than " + std::to_string(kAnswerBytesMax) + " bytes are asked for at once"}));
        } else if (keys[at].empty() || keys[at].size() > model::kIdBytesMax) {
          found.emplace_back(tl::unexpected<StoreError>(
              {StoreError::Kind::Failed, "a key of " + std::to_string(keys[at].size()) + " bytes, expected 1 to " + std::to_string(model::kIdBytesMax)}));
        } else {
          return read(store);
        }
        ++at;
      }
      done(std::move(found));
    }
    void read(TablesStore& store) {
      std::size_t end = at;
      while (end < keys.size() && end - at < chunk && !keys[end].empty() && keys[end].size() <= model::kIdBytesMax) ++end;
      store.get_some({keys.begin() + static_cast<std::ptrdiff_t>(at), keys.begin() + static_cast<std::ptrdiff_t>(end)},
                     [self = shared_from_this(), &store, end](std::vector<Found> more, bool is_too_large) {
                       if (is_too_large && self->chunk > 1) {
                         self->chunk = (end - self->at + 1) / 2;
                         return self->go_on(store);
                       }
                       for (auto& one : more) {
                         if (one && *one) self->bytes += (*one)->value.size();
                         self->found.push_back(std::move(one));
                       }
                       self->at = end;
                       self->go_on(store);
                     });
    }
    std::vector<std::string> keys;
    std::vector<Found> found;
    std::size_t at = 0;
    std::size_t chunk = kReadMax;
    std::size_t bytes = 0;
    std::function<void(std::vector<Found>)> done;
  };
  auto reading = std::make_shared<Reading>();
  reading->keys = std::move(keys);
  reading->done = std::move(done);
  reading->go_on(*this);
}

void TablesStore::change(StateChange change, Done<void> done) {
  std::vector<StateChange> one;
  one.push_back(std::move(change));
  transact(std::move(one), std::move(done));
}

void TablesStore::transact(std::vector<StateChange> changes, Done<void> done) {
  auto writes = writes_of(table_, std::move(changes));
  if (!writes) return done(tl::unexpected(std::move(writes.error())));
  items_.transact({.writes = *std::move(writes), .commands = {}}, [done = std::move(done)](Result<ports::Items::Versions> versions) {
    if (!versions) return done(tl::unexpected(error_of(std::move(versions.error()))));
    done({});
  });
}

void TablesStore::scan(StateScan scan, Done<StatePage> done) {
  ports::ItemQuery query{.table = table_, .prefix = std::move(scan.prefix), .after = std::move(scan.after)};
  query.limit = static_cast<std::uint32_t>(std::min(scan.limit, kReadMax));
  if (scan.show == StateScan::Show::Keys) query.show = ports::ItemQuery::Show::Keys;
  items_.scan_items(std::move(query), [done = std::move(done)](Result<ports::ItemPage> found) {
    if (!found) return done(tl::unexpected(error_of(std::move(found.error()))));
    StatePage page;
    page.items.reserve(found->items.size());
    for (auto& [key, row] : found->items) page.items.push_back({std::move(key), state_of(std::move(row))});
    page.next = std::move(found->next);
    done(std::move(page));
  });
}

void TablesStore::delete_with_prefix(std::string prefix, Done<std::uint64_t> done) {
  items_.delete_items(table_, std::move(prefix), [done = std::move(done)](Result<std::uint64_t> count) {
    if (!count) return done(tl::unexpected(error_of(std::move(count.error()))));
    done(*count);
  });
}

}  // namespace holdfast::dapr
