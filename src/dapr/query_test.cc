#include "dapr/query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "dapr/memory_store.h"
#include "dapr/state.h"

namespace holdfast::dapr {
namespace {

// Whether the value matches a filter.
bool matches(std::string_view filter, std::string_view value) {
  const std::string text = "{\"filter\":" + std::string(filter) + "}";
  const auto query = codec::dapr::parse_query(text);
  EXPECT_TRUE(query) << text;
  const auto prepared = PreparedQuery::prepare(*query);
  EXPECT_TRUE(prepared) << prepared.error().message;
  return prepared->match("k", value).has_value();
}

std::string refusal(std::string_view text) {
  const auto query = codec::dapr::parse_query(text);
  EXPECT_TRUE(query) << text;
  const auto prepared = PreparedQuery::prepare(*query);
  return prepared ? "" : prepared.error().message;
}

TEST(PreparedQuery, ComparesByType) {
  constexpr std::string_view kValue = R"({"n":7,"big":9007199254740993,"f":1.50,"s":"m","t":true,"z":null,"l":[1],"o":{"in":{"x":"y"}}})";
  for (const auto* filter : {R"({"EQ":{"n":7}})", R"({"EQ":{"n":7.0}})", R"({"NEQ":{"n":"7"}})", R"({"EQ":{"big":9007199254740993}})", R"({"NEQ":{"big":9007199254740992}})",
                             R"({"GT":{"big":9007199254740992}})", R"({"EQ":{"f":15e-1}})", R"({"GT":{"s":"l"}})", R"({"LTE":{"s":"m"}})", R"({"EQ":{"t":true}})",
                             R"({"GT":{"t":false}})", R"({"EQ":{"z":null}})", R"({"EQ":{"missing":null}})", R"({"NEQ":{"missing":1}})", R"({"NEQ":{"l":1}})",
                             R"({"EQ":{"o.in.x":"y"}})", R"({"IN":{"n":[1,"a",7]}})", R"({"AND":[{"EQ":{"n":7}},{"LT":{"f":2}}]})", R"({"OR":[{"EQ":{"n":8}},{"GTE":{"n":7}}]})", "{}"})
    EXPECT_TRUE(matches(filter, kValue)) << filter;
  for (const auto* filter : {R"({"EQ":{"n":8}})", R"({"EQ":{"n":"7"}})", R"({"GT":{"n":"1"}})", R"({"LT":{"n":"1"}})", R"({"GT":{"n":7}})", R"({"GT":{"missing":0}})", R"({"LTE":{"z":null}})",
                             R"({"EQ":{"l.0":1}})", R"({"EQ":{"o.in.x.y":1}})", R"({"IN":{"n":["7"]}})", R"({"AND":[{"EQ":{"n":7}},{"EQ":{"n":8}}]})", R"({"OR":[{"EQ":{"n":8}},{"LT":{"n":7}}]})"})
    EXPECT_FALSE(matches(filter, kValue)) << filter;
}

TEST(PreparedQuery, WhatIsNoJsonMatchesNoFilter) {
  EXPECT_FALSE(matches(R"({"NEQ":{"a":1}})", "text"));
  EXPECT_FALSE(matches(R"({"NEQ":{"a":1}})", ""));
  EXPECT_TRUE(matches(R"({"NEQ":{"a":1}})", "\"text\""));
  EXPECT_TRUE(matches("{}", "text"));
}

TEST(PreparedQuery, RefusesWhatThereIsNot) {
  EXPECT_EQ(refusal(R"({"filter":{"IN":{"a":[]}}})"), R"(empty IN operator for key "a")");
  EXPECT_NE(refusal(R"({"filter":{"EQ":{"a":[1]}}})").find("compares with a list or an object"), std::string::npos);
  EXPECT_NE(refusal(R"({"sort":[{"key":"a","order":"UP"}]})").find(R"("a" is "UP"; expected ASC or DESC)"), std::string::npos);
  EXPECT_NE(refusal(R"({"page":{"token":"3"}})").find("the token is none"), std::string::npos);
  EXPECT_NE(refusal(R"({"filter":{"EQ":{")" + std::string(200, '.') + R"(":1}}})").find("more than 64 names"), std::string::npos);
  std::string many = R"({"filter":{"IN":{"a":[0)";
  for (std::size_t i = 0; i < kQueryValuesMax; ++i) many += ",1";
  EXPECT_NE(refusal(many + "]}}}").find("more than 1000 filters"), std::string::npos);
}

TEST(PreparedQuery, TokensAreReadAsTheyWereWritten) {
  QueryPlace place{{{}, {QueryValue::Kind::Number, 1.5, "1.50"}, {QueryValue::Kind::String, 0, "a\"\xc3\xbc"}, {QueryValue::Kind::Other, 0, {}}}, "key/\xff"};
  const auto token = PreparedQuery::token_of(place);
  EXPECT_EQ(token.find_first_of("+/=&"), std::string::npos);
  const auto back = PreparedQuery::place_of(token, 4);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, place.key);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(back->values[i].kind, place.values[i].kind);
    EXPECT_EQ(back->values[i].text, place.values[i].text);
  }
  for (const auto* other : {"", "!", "e30", "W10", "WzFd", "WyIhIl0"}) EXPECT_FALSE(PreparedQuery::place_of(other, 0)) << other;
  EXPECT_FALSE(PreparedQuery::place_of(token, 3));
}

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Moment steady() const override { return {now_.unix_ms}; }
  void advance(Duration time) { now_ = now_ + time; }

 private:
  Instant now_{1'700'000'000'000};
};

