// PooledStore: a state store whose client blocks. Each connection has a thread of its own, so that no caller ever waits: calls queue, within a
// bound, and a connection takes as many of them at once as it can make use of (one commit, one round trip for all). What is asked while others
// are under way may be done in any order.
//
// A store stands for a database by what it hands in as StoreConnection; queues, threads, bounds and the end of it are here.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dapr/state_store.h"

namespace holdfast::dapr {

// One call of a StateStore: a read, or changes that happen all or not at all.
struct StoreCall {
  std::vector<std::string> keys;
  std::function<void(std::vector<StateStore::Found>)> found;  // None: changes.

  std::vector<StateChange> changes;
  StateStore::Done<void> done;

  [[nodiscard]] bool is_read() const { return found != nullptr; }
  [[nodiscard]] std::size_t bytes() const;
  void refuse(const StoreError& error);
};

// Used by one thread at a time. Whether it is connected, and connecting again, is its own business.
class StoreConnection {
 public:
  virtual ~StoreConnection() = default;
  // Answers each of the calls once, in bounded time.
  virtual void run(std::span<StoreCall> calls) = 0;
  // Takes away what has expired. Only of those that are asked to.
  [[nodiscard]] virtual Result<void> clean_up() { return {}; }
};

class PooledStore final : public StateStore {
 public:
  // What waits for one lane's connections. Beyond it calls are refused.
  static constexpr std::size_t kWaitingMax = 8192;
  static constexpr std::size_t kWaitingBytesMax = 64U << 20;

  struct Options {
    std::string thread_name;  // 15 characters count.
    Features features;
    std::size_t batch_max = 1;  // Calls that a connection is given at once.
    Duration cleanup_interval{0};  // 0: nothing is cleaned up.
  };
  using Connections = std::vector<std::unique_ptr<StoreConnection>>;

  // Without readers, `connections` do everything; with them, what changes something.
  PooledStore(Options options, Connections connections, Connections readers = {});
  // What is under way is finished, what waits is refused.
  ~PooledStore() override;
  PooledStore(const PooledStore&) = delete;
  PooledStore& operator=(const PooledStore&) = delete;

  [[nodiscard]] Features features() const override { return options_.features; }
  void get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) override;
  void change(StateChange change, Done<void> done) override;
  void transact(std::vector<StateChange> changes, Done<void> done) override;

 private:
  enum class Cleaning { Yes, No };
  struct Lane {
    Connections connections;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<StoreCall> waiting;
    std::size_t waiting_bytes = 0;
    bool stopping = false;
    std::vector<std::thread> threads;
  };
  void start(Lane& lane, Cleaning cleaning);
  void stop(Lane& lane);
  void serve(Lane& lane, StoreConnection& connection, Cleaning cleaning);
  static void post(Lane& lane, StoreCall call);

  const Options options_;
  Lane lane_;
  Lane readers_;
};

}  // namespace holdfast::dapr
