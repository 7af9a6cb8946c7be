#include "codec/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::codec {
namespace {

// The obvious way: every code point from the bytes, then the rules.
bool plainly_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const unsigned first = static_cast<unsigned char>(s[i]);
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (length == 0 || s.size() - i < length) return false;
    std::uint32_t point = length == 1 ? first : first & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const unsigned next = static_cast<unsigned char>(s[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 63);
    }
    const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

TEST(Utf8, AgreesWithThePlainDefinitionOnAllShortStringsOfTellingBytes) {
  const std::string bytes("\x00\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5\xff", 20);
  std::size_t valid = 0;
  for (char a : bytes)
    for (char b : bytes)
      for (char c : bytes)
        for (char d : bytes) {
          const std::string s{a, b, c, d};
          ASSERT_EQ(is_utf8(s), plainly_utf8(s));
          ASSERT_EQ(is_utf8("12345678" + s + "x"), plainly_utf8(s + "x"));
          valid += is_utf8(s);
        }
  EXPECT_GT(valid, 100u);
}

TEST(Utf8, TextHasNoControlCharactersButWhiteSpace) {
  EXPECT_TRUE(is_text("tab\t, line\r\n, gr\xc3\xbc\xc3\x9f"));
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_text("\x1b[31m"));
  EXPECT_FALSE(is_text("\x7f"));
  EXPECT_FALSE(is_text("\xff"));
}

TEST(Excerpt, EscapesWhatALineCannotHoldAndSaysThatThereIsMore) {
  EXPECT_EQ(excerpt("plain"), "plain");
  EXPECT_EQ(excerpt("a\nb\xff"), "a\\x0ab\\xff");
  EXPECT_EQ(excerpt("12345", 4), "1234...");
  EXPECT_EQ(excerpt("123\xc3\xbc", 4), "123...");  // Not in the middle of a character.
  EXPECT_EQ(excerpt("1234", 4), "1234");
}

}  // namespace
}  // namespace holdfast::codec
