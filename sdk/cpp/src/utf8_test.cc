#include "utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::sdk::detail {
namespace {

// Unicode's table by code points instead of by bytes.
bool plainly(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto at = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
    const unsigned first = at(0);
    const std::size_t size = first < 0x80 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : (first & 0xF8) == 0xF0 ? 4 : 0;
    if (size == 0) return false;
    unsigned point = size == 1 ? first : first & (0xFFu >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) {
      if ((at(k) & 0xC0) != 0x80) return false;
      point = point << 6 | (at(k) & 0x3F);
    }
    constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    i += size;
  }
  return true;
}

TEST(Utf8, AgreesWithThePlainRuleOnAllInterestingSequences) {
  const std::string bytes =
      "\x01\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xf8\xfc\xff";
  std::size_t valid = 0;
  for (const char a : bytes)
    for (const char b : bytes)
      for (const char c : bytes)
        for (const char d : bytes) {
          const std::string text{a, b, c, d};
          for (const auto& whole : {text, text.substr(0, 3), "12345678" + text, "1234567" + text + "8"}) {
            ASSERT_EQ(is_utf8(whole), plainly(whole));
            valid += is_utf8(whole);
          }
        }
  EXPECT_GT(valid, 100u);
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string(1, '\0')));
}

}  // namespace
}  // namespace holdfast::sdk::detail
