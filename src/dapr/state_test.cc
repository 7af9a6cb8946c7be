#include "dapr/state.h"

#include <gtest/gtest.h>

#include "dapr/memory_store.h"

namespace holdfast::dapr {
namespace {

using Kind = StateChange::Kind;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Moment steady() const override { return {now_.unix_ms}; }
  void advance(Duration time) { now_ = now_ + time; }

 private:
  Instant now_{1'700'000'000'000};
};

// A store in memory answers at once.
class StatesTest : public testing::Test {
 protected:
  States make(std::string_view prefix = "") {
    std::vector<StateComponent> components;
    components.push_back({"mem", *KeyPrefix::create(prefix, "mem", "shop", "prod"), std::make_unique<MemoryStore>(clock_)});
    return {"shop", std::move(components)};
  }
  const StateComponent& mem() { return **states.find("mem"); }
  DaprResult<std::optional<StateValue>> get(std::string_view key) {
    DaprResult<std::optional<StateValue>> out;
    states.get(mem(), key, [&out](auto found) { out = std::move(found); });
    return out;
  }
  DaprResult<void> save(std::vector<StateRequest> requests) {
    DaprResult<void> out;
    states.save(mem(), std::move(requests), [&out](auto outcome) { out = std::move(outcome); });
    return out;
  }
  DaprResult<void> transact(std::vector<StateRequest> requests) {
    DaprResult<void> out;
    states.transact(mem(), std::move(requests), [&out](auto outcome) { out = std::move(outcome); });
    return out;
  }
  static StateRequest put(std::string key, std::string value) { return {.kind = Kind::Set, .key = std::move(key), .value = std::move(value)}; }
  static StateRequest gone(std::string key) { return {.kind = Kind::Delete, .key = std::move(key)}; }

  FakeClock clock_;
  States states = make();
};

TEST_F(StatesTest, PrefixesAreDaprs) {
  const auto prefix = [](std::string_view strategy, const std::string& name_space) { return KeyPrefix::create(strategy, "mem", "shop", name_space)->add("k"); };
  EXPECT_EQ(prefix("", "prod"), "shop||k");
  EXPECT_EQ(prefix("appID", "prod"), "shop||k");
  EXPECT_EQ(prefix("namespace", "prod"), "prod.shop||k");
  EXPECT_EQ(prefix("namespace", ""), "shop||k");
  EXPECT_EQ(prefix("name", ""), "mem||k");
  EXPECT_EQ(prefix("none", ""), "k");
  EXPECT_EQ(prefix("Mine", ""), "mine||k");
  EXPECT_FALSE(KeyPrefix::create("a||b", "mem", "shop", ""));
}

TEST_F(StatesTest, AStoreThatThereIsNot) {
  EXPECT_EQ(states.find("other").error().code, "ERR_STATE_STORE_NOT_FOUND");
  EXPECT_EQ((States{"shop", {}}.find("mem").error().code), "ERR_STATE_STORE_NOT_CONFIGURED");
}

TEST_F(StatesTest, ConditionsAreKept) {
  ASSERT_TRUE(save({put("k", "1")}));
  const std::string first = (*get("k"))->etag;
  auto with_etag = put("k", "2");
  with_etag.etag = first;
  ASSERT_TRUE(save({with_etag}));
  EXPECT_EQ(save({with_etag}).error().http_status, 409);
  EXPECT_EQ((*get("k"))->value, "2");
  auto only_new = put("k", "3");
  only_new.concurrency = "first-write";
  EXPECT_EQ(save({only_new}).error().code, "ERR_STATE_SAVE");
  auto of_none = put("none", "1");
  of_none.etag = first;
  EXPECT_FALSE(save({of_none}));
  EXPECT_FALSE(*get("none"));
}

TEST_F(StatesTest, OfSeveralThatAreSavedOthersStay) {
  auto wrong = put("b", "2");
  wrong.etag = "x";
  EXPECT_FALSE(save({put("a", "1"), wrong, put("c", "3")}));
  EXPECT_TRUE(*get("a"));
  EXPECT_FALSE(*get("b"));
  EXPECT_TRUE(*get("c"));
}

TEST_F(StatesTest, ATransactionIsAllOrNothing) {
  ASSERT_TRUE(save({put("a", "1")}));
  auto wrong = put("c", "3");
  wrong.etag = "x";
  EXPECT_EQ(transact({gone("a"), put("b", "2"), wrong}).error().code, "ERR_STATE_TRANSACTION");
  EXPECT_TRUE(*get("a"));
  EXPECT_FALSE(*get("b"));
  ASSERT_TRUE(transact({gone("a"), put("b", "2"), put("b", "3")}));
  EXPECT_FALSE(*get("a"));
  EXPECT_EQ((*get("b"))->value, "3");
}

TEST_F(StatesTest, TimesToLive) {
  auto short_lived = put("k", "1");
  short_lived.metadata["ttlInSeconds"] = "10";
  ASSERT_TRUE(save({short_lived}));
  EXPECT_EQ((*get("k"))->metadata.at("ttlExpireTime"), "2023-11-14T22:13:30Z");
  clock_.advance({9'999});
  EXPECT_TRUE(*get("k"));
  clock_.advance({1});
  EXPECT_FALSE(*get("k"));
  auto first = put("k", "2");  // What is past its time is not there.
  first.concurrency = "first-write";
  ASSERT_TRUE(save({first}));
  EXPECT_TRUE((*get("k"))->metadata.empty());
  for (const char* ttl : {"soon", "1.5", "99999999999999999999"}) {
    short_lived.metadata["ttlInSeconds"] = ttl;
    EXPECT_EQ(save({short_lived}).error().http_status, 500) << ttl;
  }
}

TEST_F(StatesTest, WordsThatAreNone) {
  auto request = put("k", "1");
  request.concurrency = "no-write";
  EXPECT_NE(save({request}).error().message.find("unrecognized concurrency model 'no-write'"), std::string::npos);
  request.concurrency = "";
  request.consistency = "weak";
  EXPECT_NE(save({request}).error().message.find("unrecognized consistency model 'weak'"), std::string::npos);
  EXPECT_EQ(save({put("a||b", "1")}).error().http_status, 400);
  EXPECT_EQ(get("a||b").error().http_status, 400);
}

}  // namespace
}  // namespace holdfast::dapr
