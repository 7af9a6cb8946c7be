// Runtime: ports::Items, over all shards.
#include <algorithm>
#include <atomic>
#include <utility>

#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kContentTypeBytesMax = 255;
constexpr Duration kTtlMax{100LL * 365 * 24 * 3600 * 1000};

Result<void> check_table(const std::string& table) {
  if (table.empty()) return fail(ErrorCode::Invalid, "a table without a name");
  if (table.size() > model::kTypeBytesMax)
    return fail(ErrorCode::Invalid, "a table's name of " + std::to_string(table.size()) + " bytes; at most " + std::to_string(model::kTypeBytesMax) + " are taken");
  return {};
}

Result<void> check_place(const char* what, const std::string& text) {
  if (text.size() <= model::kIdBytesMax) return {};
  return fail(ErrorCode::Invalid, std::string(what) + " of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(model::kIdBytesMax) + " are taken");
}

Result<void> check_item(const model::ItemKey& item) {
  if (auto ok = check_table(item.table); !ok) return ok;
  if (item.key.empty()) return fail(ErrorCode::Invalid, "an item of table " + item.table + " without a key");
  return check_place("a key", item.key);
}

Result<void> check_count(std::size_t count, const Options& options) {
  if (count <= options.items_per_request_max) return {};
  return fail(ErrorCode::TooLarge, std::to_string(count) + " items at once; at most " + std::to_string(options.items_per_request_max) + " are taken");
}

Result<void> check_write(const partition::ItemWrite& write) {
  if (auto ok = check_item(write.item); !ok) return ok;
  if (write.content_type.size() > kContentTypeBytesMax)
    return fail(ErrorCode::Invalid, "a content type of " + std::to_string(write.content_type.size()) + " bytes; at most " +
                                        std::to_string(kContentTypeBytesMax) + " are taken");
  if (write.ttl.ms < 0 || write.ttl > kTtlMax)
    return fail(ErrorCode::Invalid, "item " + write.item.key + " has ttl_ms=" + std::to_string(write.ttl.ms) + ", expected 0 to " + std::to_string(kTtlMax.ms));
  return {};
}

Result<void> check(const ports::ItemTransaction& transaction, const Options& options) {
  if (transaction.writes.empty()) return fail(ErrorCode::Invalid, "a transaction without items");
  if (auto ok = check_count(transaction.writes.size() + transaction.commands.size(), options); !ok) return ok;
  std::size_t bytes = 0;
  std::vector<const model::ItemKey*> items;
  items.reserve(transaction.writes.size());
  for (const auto& write : transaction.writes) {
    if (auto ok = check_write(write); !ok) return ok;
    bytes += write.value.size();
    items.push_back(&write.item);
  }
  for (const auto& command : transaction.commands) bytes += model::size_in_memory(command);
  if (bytes > options.transaction_bytes_max)
    return fail(ErrorCode::TooLarge, "a transaction of " + std::to_string(bytes) + " bytes; at most " + std::to_string(options.transaction_bytes_max) + " are taken");
  const auto by_key = [](const model::ItemKey* item) -> const model::ItemKey& { return *item; };
  std::ranges::sort(items, {}, by_key);
  if (const auto twice = std::ranges::adjacent_find(items, {}, by_key); twice != items.end())
    return fail(ErrorCode::Invalid, "a transaction has item " + (*twice)->key + " of table " + (*twice)->table + " twice");
  return {};
}

}  // namespace