// Tasks in their order, when it is told to.
class FakeLoop final : public Loop {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId after(Duration, Task) override { return 1; }
  void cancel(TimerId) override {}
  [[nodiscard]] bool is_current() const override { return false; }
  std::size_t run() {
    std::size_t turns = 0;
    for (; !tasks_.empty(); ++turns) {
      const Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
    return turns;
  }

 private:
  std::deque<Task> tasks_;
};

class StateWalkTest : public testing::Test {
 protected:
  States make(WalkBounds bounds = {}) {
    std::vector<StateComponent> components;
    for (const auto* prefix : {"", "none"}) {
      auto store = std::make_unique<MemoryStore>(clock_);
      stores_.push_back(store.get());
      components.push_back({*prefix == 0 ? "mem" : "bare", *KeyPrefix::create(prefix, "mem", "shop", ""), std::move(store)});
    }
    return {"shop", std::move(components), {&loop_}, bounds};
  }
  void put(const std::string& key, const std::string& value, std::int64_t ttl = 0, std::size_t store = 0) {
    stores_[stores_.size() - 2 + store]->change({.key = key, .value = value, .ttl_seconds = ttl}, [](auto outcome) { EXPECT_TRUE(outcome); });
  }
  DaprResult<StateMatches> query(std::string_view text, std::string_view store = "mem") {
    std::optional<DaprResult<StateMatches>> out;
    states.query(**states.find_queryable(store), std::string(text), [&out](auto found) { out = std::move(found); });
    turns_ = loop_.run();
    return *out;
  }
  DaprResult<StateMatches> keys(std::string prefix, std::int64_t limit = 100, std::string token = "", std::string_view store = "mem") {
    std::optional<DaprResult<StateMatches>> out;
    states.list_keys(**states.find_queryable(store), {std::move(prefix), limit, std::move(token)}, [&out](auto found) { out = std::move(found); });
    loop_.run();
    return *out;
  }
  static std::string names(const DaprResult<StateMatches>& found) {
    if (!found) return found.error().message;
    std::string out;
    for (const auto& item : found->items) out += item.key + " ";
    return out;
  }

