#include "cli/seek_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;

std::string body(std::string to, std::string position, std::string source) {
  const auto out = seek_body({.ingress = "shop/in", .to = std::move(to), .to_position = std::move(position), .source = std::move(source)});
  return out ? *out : out.error().message;
}

TEST(SeekArgument, BecomesTheBodyOfARequest) {
  EXPECT_EQ(body("earliest", "", ""), R"({"to":"earliest"})");
  EXPECT_EQ(body("latest", "", "orders/0"), R"({"source":"shop/in/orders/0","to":"latest"})");
  EXPECT_EQ(body("2026-11-21T10:00:00+01:00", "", ""), R"({"to":"2026-11-21T10:00:00+01:00"})");
  EXPECT_EQ(body("", "9223372036854775807", "shop/in/orders/0"), R"({"source":"shop/in/orders/0","to":9223372036854775807})");
}

TEST(SeekArgument, WhatIsNotClearIsRefused) {
  EXPECT_THAT(body("", "", ""), HasSubstr("where to: expected one of"));
  EXPECT_THAT(body("latest", "5", "orders/0"), HasSubstr("where to: expected one of"));
  EXPECT_THAT(body("", "5", ""), HasSubstr("needs --source"));
  for (const char* wrong : {"-1", "x", "5x", "9223372036854775808", " 5", "1.5"}) {
    EXPECT_THAT(body("", wrong, "orders/0"), HasSubstr("--to-position: expected a number")) << wrong;
  }
  for (const char* wrong : {"yesterday", "2026-11-21", "5", "1969-12-31T23:59:59Z"}) {
    EXPECT_THAT(body(wrong, "", ""), HasSubstr("--to: expected earliest, latest or a time")) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::cli
