// States: walks over a store's items, page after page: queries, and lists of keys, which are queries for everything. One page is looked at in a
// turn of a loop, so that others are served in between.
#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "dapr/state.h"

namespace holdfast::dapr {

void StateStore::scan(StateScan, Done<StatePage>) { HOLDFAST_CHECK(false); }
void StateStore::delete_with_prefix(std::string, Done<std::uint64_t>) { HOLDFAST_CHECK(false); }

namespace {

constexpr std::size_t kPageItems = 200;
constexpr std::size_t kBytesPerItem = 200;  // Of one that is kept, besides what it holds.

tl::unexpected<StoreError> refuse(std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::Failed, std::move(message)}); }

std::size_t bytes_of(const QueryPlace& place) {
  std::size_t bytes = place.key.size();
  for (const auto& value : place.values) bytes += sizeof(value) + value.text.size();
  return bytes;
}

class Walk : public std::enable_shared_from_this<Walk> {
 public:
  struct Parts {
    StateStore& store;
    Loop& loop;
    StateScan scan;
    std::string store_prefix;
    PreparedQuery query;
    WalkBounds bounds;
    std::shared_ptr<std::atomic<std::size_t>> walks;
    StateStore::Done<StateMatches> done;
  };
  explicit Walk(Parts&& parts) : parts_(std::move(parts)), kept_(Before{&parts_.query}) {}
  ~Walk() { parts_.walks->fetch_sub(1, std::memory_order_relaxed); }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  void go_on() {
    parts_.store.scan(parts_.scan, [self = shared_from_this()](StoreResult<StatePage> page) {
      // Also because a store may answer before scan() returns: pages are not to pile up on the stack.
      self->parts_.loop.post([self, page = std::make_shared<StoreResult<StatePage>>(std::move(page))] { self->look_at(std::move(*page)); });
    });
  }

 private:
  struct Before {
    const PreparedQuery* query;
    bool operator()(const auto& a, const auto& b) const { return query->is_before(a.place, b.place); }
  };
  struct Kept {
    QueryPlace place;
    mutable StateMatches::Item item;
    std::size_t bytes = 0;
  };

  void look_at(StoreResult<StatePage> page) {
    if (!page) return parts_.done(tl::unexpected(std::move(page.error())));
    for (auto& item : page->items) {
      if (++looks_ > parts_.bounds.items)
        return parts_.done(refuse("more than " + std::to_string(parts_.bounds.items) + " items would have to be looked at"));
      const std::string_view key = std::string_view(item.key).substr(parts_.store_prefix.size());
      // No key of this component's, but one of another's whose prefix begins so.
      if (!KeyPrefix::is_legal(key)) continue;
      auto place = parts_.query.match(key, item.state.value);
      if (!place || (parts_.query.after() && !parts_.query.is_before(*parts_.query.after(), *place))) continue;
      keep(*std::move(place), std::move(item.state));
      if (bytes_ > parts_.bounds.bytes)
        return parts_.done(refuse("what it finds are more than " + std::to_string(parts_.bounds.bytes) + " bytes; ask for less at once (page.limit)"));
      if (has_more_ && !parts_.query.is_sorted()) return finish();
    }
    if (page->next.empty()) return finish();
    parts_.scan.after = std::move(page->next);
    go_on();
  }

  void keep(QueryPlace&& place, StoredState&& state) {
    const std::size_t limit = parts_.query.limit();
    const bool is_full = limit > 0 && kept_.size() == limit;
    if (is_full) {
      has_more_ = true;
      if (!parts_.query.is_before(place, std::prev(kept_.end())->place)) return;
    }
    Kept kept{std::move(place), {{}, std::move(state.value), std::move(state.etag)}, 0};
    kept.bytes = kBytesPerItem + bytes_of(kept.place) + kept.item.value.size() + kept.item.etag.size();
    // An item that was met before, changed meanwhile, cannot come again: each is met once.
    if (const auto [it, is_new] = kept_.insert(std::move(kept)); is_new) bytes_ += it->bytes;
    if (limit == 0 || kept_.size() <= limit) return;
    const auto last = std::prev(kept_.end());
    bytes_ -= last->bytes;
    kept_.erase(last);
  }

  void finish() {
    StateMatches matches;
    matches.items.reserve(kept_.size());
    if (has_more_) matches.token = PreparedQuery::token_of(std::prev(kept_.end())->place);
    for (const auto& kept : kept_) {
      kept.item.key = kept.place.key;
      matches.items.push_back(std::move(kept.item));
    }
    kept_.clear();
    parts_.done(std::move(matches));
  }

  Parts parts_;
  std::set<Kept, Before> kept_;
  std::size_t bytes_ = 0;
  std::size_t looks_ = 0;
  bool has_more_ = false;
};

}  // namespace