  FakeClock clock_;
  FakeLoop loop_;
  std::vector<MemoryStore*> stores_;
  States states = make();
  std::size_t turns_ = 0;
};

TEST_F(StateWalkTest, FindsThisApplicationsItemsAlone) {
  put("shop||a", R"({"n":1})");
  put("shop||b", R"({"n":2})");
  put("shop||a||b", R"({"n":2})");
  put("shop", R"({"n":2})");
  put("shoq||b", R"({"n":2})");
  put("shop||late", R"({"n":2})", 10);
  EXPECT_EQ(names(query(R"({"filter":{"EQ":{"n":2}}})")), "b late ");
  clock_.advance({10'000});
  const auto found = query(R"({"filter":{"EQ":{"n":2}}})");
  EXPECT_EQ(names(found), "b ");
  EXPECT_EQ(found->items[0].value, R"({"n":2})");
  EXPECT_FALSE(found->items[0].etag.empty());
  EXPECT_EQ(found->token, "");
  put("a", "1", 0, 1);
  put("shop||a", "1", 0, 1);
  EXPECT_EQ(names(query("{}", "bare")), "a ");
}

TEST_F(StateWalkTest, SortsByTypesAndThenByKey) {
  const std::vector<std::string> values = {R"({"a":[]})", R"({"a":"b"})", R"({"a":2})", "no json", R"({"a":10})", R"({"a":true})", R"({})", R"({"a":"a"})", R"({"a":false})"};
  for (std::size_t i = 0; i < values.size(); ++i) put("shop||" + std::to_string(i), values[i]);
  EXPECT_EQ(names(query(R"({"sort":[{"key":"a"}]})")), "3 6 8 5 2 4 7 1 0 ");
  EXPECT_EQ(names(query(R"({"sort":[{"key":"a","order":"DESC"}]})")), "0 1 7 4 2 5 8 3 6 ");
}

// Against all of them, sorted.
TEST_F(StateWalkTest, PagesTogetherAreTheWhole) {
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time.
  std::vector<std::tuple<int, int, std::string>> all;
  for (int i = 0; i < 700; ++i) {
    const int a = static_cast<int>(random() % 5), b = static_cast<int>(random() % 9);
    const std::string key = "k" + std::to_string(random() % 100'000);
    put("shop||" + key, "{\"a\":" + std::to_string(a) + ",\"b\":{\"c\":" + std::to_string(b) + "}}");
    std::erase_if(all, [&](const auto& one) { return std::get<2>(one) == key; });
    all.emplace_back(a, -b, key);
  }
  const auto pages = [this](const std::string& rest, std::size_t limit) {
    std::vector<std::string> out;
    std::string token;
    do {
      const auto found = query("{" + rest + "\"page\":{\"limit\":" + std::to_string(limit) + ",\"token\":\"" + token + "\"}}");
      EXPECT_TRUE(found) << found.error().message;
      if (!found) break;
      EXPECT_LE(found->items.size(), limit);
      EXPECT_FALSE(found->items.empty());
      for (const auto& item : found->items) out.push_back(item.key);
      token = found->token;
    } while (!token.empty());
    return out;
  };
  std::ranges::sort(all);
  std::vector<std::string> sorted;
  for (const auto& one : all) sorted.push_back(std::get<2>(one));
  for (const std::size_t limit : {1, 7, 350, 5'000}) EXPECT_EQ(pages(R"("sort":[{"key":"a"},{"key":"b.c","order":"desc"}],)", limit), sorted) << limit;
  std::vector<std::string> by_key = sorted;
  std::ranges::sort(by_key);
  for (const std::size_t limit : {1, 200, 5'000}) EXPECT_EQ(pages("", limit), by_key) << limit;
  EXPECT_GT(turns_, 3U);  // No turn looks at all of them.
}

TEST_F(StateWalkTest, ListsKeysPageByPage) {
  for (const auto* key : {"a/1", "a/2", "a/3", "b"}) put(std::string("shop||") + key, "1");
  put("shop||a/2||x", "1");
  const auto first = keys("a/", 2);
  EXPECT_EQ(names(first), "a/1 a/2 ");
  const auto second = keys("a/", 2, first->token);
  EXPECT_EQ(names(second), "a/3 ");
  EXPECT_EQ(second->token, "");
  EXPECT_EQ(names(keys("")), "a/1 a/2 a/3 b ");
  EXPECT_EQ(names(keys("c")), "");
  EXPECT_EQ(names(keys("", 100, keys("a/", 1)->token)), "a/2 a/3 b ");
  EXPECT_EQ(keys("", 0).error().message, "invalid request: limit=0, expected 1 to 1000");
  EXPECT_EQ(keys("", 1'001).error().http_status, 400);
  EXPECT_EQ(keys("", 1, "!").error().http_status, 400);
  EXPECT_EQ(keys("a||").error().http_status, 400);
}

TEST_F(StateWalkTest, DeletesByPrefix) {
  for (const auto* key : {"shop||a/1", "shop||a/2", "shop||b", "shoq||a/1"}) put(key, "1");
  const auto remove = [this](std::string_view store, std::string_view prefix) {
    DaprResult<std::uint64_t> out;
    states.remove_with_prefix(**states.find(store), prefix, [&out](auto count) { out = std::move(count); });
    return out;
  };
  EXPECT_EQ(*remove("mem", "a/"), 2U);
  EXPECT_EQ(*remove("mem", "a/"), 0U);
  EXPECT_EQ(names(keys("")), "b ");
  EXPECT_EQ(remove("bare", "s").error().http_status, 400);
  EXPECT_EQ(remove("mem", "a||").error().http_status, 400);
}

TEST_F(StateWalkTest, WhatIsTooMuchIsRefused) {
  states = make({.items = 10, .bytes = 2'000, .walks = 1, .keys = 5});
  for (int i = 0; i < 11; ++i) put("shop||" + std::to_string(i), "1");
  EXPECT_NE(names(query(R"({"filter":{"EQ":{"a":1}}})")).find("more than 10 items would have to be looked at"), std::string::npos);
  EXPECT_NE(names(query("{}")).find("more than 2000 bytes; ask for less at once (page.limit)"), std::string::npos);
  EXPECT_EQ(names(query(R"({"page":{"limit":2}})")), "0 1 ");
  std::vector<std::string> answers;
  for (int i = 0; i < 2; ++i)
    states.query(**states.find_queryable("mem"), R"({"page":{"limit":1}})", [&answers](auto found) { answers.push_back(names(found)); });
  EXPECT_NE(answers.at(0).find("1 queries are under way already"), std::string::npos);
  loop_.run();
  EXPECT_EQ(answers.at(1), "0 ");
  EXPECT_EQ(names(query(R"({"page":{"limit":1}})")), "0 ");  // Whoever has ended makes room.
}

TEST_F(StateWalkTest, ErrorsAreDaprs) {
  EXPECT_EQ(query("{").error().message, "state store mem query failed: failed to parse JSON query body: unexpected end of JSON input");
  EXPECT_EQ(query("{").error().code, "ERR_STATE_QUERY");
  EXPECT_EQ(states.find_queryable("other").error().code, "ERR_STATE_STORE_NOT_FOUND");
  EXPECT_FALSE(states.find_queryable("other").error().metadata);
}

}  // namespace
}  // namespace holdfast::dapr
