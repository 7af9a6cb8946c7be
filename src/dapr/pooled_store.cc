#include "dapr/pooled_store.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace holdfast::dapr {

std::size_t StoreCall::bytes() const {
  std::size_t sum = 0;
  for (const auto& key : keys) sum += key.size();
  for (const auto& change : changes) sum += change.key.size() + change.value.size();
  return sum;
}

void StoreCall::refuse(const StoreError& error) {
  if (is_read()) found(std::vector<StateStore::Found>(keys.size(), tl::unexpected(error)));
  else done(tl::unexpected(error));
}

PooledStore::PooledStore(Options options, Connections connections, Connections readers) : options_(std::move(options)) {
  lane_.connections = std::move(connections);
  readers_.connections = std::move(readers);
  start(lane_, options_.cleanup_interval.ms > 0 ? Cleaning::Yes : Cleaning::No);
  start(readers_, Cleaning::No);
}

PooledStore::~PooledStore() {
  stop(readers_);
  stop(lane_);
}

void PooledStore::start(Lane& lane, Cleaning cleaning) {
  for (const auto& connection : lane.connections) {
    lane.threads.emplace_back([this, &lane, &connection = *connection, cleaning] { serve(lane, connection, cleaning); });
    pthread_setname_np(lane.threads.back().native_handle(), options_.thread_name.substr(0, 15).c_str());
    cleaning = Cleaning::No;  // One does it.
  }
}

void PooledStore::stop(Lane& lane) {
  {
    const std::lock_guard lock(lane.mutex);
    lane.stopping = true;
  }
  lane.wake.notify_all();
  for (auto& thread : lane.threads) thread.join();
  for (auto& call : lane.waiting) call.refuse({StoreError::Kind::Failed, "the state store is closing"});
}

void PooledStore::serve(Lane& lane, StoreConnection& connection, Cleaning cleaning) {
  using Steady = std::chrono::steady_clock;
  const std::chrono::milliseconds interval(options_.cleanup_interval.ms);
  auto cleanup_at = Steady::now() + interval;
  std::vector<StoreCall> batch;
  std::unique_lock lock(lane.mutex);
  for (;;) {
    const auto is_due = [&] { return lane.stopping || !lane.waiting.empty(); };
    if (cleaning == Cleaning::Yes) lane.wake.wait_until(lock, cleanup_at, is_due);
    else lane.wake.wait(lock, is_due);
    if (lane.stopping) return;
    const auto count = static_cast<std::ptrdiff_t>(std::min(lane.waiting.size(), options_.batch_max));
    std::move(lane.waiting.begin(), lane.waiting.begin() + count, std::back_inserter(batch));
    lane.waiting.erase(lane.waiting.begin(), lane.waiting.begin() + count);
    for (const auto& call : batch) lane.waiting_bytes -= call.bytes();
    lock.unlock();
    if (!batch.empty()) connection.run(batch);
    batch.clear();
    if (cleaning == Cleaning::Yes && Steady::now() >= cleanup_at) {
      if (auto ok = connection.clean_up(); !ok) log_warn("expired state is not taken away", {{"store", options_.thread_name}, {"error", ok.error().message}});
      cleanup_at = Steady::now() + interval;
    }
    lock.lock();
  }
}

void PooledStore::post(Lane& lane, StoreCall call) {
  const std::size_t bytes = call.bytes();
  {
    const std::lock_guard lock(lane.mutex);
    // One call alone always has room, however large.
    if (lane.waiting.size() < kWaitingMax && (lane.waiting.empty() || lane.waiting_bytes + bytes <= kWaitingBytesMax)) {
      lane.waiting_bytes += bytes;
      lane.waiting.push_back(std::move(call));
      lane.wake.notify_one();
      return;
    }
  }
  call.refuse({StoreError::Kind::Failed, "too many calls wait for the state store: try again later"});
}

void PooledStore::get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) {
  StoreCall call;
  call.keys = std::move(keys);
  call.found = std::move(done);
  post(readers_.connections.empty() ? lane_ : readers_, std::move(call));
}

void PooledStore::change(StateChange change, Done<void> done) {
  std::vector<StateChange> one;
  one.push_back(std::move(change));
  transact(std::move(one), std::move(done));
}

void PooledStore::transact(std::vector<StateChange> changes, Done<void> done) {
  StoreCall call;
  call.changes = std::move(changes);
  call.done = std::move(done);
  post(lane_, std::move(call));
}

}  // namespace holdfast::dapr