codec::dapr::QueryStateResponse query_response(const StateMatches& matches) {
  codec::dapr::QueryStateResponse response;
  response.results.reserve(matches.items.size());
  for (const auto& item : matches.items) response.results.push_back({.key = item.key, .data = item.value, .etag = item.etag, .error = {}});
  response.token = matches.token;
  return response;
}

DaprResult<const StateComponent*> States::find_queryable(std::string_view store) const {
  auto component = find(store);
  if (!component) {
    component.error().metadata.reset();
    return component;
  }
  if (loops_.empty() || !(*component)->store->features().query) return tl::unexpected(errors::state_query_not_supported(store));
  return component;
}

void States::walk(const StateComponent& component, std::string prefix, PreparedQuery query, StateScan::Show show, Done<StateMatches> done) const {
  const auto fails = [name = component.name](const StoreError& error) { return errors::state_query(name, error.message); };
  if (walks_->fetch_add(1, std::memory_order_relaxed) >= bounds_.walks) {
    walks_->fetch_sub(1, std::memory_order_relaxed);
    return done(tl::unexpected(errors::state_query(component.name, std::to_string(bounds_.walks) + " queries are under way already")));
  }
  StateScan scan{.prefix = component.prefix.add(prefix), .after = {}, .limit = kPageItems, .show = show};
  if (query.limit() > 0 && !query.is_sorted()) scan.limit = std::min(kPageItems, query.limit() + 1);
  if (query.after() && !query.is_sorted()) scan.after = component.prefix.add(query.after()->key);
  // That of whoever asks, so that they share the work as they share connections.
  const auto here = std::ranges::find_if(loops_, [](const Loop* loop) { return loop->is_current(); });
  Loop& loop = here == loops_.end() ? *loops_.front() : **here;
  std::make_shared<Walk>(Walk::Parts{.store = *component.store,
                                     .loop = loop,
                                     .scan = std::move(scan),
                                     .store_prefix = component.prefix.text(),
                                     .query = std::move(query),
                                     .bounds = bounds_,
                                     .walks = walks_,
                                     .done =
                                         [fails, done = std::move(done)](StoreResult<StateMatches> matches) {
                                           if (!matches) return done(tl::unexpected(fails(matches.error())));
                                           done(*std::move(matches));
                                         }})
      ->go_on();
}

void States::query(const StateComponent& component, std::string_view text, Done<StateMatches> done) const {
  const auto query = codec::dapr::parse_query(text);
  if (!query) return done(tl::unexpected(errors::state_query_malformed(component.name, query.error().message)));
  auto prepared = PreparedQuery::prepare(*query);
  if (!prepared) return done(tl::unexpected(errors::state_query(component.name, prepared.error().message)));
  walk(component, {}, *std::move(prepared), StateScan::Show::Items, std::move(done));
}

void States::list_keys(const StateComponent& component, KeysRequest request, Done<StateMatches> done) const {
  if (request.limit < 1 || static_cast<std::size_t>(request.limit) > bounds_.keys)
    return done(tl::unexpected(errors::bad_request("limit=" + std::to_string(request.limit) + ", expected 1 to " + std::to_string(bounds_.keys))));
  if (!KeyPrefix::is_legal(request.prefix)) return done(tl::unexpected(errors::state_illegal_key(component.name, request.prefix)));
  std::string after;
  if (!request.token.empty()) {
    auto place = PreparedQuery::place_of(request.token, 0);
    if (!place) return done(tl::unexpected(errors::bad_request(place.error().message)));
    after = std::move(place->key);
  }
  walk(component, std::move(request.prefix), PreparedQuery::all(request.limit, std::move(after)), StateScan::Show::Keys, std::move(done));
}

void States::remove_with_prefix(const StateComponent& component, std::string_view prefix, Done<std::uint64_t> done) const {
  if (!component.store->features().delete_with_prefix)
    return done(tl::unexpected(errors::bad_request("state store " + component.name + " cannot delete keys by their prefix")));
  if (!KeyPrefix::is_legal(prefix)) return done(tl::unexpected(errors::state_illegal_key(component.name, prefix)));
  // Prefixes of other applications may begin so.
  if (component.prefix.text().empty())
    return done(tl::unexpected(errors::bad_request("state store " + component.name + " has keys without a prefix (keyPrefix none), which may be anybody's")));
  component.store->delete_with_prefix(component.prefix.add(prefix), [name = component.name, done = std::move(done)](StoreResult<std::uint64_t> count) {
    if (!count) return done(tl::unexpected(errors::state_delete_bulk(name, count.error())));
    done(*count);
  });
}

}  // namespace holdfast::dapr
