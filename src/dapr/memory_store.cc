#include "dapr/memory_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/random.h"

namespace holdfast::dapr {
namespace {

// Of a page: nobody else is served meanwhile.
constexpr std::size_t kScanLooksMax = 1'000;
constexpr std::size_t kScanBytesMax = 1u << 20;

}  // namespace

MemoryStore::MemoryStore(const Clock& clock) : clock_(clock), etag_prefix_(std::to_string(entropy()) + "-") {}

const StoredState* MemoryStore::live(const std::string& key, Instant now) const {
  const auto it = states_.find(key);
  if (it == states_.end()) return nullptr;
  return it->second.expires_at && *it->second.expires_at <= now ? nullptr : &it->second;
}

void MemoryStore::get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) {
  std::vector<Found> found;
  found.reserve(keys.size());
  {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    for (const auto& key : keys) {
      const StoredState* state = live(key, now);
      found.emplace_back(state == nullptr ? std::nullopt : std::optional(*state));
    }
  }
  done(std::move(found));
}

StoreResult<void> MemoryStore::check(const StateChange& change, Instant now) const {
  const auto mismatch = [](std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::EtagMismatch, std::move(message)}); };
  const StoredState* state = live(change.key, now);
  if (!change.etag.empty()) {
    if (state == nullptr) return mismatch("state not exist or expired for key=" + change.key);
    if (state->etag != change.etag) return mismatch("state etag not match for key=" + change.key + ": current=" + state->etag + ", expect=" + change.etag);
  } else if (change.first_write && state != nullptr) {
    return mismatch("item already exists and no etag was passed");
  }
  return {};
}

void MemoryStore::apply(StateChange&& change, Instant now) {
  if (change.kind == StateChange::Kind::Delete) {
    states_.erase(change.key);
    return;
  }
  StoredState state{std::move(change.value), etag_prefix_ + std::to_string(++changes_), std::move(change.content_type), std::nullopt};
  if (const Duration ttl = change.ttl(); ttl.ms > 0) state.expires_at = now + ttl;
  states_.insert_or_assign(std::move(change.key), std::move(state));
  if (changes_ >= sweep_at_) sweep(now);
}

// Now and then, so that what nobody asks for any more does not stay: each item that is kept has been looked at for less than one change.
void MemoryStore::sweep(Instant now) {
  std::erase_if(states_, [now](const auto& entry) { return entry.second.expires_at && *entry.second.expires_at <= now; });
  sweep_at_ = changes_ + std::max<std::uint64_t>(1024, states_.size());
}

void MemoryStore::change(StateChange change, Done<void> done) {
  std::vector<StateChange> one;
  one.push_back(std::move(change));
  transact(std::move(one), std::move(done));
}

void MemoryStore::transact(std::vector<StateChange> changes, Done<void> done) {
  StoreResult<void> outcome;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    for (const auto& change : changes)
      if (outcome = check(change, now); !outcome) break;
    if (outcome)
      for (auto& change : changes) apply(std::move(change), now);
  }
  done(std::move(outcome));
}

void MemoryStore::scan(StateScan scan, Done<StatePage> done) {
  StatePage page;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    std::size_t looks = 0, bytes = 0;
    auto it = scan.after < scan.prefix ? states_.lower_bound(scan.prefix) : states_.upper_bound(scan.after);
    for (; it != states_.end() && it->first.starts_with(scan.prefix); ++it) {
      if (looks > 0 && (looks >= kScanLooksMax || bytes >= kScanBytesMax || page.items.size() >= scan.limit)) {
        page.next = std::prev(it)->first;
        break;
      }
      ++looks;
      const auto& [key, state] = *it;
      if (state.expires_at && *state.expires_at <= now) continue;
      page.items.push_back({key, {{}, state.etag, state.content_type, state.expires_at}});
      if (scan.show == StateScan::Show::Items) page.items.back().state.value = state.value;
      bytes += key.size() + page.items.back().state.value.size();
    }
  }
  done(std::move(page));
}

void MemoryStore::delete_with_prefix(std::string prefix, Done<std::uint64_t> done) {
  std::uint64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    for (auto it = states_.lower_bound(prefix); it != states_.end() && it->first.starts_with(prefix); it = states_.erase(it))
      if (!it->second.expires_at || *it->second.expires_at > now) ++count;
  }
  done(count);
}

}  // namespace holdfast::dapr
