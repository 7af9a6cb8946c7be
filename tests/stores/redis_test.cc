// state.redis beside the contract: the layout of daprd, servers that go and come back, and what it refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <atomic>
#include <map>
#include <thread>

#include "asking.h"
#include "redis/state_store.h"
#include "server.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RedisStore : public ::testing::Test {
 protected:
  void SetUp() override {
    if (RedisServer::program().empty()) GTEST_SKIP() << "no redis-server is installed";
    server_ = std::make_unique<RedisServer>(std::vector<std::string>{"--requirepass", "secret"});
    store_ = open();
  }
  [[nodiscard]] std::unique_ptr<StateStore> open(std::vector<std::pair<std::string, std::string>> more = {}) {
    // A server is back in less than a second; the first that is found counts.
    more.insert(more.begin(), {{"redisHost", server_->address()}, {"redisPassword", "secret"}, {"redisMaxRetryInterval", "20ms"}, {"maxRetries", "100"}});
    auto made = redis::open_state_store(document("state.redis", std::move(more)));
    EXPECT_TRUE(made) << made.error().message;
    return made ? *std::move(made) : nullptr;
  }
  // As another client; elements with spaces between them.
  std::string ask(const std::vector<std::string>& command) {
    redisContext* context = redisConnect("127.0.0.1", server_->process().port());
    freeReplyObject(redisCommand(context, "AUTH secret"));
    std::vector<const char*> words;
    for (const auto& word : command) words.push_back(word.c_str());
    auto* reply = static_cast<redisReply*>(redisCommandArgv(context, static_cast<int>(words.size()), words.data(), nullptr));
    const std::function<std::string(const redisReply&)> show = [&](const redisReply& one) {
      if (one.type == REDIS_REPLY_INTEGER) return std::to_string(one.integer);
      if (one.type != REDIS_REPLY_ARRAY) return std::string(one.str == nullptr ? "nil" : one.str);
      std::string out;
      for (std::size_t i = 0; i < one.elements; ++i) out += (i == 0 ? "" : " ") + show(*one.element[i]);
      return out;
    };
    const std::string text = reply == nullptr ? "lost" : show(*reply);
    freeReplyObject(reply);
    redisFree(context);
    return text;
  }
  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<StateStore> store_;
};

TEST_F(RedisStore, TheLayoutIsThatOfDaprd) {
  ASSERT_THAT(change(*store_, set("app||k", "1")), Ok());
  ASSERT_THAT(change(*store_, set("app||k", "2")), Ok());
  EXPECT_EQ(ask({"HGETALL", "app||k"}), "data 2 version 2");
  EXPECT_EQ(ask({"TTL", "app||k"}), "-1");
  ASSERT_THAT(change(*store_, with_ttl(first(set("app||f", "1")), 100)), Ok());
  EXPECT_EQ(ask({"HGETALL", "app||f"}), "data 1 first-write 0 version 1");
  EXPECT_EQ(ask({"TTL", "app||f"}), "100");
  EXPECT_EQ((*get(*store_, "app||k"))->etag, "2");
}

TEST_F(RedisStore, WhatDaprdWroteIsRead) {
  ask({"HSET", "app||k", "data", "{\"a\":1}", "version", "41", "first-write", "0"});
  ask({"SET", "app||old", "old"});
  ask({"HSET", "app||half", "data", "1"});
  EXPECT_EQ((*get(*store_, "app||k"))->etag, "41");
  EXPECT_THAT(change(*store_, set("app||k", "2", "41")), Ok());
  EXPECT_EQ(ask({"HGET", "app||k", "version"}), "42");
  const auto found = get_all(*store_, {"app||old", "app||k", "app||half"});
  EXPECT_EQ((*found[0])->value, "old");
  EXPECT_EQ((*found[1])->value, "2");
  ASSERT_FALSE(found[2]);
  EXPECT_EQ(found[2].error().message, "required hash field 'data' or 'version' was not found");
  EXPECT_THAT(change(*store_, set("app||old", "new")), Ok());
  EXPECT_EQ(ask({"HGETALL", "app||old"}), "data new version 1");
}

