// Where the contract finds a store of each kind: fresh, or, of servers, one that all tests share. Null: the server is not installed.
#pragma once

#include <memory>

#include "asking.h"
#include "dapr/memory_store.h"
#include "postgres/state_store.h"
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

// A column of jsonb keeps what JSON means.
class PostgresV1Place final : public OpenPlace {
 public:
  using OpenPlace::OpenPlace;
  [[nodiscard]] bool keeps_json_to_the_letter() const override { return false; }
};

inline PostgresServer& shared_postgres() {
  static PostgresServer server;
  return server;
}
inline std::unique_ptr<Place> make_postgres_v1_place() {
  if (PostgresServer::program("postgres").empty()) return nullptr;
  return std::make_unique<PostgresV1Place>(postgres::open_state_store(document("state.postgresql", {{"connectionString", shared_postgres().connection_string()}, {"tableName", "state_v1"}})));
}
inline std::unique_ptr<Place> make_postgres_v2_place() {
  if (PostgresServer::program("postgres").empty()) return nullptr;
  return std::make_unique<OpenPlace>(postgres::open_state_store(document("state.postgresql", {{"connectionString", shared_postgres().connection_string()}}, "v2")));
}

}  // namespace holdfast::testing
