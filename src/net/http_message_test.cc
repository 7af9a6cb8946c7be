#include "net/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

TEST(HeaderList, NamesCompareWithoutCaseAndTheFirstFieldIsFound) {
  HeaderList list{{"Content-Type", "a"}, {"content-type", "b"}, {"X", ""}};
  EXPECT_EQ(list.get("CONTENT-TYPE"), "a");
  EXPECT_EQ(list.count("content-Type"), 2u);
  EXPECT_TRUE(list.contains("x"));
  EXPECT_FALSE(list.contains("y"));
  EXPECT_EQ(list.get("y", "none"), "none");
  list.set("content-type", "c");
  EXPECT_EQ(list.count("content-type"), 1u);
  EXPECT_EQ(list.get("content-type"), "c");
  list.remove("X");
  EXPECT_EQ(list.size(), 1u);
}

TEST(HeaderList, OnlyLettersFoldCase) {
  EXPECT_TRUE(equals_ignoring_case("aBz", "AbZ"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
}

TEST(HttpMessage, TargetsAreReadAsPathAndQuery) {
  HttpRequest request;
  request.target = "/a/b?c=d?e";
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query(), "c=d?e");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
}

TEST(HttpMessage, PercentCodingRoundTripsEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_THAT(percent_decode(percent_encode(all)), Optional(all));
  EXPECT_EQ(percent_encode("a b/~é"), "a%20b%2F~%C3%A9");
  EXPECT_THAT(percent_decode("%4a%4A+"), Optional(std::string("JJ+")));
  for (const char* bad : {"%", "%4", "%g0", "a%0", "%%20"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(HttpMessage, PathSegmentsAreSplitBeforeTheyAreDecoded) {
  EXPECT_THAT(path_segments("/a/b%2Fc/"), Optional(ElementsAre("a", "b/c", "")));
  EXPECT_THAT(path_segments("/"), Optional(IsEmpty()));
  EXPECT_THAT(path_segments("//"), Optional(ElementsAre("", "")));
  EXPECT_FALSE(path_segments("a"));
  EXPECT_FALSE(path_segments(""));
  EXPECT_FALSE(path_segments("/%zz"));
}

TEST(HttpMessage, QueriesAreDecodedWithPlusAsBlank) {
  const auto query = parse_query("a=1&b=x+y%2B&&c&=v");
  EXPECT_THAT(query, Optional(ElementsAre(Pair("a", "1"), Pair("b", "x y+"), Pair("c", ""), Pair("", "v"))));
  EXPECT_THAT(find_parameter(*query, "b"), Optional(std::string_view("x y+")));
  EXPECT_FALSE(find_parameter(*query, "d"));
  EXPECT_FALSE(parse_query("a=%"));
}

}  // namespace
}  // namespace holdfast::net
