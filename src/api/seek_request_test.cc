#include "api/seek_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

using Kind = ports::SeekTo::Kind;
using ::testing::HasSubstr;

std::string refusal(std::string_view body) {
  const auto seek = parse_seek(body);
  return seek ? "taken" : seek.error().message;
}

TEST(SeekRequest, SaysWhereToInFourWays) {
  const auto position = parse_seek(R"({"source": "a/in/orders/0", "to": 9223372036854775807})");
  ASSERT_TRUE(position.has_value());
  EXPECT_EQ(position->source, "a/in/orders/0");
  EXPECT_EQ(position->to.kind, Kind::Position);
  EXPECT_EQ(position->to.position, static_cast<std::uint64_t>(INT64_MAX));

  EXPECT_EQ(parse_seek(R"({"to": "earliest"})")->to.kind, Kind::Earliest);
  EXPECT_EQ(parse_seek(R"({"to": "latest", "source": "a/in/orders/0"})")->to.kind, Kind::Latest);
  const auto time = parse_seek(R"({"to": "1970-01-01T00:00:01Z"})");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(time->to.kind, Kind::Time);
  EXPECT_EQ(time->to.time.unix_ms, 1000);
  EXPECT_EQ(time->source, "");
}

TEST(SeekRequest, APositionNeedsItsSource) { EXPECT_THAT(refusal(R"({"to": 5})"), HasSubstr("source: which?")); }

TEST(SeekRequest, WhatIsNotClearIsRefusedWithWhatItShouldBe) {
  EXPECT_THAT(refusal(""), HasSubstr("the body: expected"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("to: where?"));
  EXPECT_THAT(refusal(R"({"source": "x"})"), HasSubstr("to: where?"));
  EXPECT_THAT(refusal(R"({"source": "x", "to": -1})"), HasSubstr("expected a position from 0 to 9223372036854775807, got -1"));
  EXPECT_THAT(refusal(R"({"source": "x", "to": 9223372036854775808})"), HasSubstr("got 9223372036854775808"));
  EXPECT_THAT(refusal(R"({"source": "x", "to": 1.5})"), HasSubstr("to: expected a position"));
  EXPECT_THAT(refusal(R"({"source": "x", "to": "17"})"), HasSubstr("got \"17\""));
  EXPECT_THAT(refusal(R"({"to": null})"), HasSubstr("got null"));
  EXPECT_THAT(refusal(R"({"to": "yesterday"})"), HasSubstr("got \"yesterday\""));
  EXPECT_THAT(refusal(R"({"to": "1969-12-31T23:59:59Z"})"), HasSubstr("after 1970"));
  EXPECT_THAT(refusal(R"({"source": "", "to": "earliest"})"), HasSubstr("source: expected"));
  EXPECT_THAT(refusal(R"({"source": 5, "to": "earliest"})"), HasSubstr("source: expected the name of a source, got 5"));
  EXPECT_THAT(refusal(R"({"sorce": "x", "to": "earliest"})"), HasSubstr("unknown member \"sorce\""));
}

TEST(SeekRequest, ALargeBodyIsRefused) {
  const auto seek = parse_seek(std::string(kSeekBytesMax + 1, ' '));
  ASSERT_FALSE(seek.has_value());
  EXPECT_EQ(seek.error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace holdfast::api
