#include "codec/json_leaves.h"

#include <gtest/gtest.h>

namespace holdfast::codec {
namespace {

std::string shown(std::string_view text) {
  const auto leaves = parse_json_leaves(text);
  if (!leaves) return leaves.error().message;
  std::string out;
  for (const auto& leaf : *leaves) {
    for (const auto& name : leaf.path) out += "/" + name;
    out += (leaf.is_string ? "=\"" + leaf.text + "\" " : "=" + leaf.text + " ");
  }
  return out;
}

TEST(JsonLeaves, AreLedToByNamesAndPositions) {
  EXPECT_EQ(shown(R"({"a":{"b":"x","c":["y",{"d":1}]},"e":true,"f":null,"g":12345678901234567,"h":{},"i":[]})"),
            "/a/b=\"x\" /a/c/0=\"y\" /a/c/1/d=1 /e=true /f= /g=12345678901234567 ");
  EXPECT_EQ(shown("{}"), "");
}

TEST(JsonLeaves, AreOfAnObjectAlone) {
  EXPECT_EQ(shown("[1]"), "not a JSON object");
  EXPECT_EQ(shown("{").substr(0, 9), "not JSON:");
  EXPECT_EQ(shown("{\"a\":" + std::string(200, '[') + std::string(200, ']') + "}"), "not JSON we take: nested more than 128 deep");
}

}  // namespace
}  // namespace holdfast::codec
