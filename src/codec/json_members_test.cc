#include "codec/json_members.h"

#include <gtest/gtest.h>

namespace holdfast::codec {
namespace {

TEST(JsonMembers, AreGivenInOrderWithTheirKinds) {
  const auto members = parse_json_members(R"( {"a": "x\"\u00fc", "b": 18446744073709551615, "c": -1, "d": 1.5, "e": null, "f": {"g": [1]}} )");
  ASSERT_TRUE(members.has_value());
  std::string shown;
  for (const auto& member : *members) shown += member.name + std::to_string(static_cast<int>(member.kind)) + member.text + ";";
  EXPECT_EQ(shown, "a0x\"ü;b118446744073709551615;c1-1;d21.5E0;e2null;f2{\"g\":[1]};");
  EXPECT_TRUE(parse_json_members("{}")->empty());
}

TEST(JsonMembers, WhatIsNoObjectIsRefused) {
  for (const char* wrong : {"", "[]", "1", "\"a\"", "{", "{\"a\":}", "{} {}", "nul"}) {
    EXPECT_FALSE(parse_json_members(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(parse_json_members("[1]").error().message, "not a JSON object");
}

}  // namespace
}  // namespace holdfast::codec
