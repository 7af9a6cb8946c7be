// state.postgresql beside the contract: tables of daprd, servers that go and come back, and what it refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <thread>

#include "asking.h"
#include "places.h"
#include "postgres/settings.h"
#include "postgres/state_store.h"

namespace holdfast::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// As another client; a line a row, `|` between columns.
std::string sql(const PostgresServer& server, const std::string& text) {
  std::string keywords = server.connection_string();
  keywords.replace(keywords.find("database="), 9, "dbname=");
  PGconn* connection = PQconnectdb(keywords.c_str());
  PGresult* result = PQexec(connection, text.c_str());
  EXPECT_TRUE(PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK) << PQerrorMessage(connection);
  std::string out;
  for (int row = 0; row < PQntuples(result); ++row) {
    if (row > 0) out += '\n';
    for (int column = 0; column < PQnfields(result); ++column) out += (column == 0 ? "" : "|") + std::string(PQgetvalue(result, row, column));
  }
  PQclear(result);
  PQfinish(connection);
  return out;
}

class PostgresStore : public ::testing::Test {
 protected:
  void SetUp() override {
    if (PostgresServer::program("postgres").empty()) GTEST_SKIP() << "no postgres is installed";
    static int count = 0;
    name_ = "t" + std::to_string(++count);
  }
  // In tables of the test's own.
  [[nodiscard]] std::unique_ptr<StateStore> open(const std::string& version, std::vector<std::pair<std::string, std::string>> more = {}) {
    more.insert(more.end(), {{"connectionString", server_.connection_string()}, {"metadataTableName", name_ + "_metadata"}});
    if (version == "v1") more.emplace_back("tableName", name_ + "_state");
    else more.emplace_back("tablePrefix", name_ + "v2_");
    std::unique_ptr<StateStore> store;
    std::string why;
    const auto is_open = [&] {
      auto made = postgres::open_state_store(document("state.postgresql", more, version));
      if (made) store = *std::move(made);
      else why = made.error().message;
      return store != nullptr;
    };
    EXPECT_TRUE(eventually(is_open)) << why;
    return store;
  }
  std::string ask(std::string text) {
    for (std::size_t at = 0; (at = text.find('@', at)) != std::string::npos;) text.replace(at, 1, name_);
    return sql(server_, text);
  }
  PostgresServer& server_ = shared_postgres();
  std::string name_;
};

TEST_F(PostgresStore, TablesOfV1AreThoseOfDaprd) {
  auto store = open("v1");
  ASSERT_THAT(change(*store, with_ttl(set("app||json", R"({"a":1})"), 100)), Ok());
  ASSERT_THAT(change(*store, set("app||bytes", std::string("\0\xff", 2))), Ok());
  ASSERT_THAT(change(*store, set("app||text", "\"a\\u0000b\"")), Ok()) << "no text of PostgreSQL";
  EXPECT_EQ(ask("SELECT value FROM @_metadata WHERE key = 'migrations'"), "2");
  EXPECT_EQ(ask("SELECT value, isbinary, updatedate IS NULL, round(extract(epoch from expiredate - insertdate)) FROM @_state ORDER BY key"),
            "\"AP8=\"|t|t|\n{\"a\": 1}|f|t|100\n\"ImFcdTAwMDBiIg==\"|t|t|");
  EXPECT_EQ(value_of(*store, "app||text"), "\"a\\u0000b\"");
  EXPECT_EQ((*get(*store, "app||json"))->etag, ask("SELECT xmin FROM @_state WHERE key = 'app||json'"));
}

TEST_F(PostgresStore, TablesOfV2AreThoseOfDaprd) {
  auto store = open("v2");
  ASSERT_THAT(change(*store, with_ttl(set("app||k", R"({"a":  1})"), 100)), Ok());
  EXPECT_EQ(ask("SELECT value FROM @_metadata WHERE key = 'migrations-state-v2-@v2_'"), "1");
  EXPECT_EQ(ask("SELECT convert_from(value, 'UTF8'), updated_at IS NULL, round(extract(epoch from expires_at - created_at)) FROM @v2_state"), "{\"a\":  1}|t|100");
  EXPECT_EQ((*get(*store, "app||k"))->etag, ask("SELECT etag FROM @v2_state"));
}

