// Where the contract finds a store of each kind: fresh, or, of servers, one that all tests share. Null: the server is not installed.
#pragma once

#include <memory>

#include "asking.h"
#include "dapr/memory_store.h"
#include "redis/state_store.h"
#include "server.h"
#include "sqlite/state_store.h"
#include "temp_directory.h"

namespace holdfast::testing {

class Place {
 public:
  virtual ~Place() = default;
  virtual StateStore& store() = 0;
  [[nodiscard]] virtual bool keeps_json_to_the_letter() const { return true; }
};

// A store that is opened as app/ does.
class OpenPlace : public Place {
 public:
  explicit OpenPlace(Result<std::unique_ptr<StateStore>> store) {
    if (!store) ADD_FAILURE() << store.error().message;
    else store_ = *std::move(store);
  }
  StateStore& store() override { return *store_; }

 private:
  std::unique_ptr<StateStore> store_;
};

inline std::unique_ptr<Place> make_memory_place() {
  static SystemClock clock;
  return std::make_unique<OpenPlace>(std::make_unique<dapr::MemoryStore>(clock));
}

class SqlitePlace final : public Place {
 public:
  StateStore& store() override { return place_.store(); }

 private:
  TempDirectory folder_;
  OpenPlace place_{sqlite::open_state_store(document("state.sqlite", {{"connectionString", folder_.path() + "/state.db"}}))};
};
inline std::unique_ptr<Place> make_sqlite_place() { return std::make_unique<SqlitePlace>(); }
inline std::unique_ptr<Place> make_sqlite_memory_place() {
  return std::make_unique<OpenPlace>(sqlite::open_state_store(document("state.sqlite", {{"connectionString", ":memory:"}})));
}

inline std::unique_ptr<Place> make_redis_place() {
  if (RedisServer::program().empty()) return nullptr;
  static RedisServer server;
  return std::make_unique<OpenPlace>(redis::open_state_store(document("state.redis", {{"redisHost", server.address()}})));
}

}  // namespace holdfast::testing
