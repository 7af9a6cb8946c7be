#include "api/inspect_json.h"

#include <gtest/gtest.h>

#include "api/json_writer.h"
#include "api/values_json.h"

namespace holdfast::api {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.begin_object().key("a").number(1).key("b").begin_array().string("x\"\n").begin_object().end_object().begin_array().end_array();
  json.boolean(true).end_array().key("c").raw("null").end_object();
  EXPECT_EQ(json.take(), R"({"a":1,"b":["x\"\n",{},[],true],"c":null})");
}

TEST(InspectJson, RecordsShowWhatTheyHaveAndNothingElse) {
  JsonWriter plain;
  write_record(plain, 7, {.key = {}, .value = {"a/json", R"({ "n": 1 })"}, .source = {}, .error = {}, .traceparent = {}, .time = {1}});
  EXPECT_EQ(plain.take(), R"({"position":7,"time":"1970-01-01T00:00:00.001Z","type":"a/json","value":{"n":1}})");

  JsonWriter full;
  write_record(full, 0, {.key = "\xff", .value = {"a/b", "\xfe\xff"}, .source = "a/f/x", .error = "why", .traceparent = "t", .time = {0}});
  EXPECT_EQ(full.take(),
            R"({"position":0,"time":"1970-01-01T00:00:00.000Z","key_base64":"/w==","type":"a/b","value_base64":"/v8=",)"
            R"("source":"a/f/x","traceparent":"t","error":"why"})");
}

TEST(InspectJson, StatesAreShownDecoded) {
  runtime::StateInfo info{.address = {"shop/cart", "al"}, .entries = {}};
  info.entries.push_back({"count", {std::string(model::kIntType), std::string("\x0d\x07\0\0\0", 5)}, {}});
  info.entries.push_back({"name", {std::string(model::kStringType), "\x0a\x02" "al"}, {5}});
  EXPECT_EQ(state_json(info),
            R"({"type":"shop/cart","id":"al","states":[{"name":"count","type":"io.statefun.types/int","value":7},)"
            R"({"name":"name","type":"io.statefun.types/string","value":"al","expires_at":"1970-01-01T00:00:00.005Z"}]})");
}

TEST(InspectJson, ParkedWorkShowsItsMessagesAndWhoSentThem) {
  runtime::ParkedInfo info{.address = {"a/f", "x"}, .parked = {"no \"luck\"", {0}, 2, 3}, .mailbox = 5, .batch = {}};
  info.batch.push_back({.target = {"a/f", "x"}, .caller = model::Address{"a/g", "y"}, .argument = {"t/raw", "hi"}, .traceparent = {}});
  EXPECT_EQ(parked_json({{info}, {}}),
            R"({"parked":[{"type":"a/f","id":"x","reason":"no \"luck\"","since":"1970-01-01T00:00:00.000Z","attempts":3,"batch":2,)"
            R"("mailbox":5,"messages":[{"type":"t/raw","value":"hi","caller":{"type":"a/g","id":"y"}}]}]})");
}

TEST(InspectJson, AListThatGoesOnSaysWhere) {
  EXPECT_EQ(streams_json({{}, "\xff\xfe"}), R"({"streams":[],"next":"__4"})");
}

TEST(InspectJson, EmptyListsAreLists) {
  EXPECT_EQ(addresses_json({}), R"({"addresses":[]})");
  EXPECT_EQ(timers_json({}), R"({"timers":[]})");
  EXPECT_EQ(streams_json({{{"a/b/t", {.first = 2, .next = 5, .bytes = 9, .trim_armed = {}}}}, {}}),
            R"({"streams":[{"name":"a/b/t","first":2,"next":5,"records":3,"bytes":9}]})");
}

}  // namespace
}  // namespace holdfast::api