TEST_F(PostgresStore, WhatDaprdWroteIsRead) {
  ask("CREATE TABLE @_metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL); INSERT INTO @_metadata VALUES ('lock', 'lock'), ('migrations', '1');"
      "CREATE TABLE @_state (key text NOT NULL PRIMARY KEY, value jsonb NOT NULL, isbinary boolean NOT NULL,"
      "  insertdate TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(), updatedate TIMESTAMP WITH TIME ZONE NULL);"
      "INSERT INTO @_state (key, value, isbinary) VALUES ('app||json', '{\"a\":1}', false), ('app||bytes', '\"AP8=\"', true)");
  auto store = open("v1");
  EXPECT_EQ(value_of(*store, "app||json"), R"({"a": 1})");
  EXPECT_EQ(value_of(*store, "app||bytes"), std::string("\0\xff", 2));
  EXPECT_EQ(ask("SELECT value FROM @_metadata WHERE key = 'migrations'"), "2");
  EXPECT_THAT(change(*store, with_ttl(set("app||json", "2", (*get(*store, "app||json"))->etag), 100)), Ok());
}

TEST_F(PostgresStore, AnEtagIsANumberInV1AndAUuidInV2) {
  auto first_store = open("v1");
  auto outcome = change(*first_store, set("k", "1", "x"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, StoreError::Kind::EtagInvalid);
  EXPECT_EQ(outcome.error().message, "strconv.ParseUint: parsing \"x\": invalid syntax");
  outcome = change(*first_store, set("k", "1", "4294967296"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "strconv.ParseUint: parsing \"4294967296\": value out of range");
  auto second_store = open("v2");
  outcome = change(*second_store, remove("k", "x"));
  EXPECT_THAT(outcome, Mismatches());
  EXPECT_EQ(outcome.error().message, "invalid UUID length: 1");
}

TEST_F(PostgresStore, WhatHasExpiredIsTakenAwayNowAndThen) {
  const std::unique_ptr<StateStore> stores[] = {open("v1", {{"cleanupInterval", "300ms"}}), open("v2", {{"cleanupInterval", "300ms"}})};
  for (const auto& store : stores) {
    ASSERT_THAT(change(*store, with_ttl(set("k", "1"), 1)), Ok());
    ASSERT_THAT(change(*store, set("stays", "1")), Ok());
  }
  EXPECT_TRUE(eventually([&] { return ask("SELECT key FROM @_state") == "stays" && ask("SELECT key FROM @v2_state") == "stays"; }));
}

TEST_F(PostgresStore, SeveralMayMakeTheTablesAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      auto made = postgres::open_state_store(
          document("state.postgresql", {{"connectionString", server_.connection_string()}, {"metadataTableName", name_ + "_metadata"}, {"tableName", name_ + "_state"}}));
      if (made) ++opened;
      else ADD_FAILURE() << made.error().message;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(opened, 4);
}

TEST_F(PostgresStore, ConnectionsThatEndedWhileNobodyUsedThemAreNoError) {
  auto store = open("v2", {{"maxConns", "2"}});
  ASSERT_THAT(change(*store, set("k", "1")), Ok());
  ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'holdfast'");
  ASSERT_TRUE(eventually([&] { return ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast'") == "0"; }));
  EXPECT_THAT(change(*store, set("k", "2")), Ok());
  EXPECT_EQ(value_of(*store, "k"), "2");
}

TEST_F(PostgresStore, WhatWasAnsweredIsThereWhenTheServerIsKilledUnderLoad) {
  constexpr int kWriters = 4;
  auto store = open("v2");
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  std::vector<int> last(kWriters, 0);
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i)
    writers.emplace_back([&, i] {
      const std::string key = "w" + std::to_string(i);
      for (int n = 1; !stop; ++n) {
        const auto text = std::to_string(n);
        if (!transact(*store, {set(key, text), set(key + "b", text)})) continue;
        last[static_cast<std::size_t>(i)] = n;
        ++answered;
      }
    });
  for (int round = 0; round < 2; ++round) {
    const int before = answered;
    EXPECT_TRUE(eventually([&] { return answered > before + 50; }));
    server_.process().kill();
    server_.process().start();
  }
  const int before = answered;
  EXPECT_TRUE(eventually([&] { return answered > before + 50; }));
  stop = true;
  for (auto& writer : writers) writer.join();
  for (int i = 0; i < kWriters; ++i) {
    const std::string key = "w" + std::to_string(i);
    EXPECT_GE(std::stoi(value_of(*store, key)), last[static_cast<std::size_t>(i)]);
    EXPECT_EQ(value_of(*store, key), value_of(*store, key + "b")) << "half a transaction";
  }
}

TEST(PostgresSettings, ConnectionStringsAreThoseOfDaprsDriver) {
  auto words = postgres::parse_connection_string(R"(host=localhost user = postgres password='it\'s a' database=db connect_timeout=10 pool_max_conns=7 pool_max_conn_idle_time=5s search_path=a\ b)");
  ASSERT_TRUE(words) << words.error().message;
  EXPECT_THAT(words->parameters, ElementsAre(Pair("connect_timeout", "10"), Pair("dbname", "db"), Pair("host", "localhost"), Pair("options", R"( -c search_path=a\ b)"),
                                             Pair("password", "it's a"), Pair("user", "postgres")));
  EXPECT_EQ(words->pool_max_connections, 7);
  auto url = postgres::parse_connection_string("postgres://me:p%40ss@example.com:5433/db?sslmode=disable&pool_min_conns=1&application_name=a%20b");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_THAT(url->parameters, ElementsAre(Pair("application_name", "a b"), Pair("dbname", "db"), Pair("host", "example.com"), Pair("password", "p@ss"), Pair("port", "5433"),
                                           Pair("sslmode", "disable"), Pair("user", "me")));
  EXPECT_FALSE(postgres::parse_connection_string("secret"));
  EXPECT_FALSE(postgres::parse_connection_string("password='open"));
}

TEST(PostgresSettings, WhatIsWrongOrNotHereIsNamed) {
  const auto error_of = [](std::vector<std::pair<std::string, std::string>> metadata, const std::string& version = "v1") {
    if (metadata.empty() || metadata.front().first != "url") metadata.insert(metadata.begin(), {"connectionString", "host=127.0.0.1 port=1"});
    auto made = postgres::open_state_store(document("state.postgresql", std::move(metadata), version));
    return made ? "none" : made.error().message;
  };
  EXPECT_EQ(error_of({{"url", ""}}), "missing connection string");
  EXPECT_EQ(error_of({{"url", "what"}}), "failed to parse connection string: expected name=value at character 4");
  EXPECT_EQ(error_of({{"tableName", "a;b"}}), "invalid identifier: a;b");
  EXPECT_EQ(error_of({{"timeout", "0"}}), "invalid value for 'timeout': must be greater than 1s");
  EXPECT_EQ(error_of({{"useAzureAD", "true"}}), "metadata useAzureAD: there is no Azure AD here");
  EXPECT_EQ(error_of({{"useAWSIAM", "true"}}), "metadata useAWSIAM: there is no AWS IAM here");
  EXPECT_EQ(error_of({}, "v3"), "there is no version v3 of it");
  EXPECT_EQ(error_of({}), "failed to connect to the database: connection to server at \"127.0.0.1\", port 1 failed: Connection refused");
}

}  // namespace
}  // namespace holdfast::testing
