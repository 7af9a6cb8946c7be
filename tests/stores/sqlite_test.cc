// state.sqlite beside the contract: files that daprd made and will read, and what it refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "asking.h"
#include "sqlite/state_store.h"
#include "temp_directory.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

class SqliteFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<StateStore> open(std::vector<std::pair<std::string, std::string>> more = {}) {
    more.emplace_back("connectionString", path_);
    auto made = sqlite::open_state_store(document("state.sqlite", std::move(more)));
    EXPECT_TRUE(made) << made.error().message;
    return made ? *std::move(made) : nullptr;
  }
  // As another program with the same file; the rows as `a|b` each, with a space between.
  std::string sql(const std::string& text) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10'000);
    std::string rows;
    char* message = nullptr;
    const auto add = [](void* to, int count, char** values, char**) {
      auto& out = *static_cast<std::string*>(to);
      if (!out.empty()) out += ' ';
      for (int i = 0; i < count; ++i) out += (i == 0 ? "" : "|") + std::string(values[i] == nullptr ? "NULL" : values[i]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), add, &rows, &message), SQLITE_OK) << message;
    sqlite3_close(db);
    return rows;
  }
  TempDirectory folder_;
  std::string path_ = folder_.path() + "/state.db";
};

TEST_F(SqliteFile, AFileOfDaprdIsReadAndChanged) {
  sql("CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL); INSERT INTO metadata VALUES ('migrations', '1');"
      "CREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL,"
      "  expiration_time TIMESTAMP DEFAULT NULL, update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);"
      "INSERT INTO state (key, value, is_binary, etag, expiration_time) VALUES ('app||json', '{\"a\":1}', 0, 'e1', NULL),"
      "  ('app||bytes', 'AP8=', 1, 'e2', '2099-01-01 00:00:00'), ('app||gone', '1', 0, 'e3', '2001-01-01 00:00:00')");
  auto store = open();
  EXPECT_EQ(value_of(*store, "app||json"), R"({"a":1})");
  EXPECT_EQ(value_of(*store, "app||bytes"), std::string("\0\xff", 2));
  EXPECT_EQ((*get(*store, "app||bytes"))->expires_at, Instant{4'070'908'800'000});
  EXPECT_EQ(value_of(*store, "app||gone"), "nothing");
  EXPECT_THAT(change(*store, set("app||json", "2", "e1")), Ok());
  EXPECT_THAT(change(*store, first(set("app||gone", "3"))), Ok());
}

TEST_F(SqliteFile, DaprdFindsWhatItWouldHaveWritten) {
  auto store = open();
  ASSERT_THAT(change(*store, with_ttl(set("app||json", R"({"a":1})"), 100)), Ok());
  ASSERT_THAT(change(*store, set("app||bytes", std::string("\0\xff", 2))), Ok());
  EXPECT_EQ(sql("SELECT value FROM metadata WHERE key = 'migrations'"), "1");
  EXPECT_EQ(sql("SELECT value, is_binary, length(etag), length(expiration_time), length(update_time) FROM state ORDER BY key"), "AP8=|1|36|NULL|19 {\"a\":1}|0|36|19|19");
  EXPECT_EQ(sql("SELECT round((julianday(expiration_time) - julianday(update_time)) * 86400) FROM state WHERE key = 'app||json'"), "100.0");
  EXPECT_EQ(sql("PRAGMA journal_mode"), "wal");
}

TEST_F(SqliteFile, WhatWasSavedIsThereAfterwards) {
  ASSERT_THAT(change(*open({{"disableWAL", "true"}}), set("k", "1")), Ok());
  EXPECT_EQ(value_of(*open(), "k"), "1");
  auto store = open({{"tableName", "other"}, {"metadataTableName", "other_metadata"}});
  EXPECT_EQ(value_of(*store, "k"), "nothing");
  EXPECT_EQ(sql("SELECT value FROM other_metadata"), "1");
}

TEST_F(SqliteFile, WhatHasExpiredIsTakenAwayNowAndThen) {
  auto store = open({{"cleanupInterval", "200ms"}});
  ASSERT_THAT(change(*store, with_ttl(set("k", "1"), 1)), Ok());
  ASSERT_THAT(change(*store, set("stays", "1")), Ok());
  EXPECT_TRUE(eventually([&] { return sql("SELECT key FROM state") == "stays"; }));
}

TEST_F(SqliteFile, AnotherProcessThatHoldsTheFileIsAnErrorAfterTheBusyTimeout) {
  auto store = open({{"busyTimeout", "20ms"}});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto outcome = change(*store, set("k", "1"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, StoreError::Kind::Failed);
  EXPECT_THAT(outcome.error().message, HasSubstr("database is locked"));
  EXPECT_EQ(value_of(*store, "k"), "nothing");
  sqlite3_close(other);
  EXPECT_THAT(change(*store, set("k", "1")), Ok());
}

TEST(SqliteSettings, WhatIsWrongIsNamed) {
  const auto error_of = [](std::vector<std::pair<std::string, std::string>> metadata) {
    auto made = sqlite::open_state_store(document("state.sqlite", std::move(metadata)));
    return made ? "none" : made.error().message;
  };
  EXPECT_EQ(error_of({}), "missing connection string");
  EXPECT_EQ(error_of({{"connectionString", ":memory:"}, {"tableName", "a b"}}), "invalid identifier: a b");
  EXPECT_EQ(error_of({{"connectionString", ":memory:"}, {"timeout", "10ms"}}), "invalid value for 'timeout': must be greater than 1s");
  EXPECT_EQ(error_of({{"connectionString", ":memory:"}, {"timeoutInSeconds", "soon"}}), "metadata timeoutInSeconds: expected a duration like 20s, got 'soon'");
  EXPECT_EQ(error_of({{"connectionString", "file:x.db?_pragma=journal_mode(OFF)"}}), "found forbidden option '_pragma=journal_mode' in the connection string");
  EXPECT_THAT(error_of({{"connectionString", "/nowhere/at/all.db"}}), HasSubstr("failed to open file:/nowhere/at/all.db: unable to open database file"));
  EXPECT_EQ(error_of({{"url", "file::memory:?cache=shared&_txlock=immediate"}, {"TimeoutInSeconds", "5"}, {"unknown", "1"}}), "none");
}

}  // namespace
}  // namespace holdfast::testing