void Runtime::get_items(std::vector<model::ItemKey> items, Done<Found> done) {
  if (auto ok = check_count(items.size(), options_); !ok) return done(fail(std::move(ok.error())));
  for (const auto& item : items)
    if (auto ok = check_item(item); !ok) return done(fail(std::move(ok.error())));
  if (items.empty()) return done(Found{});
  struct Part {
    std::vector<model::ItemKey> items;
    std::vector<std::size_t> places;
    Result<Found> found;
  };
  struct Gathering {
    std::vector<Part> parts;
    std::atomic<std::size_t> missing{0};
    std::size_t count = 0;
    Done<Found> done;
    void finish() {
      Found all(count);
      for (auto& part : parts) {
        if (part.items.empty()) continue;
        if (!part.found) return done(fail(std::move(part.found.error())));
        for (std::size_t i = 0; i < part.places.size(); ++i) all[part.places[i]] = std::move((*part.found)[i]);
      }
      done(std::move(all));
    }
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->parts.resize(shards_.size());
  gathering->count = items.size();
  gathering->done = std::move(done);
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto& part = gathering->parts[shard_of(items[i].key).index()];
    if (part.items.empty()) ++gathering->missing;
    part.places.push_back(i);
    part.items.push_back(std::move(items[i]));
  }
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    if (gathering->parts[s].items.empty()) continue;
    on_loop(shards_[s]->loop(), [gathering, s, shard = shards_[s].get()] {
      shard->get_items(gathering->parts[s].items, [gathering, s](Result<Found> found) {
        gathering->parts[s].found = std::move(found);
        if (gathering->missing.fetch_sub(1, std::memory_order_acq_rel) == 1) gathering->finish();
      });
    });
  }
}

void Runtime::transact(ports::ItemTransaction transaction, Done<Versions> done) {
  if (auto ok = check(transaction, options_); !ok) return done(fail(std::move(ok.error())));
  Shard& shard = shard_of(transaction.writes.front().item.key);
  on_loop(shard.loop(), [&shard, transaction = std::move(transaction), done = std::move(done)]() mutable {
    shard.transact(std::move(transaction), std::move(done));
  });
}

// One shard after the other.
void Runtime::delete_items(std::string table, std::string prefix, Done<std::uint64_t> done) {
  if (auto ok = check_table(table); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = check_place("a prefix", prefix); !ok) return done(fail(std::move(ok.error())));
  struct Deleting : std::enable_shared_from_this<Deleting> {
    void go_on(std::uint64_t so_far) {
      if (next == shards.size()) return done(so_far);
      Shard& shard = *shards[next++];
      auto part = std::make_shared<ItemDeletion>(ItemDeletion{table, prefix, {}, so_far, [self = shared_from_this()](Result<std::uint64_t> count) {
                                                                if (!count) return self->done(fail(std::move(count.error())));
                                                                self->go_on(*count);
                                                              }});
      on_loop(shard.loop(), [&shard, part] { shard.delete_items(part); });
    }
    std::string table, prefix;
    std::vector<Shard*> shards;
    std::size_t next = 0;
    Done<std::uint64_t> done;
  };
  auto deleting = std::make_shared<Deleting>();
  deleting->table = std::move(table);
  deleting->prefix = std::move(prefix);
  for (const auto& shard : shards_) deleting->shards.push_back(shard.get());
  deleting->done = std::move(done);
  deleting->go_on(0);
}

// As list(), but that each shard's part is shown only when it is durable.
void Runtime::scan_items(ports::ItemQuery query, Done<ports::ItemPage> done) {
  if (auto ok = check_table(query.table); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = check_place("a prefix", query.prefix); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = check_place("a place to go on from", query.after); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = check_count(query.limit, options_); !ok) return done(fail(std::move(ok.error())));
  struct Scanning : std::enable_shared_from_this<Scanning> {
    Scanning(ports::ItemQuery asked, Done<ports::ItemPage> answer)
        : query(std::move(asked)), page(query.after, query.limit), done(std::move(answer)) {}
    void go_on() {
      if (shard == shards.size()) {
        auto found = page.take();
        return done(ports::ItemPage{std::move(found.items), std::move(found.next)});
      }
      on_loop(shards[shard]->loop(), [self = shared_from_this()] { self->look(); });
    }
    void look() {
      Shard& here = *shards[shard];
      if (!here.look(query, at, page)) return here.loop().post([self = shared_from_this()] { self->look(); });
      here.show_items([self = shared_from_this()] {
        ++self->shard;
        self->at = {};
        self->go_on();
      });
    }
    ports::ItemQuery query;
    PageBuilder<ports::ItemPage::Entry> page;
    std::vector<Shard*> shards;
    Done<ports::ItemPage> done;
    std::size_t shard = 0;
    Look at;
  };
  auto scanning = std::make_shared<Scanning>(std::move(query), std::move(done));
  for (const auto& shard : shards_) scanning->shards.push_back(shard.get());
  scanning->go_on();
}

}  // namespace holdfast::runtime
