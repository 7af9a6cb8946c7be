#include "cli/json.h"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

TEST(Json, GivesMembersAndPassesOnWhatIsWritten) {
  const auto json = Json::parse(R"( {"a": {"b": [1, 2.50, "x\u00fc\ud83d\ude00\n"]}, "t": true, "n": null} )");
  ASSERT_TRUE(json.has_value());
  const Json& list = (*json)["a"]["b"];
  ASSERT_EQ(list.items().size(), 3u);
  EXPECT_EQ(list.items()[0].number(), 1);
  EXPECT_EQ(list.items()[1].text(), "2.50");
  EXPECT_EQ(list.items()[2].text(), "xü😀\n");
  EXPECT_EQ((*json)["a"].raw(), R"({"b": [1, 2.50, "x\u00fc\ud83d\ude00\n"]})");
  EXPECT_TRUE((*json)["t"].is_true());
  EXPECT_TRUE((*json)["n"].is_null());
  EXPECT_TRUE((*json)["absent"]["deeper"].is_null());
  EXPECT_EQ((*json)["absent"].text(), "");
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* wrong : {"", "{", "[1,]", "{\"a\" 1}", "tru", "01", "1.", "\"\\x\"", "\"\\ud800\"", "\"a", "1 2", "{1:2}", "\"\t\"", "-", "nul"}) {
    EXPECT_FALSE(Json::parse(wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(Json::parse(std::string(100'000, '[')).has_value()) << "too deep";
}

TEST(Json, ATreeOutlivesTheResultItCameIn) {
  Json kept;
  {
    auto json = Json::parse(R"({"a":[{"b":"long enough not to be kept inside a small string object"}]})");
    kept = *std::move(json);
  }
  EXPECT_EQ(kept["a"].items()[0].raw(), R"({"b":"long enough not to be kept inside a small string object"})");
}

}  // namespace
}  // namespace holdfast::cli
