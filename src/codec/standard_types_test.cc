#include "codec/standard_types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace holdfast::codec {
namespace {

using model::kBoolType, model::kDoubleType, model::kFloatType, model::kIntType, model::kLongType, model::kStringType;

TEST(StandardTypes, DefaultsAreNoBytes) {
  EXPECT_EQ(encode_bool(false), "");
  EXPECT_EQ(encode_int(0), "");
  EXPECT_EQ(encode_long(0), "");
  EXPECT_EQ(encode_float(0), "");
  EXPECT_EQ(encode_double(0), "");
  EXPECT_EQ(encode_string(""), "");
  EXPECT_EQ(decode_bool("").value(), false);
  EXPECT_EQ(decode_int("").value(), 0);
  EXPECT_EQ(decode_string("").value(), "");
}

TEST(StandardTypes, BytesAreThoseOfTheReference) {
  EXPECT_EQ(encode_bool(true), "\x08\x01");
  EXPECT_EQ(encode_int(1), std::string("\x0d\x01\x00\x00\x00", 5));
  EXPECT_EQ(encode_long(1), std::string("\x09\x01\x00\x00\x00\x00\x00\x00\x00", 9));
  EXPECT_EQ(encode_string("hi"), "\x0a\x02hi");
}

TEST(StandardTypes, ExtremesComeBack) {
  for (const std::int32_t v : {INT32_MIN, -1, INT32_MAX}) EXPECT_EQ(decode_int(encode_int(v)).value(), v);
  for (const std::int64_t v : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) EXPECT_EQ(decode_long(encode_long(v)).value(), v);
  EXPECT_TRUE(std::isnan(decode_double(encode_double(NAN)).value()));
  EXPECT_EQ(decode_float(encode_float(-INFINITY)).value(), -INFINITY);
}

TEST(StandardTypes, GarbageIsRefused) {
  EXPECT_FALSE(decode_int("\x0d\x01").has_value());
  EXPECT_FALSE(decode_string("\x0a\x05hi").has_value());
  EXPECT_FALSE(decode_string("\x0a\x01\xff").has_value());
}

TEST(Display, StandardTypesAreShownAsJsonValues) {
  const auto shown = [](std::string_view type, std::string_view bytes) {
    const auto d = display(type, bytes);
    EXPECT_EQ(d.form, DisplayForm::Standard);
    return d.json;
  };
  EXPECT_EQ(shown(kBoolType, ""), "false");
  EXPECT_EQ(shown(kBoolType, encode_bool(true)), "true");
  EXPECT_EQ(shown(kIntType, encode_int(-7)), "-7");
  EXPECT_EQ(shown(kLongType, encode_long(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(shown(kDoubleType, encode_double(0.1)), "0.1");
  EXPECT_EQ(shown(kFloatType, encode_float(0.1f)), "0.1");
  EXPECT_EQ(shown(kDoubleType, encode_double(NAN)), "\"NaN\"");
  EXPECT_EQ(shown(kFloatType, encode_float(-INFINITY)), "\"-Infinity\"");
  EXPECT_EQ(shown(kStringType, encode_string("a \"b\"\n\x01\xc3\xbc")), "\"a \\\"b\\\"\\n\\u0001\xc3\xbc\"");
}

TEST(Display, BrokenWrapperIsShownInBase64) {
  const auto d = display(kIntType, "hello");
  EXPECT_EQ(d.form, DisplayForm::Base64);
  EXPECT_EQ(d.json, "\"aGVsbG8=\"");
}

TEST(Display, JsonKeepsItsTokensAndLosesItsWhiteSpace) {
  const auto d = display("shop/order", " { \"n\" : 12345678901234567890.10,\n\t\"s\": \"a  \\\" b\" } \n");
  EXPECT_EQ(d.form, DisplayForm::Json);
  EXPECT_EQ(d.json, "{\"n\":12345678901234567890.10,\"s\":\"a  \\\" b\"}");
}

TEST(Display, TextIsAStringAndBytesAreBase64) {
  EXPECT_EQ(display("a/b", "hello, you").json, "\"hello, you\"");
  EXPECT_EQ(display("a/b", "hello, you").form, DisplayForm::Text);
  EXPECT_EQ(display("a/b", "").json, "\"\"");
  EXPECT_EQ(display("a/b", "\xff").json, "\"/w==\"");
  EXPECT_EQ(display("a/b", "\xff").form, DisplayForm::Base64);
}

TEST(Display, ProtobufMessagesAreNeverTakenForText) {
  const auto d = display("type.googleapis.com/a.B", "\n\x20" "abcdefghijklmnopqrstuvwxyz012345");
  EXPECT_EQ(d.form, DisplayForm::Base64);
}

TEST(Display, NoValueIsNull) {
  EXPECT_EQ(display(model::TypedValue{"a/b", "", false}).json, "null");
  EXPECT_EQ(display(model::TypedValue{"a/b", "", false}).form, DisplayForm::None);
}

TEST(Json, DeepNestingAndHalfValuesAreNoJson) {
  EXPECT_TRUE(is_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(is_json(std::string(100'000, '[') + std::string(100'000, ']')));
  for (const char* text : {"", " ", "{", "{\"a\":}", "1 2", "nul", "'a'", "[1,]", "\"\xff\"", "NaN", "// c\n1"})
    EXPECT_FALSE(is_json(text)) << text;
  for (const char* text : {"0", "-1.5e3", " true ", "null\n", "\"\\u00e9\"", "[]"}) EXPECT_TRUE(is_json(text)) << text;
}

TEST(EncodeFromText, WrapsStandardTypes) {
  EXPECT_EQ(encode_from_text(kIntType, "-7").value(), encode_int(-7));
  EXPECT_EQ(encode_from_text(kLongType, "9223372036854775807").value(), encode_long(INT64_MAX));
  EXPECT_EQ(encode_from_text(kBoolType, "true").value(), encode_bool(true));
  EXPECT_EQ(encode_from_text(kDoubleType, "1.5e3").value(), encode_double(1500));
  EXPECT_EQ(encode_from_text(kFloatType, "-Infinity").value(), encode_float(-INFINITY));
  EXPECT_EQ(encode_from_text(kStringType, "hi").value(), encode_string("hi"));
}

TEST(EncodeFromText, SaysWhatWasExpected) {
  EXPECT_EQ(encode_from_text(kIntType, "7x").error().message, "expected a value of io.statefun.types/int, got 7x");
  EXPECT_EQ(encode_from_text(kIntType, "2147483648").error().message,
            "expected a value of io.statefun.types/int, got 2147483648, which is out of its range");
  EXPECT_EQ(encode_from_text(kBoolType, "yes").error().message, "expected true or false, got yes");
  EXPECT_FALSE(encode_from_text(kIntType, "").has_value());
  EXPECT_FALSE(encode_from_text(kIntType, " 7").has_value());
  EXPECT_FALSE(encode_from_text(kStringType, "\xff").has_value());
  EXPECT_FALSE(encode_from_text("holdfast.types/json", "{").has_value());
}

TEST(EncodeFromText, LeavesOtherTypesAsTheyAre) {
  EXPECT_EQ(encode_from_text("a/b", "\xff{").value(), "\xff{");
  EXPECT_EQ(encode_from_text("a/json", "{ }").value(), "{ }");
}

// What display() shows of a standard type can be typed in again.
TEST(EncodeFromText, TakesBackWhatDisplayShows) {
  for (const std::string& bytes : {encode_double(NAN), encode_double(0.1), encode_double(-1e300), encode_double(5e-324)}) {
    auto shown = display(kDoubleType, bytes).json;
    if (shown.front() == '"') shown = shown.substr(1, shown.size() - 2);
    EXPECT_EQ(encode_from_text(kDoubleType, shown).value(), bytes) << shown;
  }
}

}  // namespace
}  // namespace holdfast::codec