TEST_F(RedisStore, AnEtagIsANumber) {
  const auto outcome = change(*store_, set("k", "1", "x1"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, StoreError::Kind::EtagInvalid);
  EXPECT_EQ(outcome.error().message, "strconv.Atoi: parsing \"x1\": invalid syntax");
  EXPECT_THAT(change(*store_, remove("k", "x1")), Mismatches());
}

TEST_F(RedisStore, AComponentHasATimeToLiveForWhatComesWithoutOne) {
  auto store = open({{"ttlInSeconds", "50"}, {"redisDB", "3"}});
  ASSERT_THAT(change(*store, set("k", "1")), Ok());
  ASSERT_THAT(change(*store, with_ttl(set("own", "1"), 100)), Ok());
  ASSERT_THAT(change(*store, with_ttl(set("stays", "1"), -1)), Ok());
  EXPECT_TRUE((*get(*store, "k"))->expires_at);
  EXPECT_FALSE((*get(*store, "stays"))->expires_at);
  EXPECT_EQ(value_of(*store_, "k"), "nothing") << "another database";
}

TEST_F(RedisStore, AServerThatForgotTheScriptIsToldAgain) {
  ASSERT_THAT(change(*store_, set("k", "1")), Ok());
  ask({"SCRIPT", "FLUSH"});
  EXPECT_THAT(change(*store_, set("k", "2")), Ok());
  EXPECT_EQ(value_of(*store_, "k"), "2");
}

TEST_F(RedisStore, ConnectionsThatEndedWhileNobodyUsedThemAreNoError) {
  ASSERT_THAT(change(*store_, set("k", "1")), Ok());
  server_->process().kill();
  server_->process().start();
  EXPECT_THAT(change(*store_, set("k", "2")), Ok());
  EXPECT_EQ(value_of(*store_, "k"), "2");
}

TEST_F(RedisStore, AServerThatIsNotThereIsAnErrorInWords) {
  auto store = open({{"redisMaxRetries", "0"}});
  server_->process().kill();
  EXPECT_THAT(value_of(*store, "k"), StartsWith("error: error connecting to redis at " + server_->address() + ": "));
  const auto outcome = change(*store, set("k", "1"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, StoreError::Kind::Failed);
}

TEST_F(RedisStore, WhatWasAnsweredIsThereWhenTheServerIsKilledUnderLoad) {
  constexpr int kWriters = 4;
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  std::vector<int> last(kWriters, 0);
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i)
    writers.emplace_back([&, i] {
      for (int n = 1; !stop; ++n)
        if (change(*store_, set("w" + std::to_string(i), std::to_string(n)))) {
          last[static_cast<std::size_t>(i)] = n;
          ++answered;
        }
    });
  for (int round = 0; round < 3; ++round) {
    const int before = answered;
    EXPECT_TRUE(eventually([&] { return answered > before + 50; }));
    server_->process().kill();
    server_->process().start();
  }
  const int before = answered;
  EXPECT_TRUE(eventually([&] { return answered > before + 50; }));
  stop = true;
  for (auto& writer : writers) writer.join();
  for (int i = 0; i < kWriters; ++i) EXPECT_GE(std::stoi(value_of(*store_, "w" + std::to_string(i))), last[static_cast<std::size_t>(i)]);
}

TEST_F(RedisStore, AWrongPasswordIsAnErrorAtTheStart) {
  auto made = redis::open_state_store(document("state.redis", {{"redisHost", server_->address()}, {"redisPassword", "wrong"}}));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("WRONGPASS"));
  EXPECT_TRUE(redis::open_state_store(document("state.redis", {{"redisHost", server_->address()}, {"redisUsername", "default"}, {"redisPassword", "secret"}})));
}

TEST(RedisSettings, WhatIsWrongOrNotHereIsNamed) {
  const auto error_of = [](std::vector<std::pair<std::string, std::string>> metadata) {
    if (metadata.empty() || metadata.front().first != "redisHost") metadata.insert(metadata.begin(), {"redisHost", "127.0.0.1:1"});
    auto made = redis::open_state_store(document("state.redis", std::move(metadata)));
    return made ? "none" : made.error().message;
  };
  EXPECT_EQ(error_of({{"redisHost", ""}}), "metadata redisHost is missing");
  EXPECT_EQ(error_of({{"redisHost", "a:1,b:2"}}), "metadata redisHost: expected one host:port, got 'a:1,b:2'");
  EXPECT_EQ(error_of({{"redisHost", "a:b"}}), "metadata redisHost: expected one host:port, got 'a:b'");
  EXPECT_EQ(error_of({{"redisType", "cluster"}}), "metadata redisType: there is only 'node' here, got 'cluster'");
  EXPECT_EQ(error_of({{"failover", "true"}}), "metadata failover: there is no Redis Sentinel here");
  EXPECT_EQ(error_of({{"enableTLS", "true"}}), "metadata enableTLS: there is no TLS to Redis here");
  EXPECT_THAT(error_of({}), HasSubstr("error connecting to redis at 127.0.0.1:1: Connection refused"));
}

}  // namespace
}  // namespace holdfast::testing
