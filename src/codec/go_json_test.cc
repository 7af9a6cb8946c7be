// Which texts are refused and with which words: dapr_json_test.cc.
#include "codec/go_json.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::codec {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_go_string(out, text);
  return out;
}

TEST(GoJson, StringsAreQuotedAsGoDoesIt) {
  EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quoted("<a>&"), R"("\u003ca\u003e\u0026")");
  EXPECT_EQ(quoted(std::string_view("\b\f\n\r\t\0\x1f\x7f", 8)), "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"");
  EXPECT_EQ(quoted("\u00e9\u2028\u2029\U0001f600"), "\"\u00e9\\u2028\\u2029\U0001f600\"");
  EXPECT_EQ(quoted("a\xff\xc3z"), R"("a\ufffd\ufffdz")");
}

TEST(GoJson, TextsInMessagesAreQuotedAsGoDoesIt) {
  EXPECT_EQ(go_quote("a\"b'\\<"), R"("a\"b'\\<")");
  EXPECT_EQ(go_quote("\a\n\x01\x7f\u00e9\u00a0\xff"), R"("\a\n\x01\x7fé\u00a0\xff")");
}

std::string unquoted(std::string_view text) {
  EXPECT_TRUE(check_go_json(text).has_value()) << text;
  return GoJson(text).string();
}

TEST(GoJson, EscapesAreTheirCharactersAndHalvesOfPairsAreNone) {
  EXPECT_EQ(unquoted(R"("\b\f\n\r\t\/\\\"\u00e9\u0041")"), "\b\f\n\r\t/\\\"\u00e9A");
  EXPECT_EQ(unquoted(R"("\ud83d\ude00")"), "\U0001f600");
  EXPECT_EQ(unquoted(R"("\ud83dx")"), "\ufffdx");
  EXPECT_EQ(unquoted(R"("\ud83d\u0041")"), "\ufffdA");
  EXPECT_EQ(unquoted(R"("\ude00\ud83d")"), "\ufffd\ufffd");
  EXPECT_EQ(unquoted(R"("\ud83d\n")"), "\ufffd\n");
}

TEST(GoJson, ARawValueEndsWhereItEnds) {
  const std::string_view text = R"( { "a" : [ "]}" , {"b":"\"]"} ] , "c":-1.5e3 , "d" :true,"e":null } )";
  ASSERT_TRUE(check_go_json(text).has_value());
  std::string seen;
  GoJson in(text);
  ASSERT_EQ(in.kind(), GoJson::Kind::Object);
  in.members([&](const std::string& name) { seen += name + "=" + std::string(in.raw()) + ";"; });
  EXPECT_EQ(seen, R"(a=[ "]}" , {"b":"\"]"} ];c=-1.5e3;d=true;e=null;)");
}

TEST(GoJson, DepthHasABound) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(check_go_json(nested(kGoJsonDepthMax)).has_value());
  EXPECT_EQ(check_go_json(nested(kGoJsonDepthMax + 1)).error().message, "invalid character '[' exceeded max depth");
  const std::string deep = nested(kGoJsonDepthMax);
  EXPECT_EQ(GoJson(deep).raw(), deep);
}

TEST(GoJson, NamesMatchWithoutRegardToCase) {
  EXPECT_TRUE(same_name("eTaG", "etag"));
  EXPECT_FALSE(same_name("etags", "etag"));
  EXPECT_FALSE(same_name("e[ag", "e{ag"));
}

}  // namespace
}  // namespace holdfast::codec
