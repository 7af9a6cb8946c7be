#include "codec/content_type.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec/standard_types.h"

namespace holdfast::codec {
namespace {

using model::TypedValue;

const std::string kString(model::kStringType);

TEST(PlaygroundBody, VendorTypeNamesTheValueType) {
  EXPECT_EQ(value_of_playground_body("application/vnd.example/hello", "{}"), (TypedValue{"example/hello", "{}", true}));
  EXPECT_EQ(value_of_playground_body("application/vnd.com.Ex/Hello; charset=utf-8", ""), (TypedValue{"com.Ex/Hello", "", true}));
}

TEST(PlaygroundBody, AnythingElseIsAStringWrappedUnlessItIs) {
  EXPECT_EQ(value_of_playground_body("text/plain", "hello"), (TypedValue{kString, encode_string("hello"), true}));
  EXPECT_EQ(value_of_playground_body("", encode_string("hello")), (TypedValue{kString, encode_string("hello"), true}));
  EXPECT_EQ(value_of_playground_body("application/json", ""), (TypedValue{kString, "", true}));
  EXPECT_EQ(value_of_playground_body("application/vnd.ms-excel", "x"), (TypedValue{kString, encode_string("x"), true}));
}

TEST(ApiBody, ContentTypeTellsTheType) {
  EXPECT_EQ(value_of_body("text/plain; charset=utf-8", "", "hi").value(), (TypedValue{kString, encode_string("hi"), true}));
  EXPECT_EQ(value_of_body("Application/JSON", "", "{ }").value(), (TypedValue{"holdfast.types/json", "{ }", true}));
  EXPECT_EQ(value_of_body("application/cloudevents+json", "", "{}").value(), (TypedValue{"holdfast.types/json", "{}", true}));
  EXPECT_EQ(value_of_body("application/vnd.shop/order", "", "\xff").value(), (TypedValue{"shop/order", "\xff", true}));
  EXPECT_EQ(value_of_body("application/octet-stream", "", "\xff").value(), (TypedValue{"holdfast.types/bytes", "\xff", true}));
}

TEST(ApiBody, ValueTypeHeaderWins) {
  EXPECT_EQ(value_of_body("application/json", "shop/order", "{}").value(), (TypedValue{"shop/order", "{}", true}));
  EXPECT_EQ(value_of_body("", "shop/order", "{}").value(), (TypedValue{"shop/order", "{}", true}));
  EXPECT_EQ(value_of_body("application/octet-stream", "io.statefun.types/int", encode_int(5)).value(),
            (TypedValue{"io.statefun.types/int", encode_int(5), true}));
}

TEST(ApiBody, TextAndJsonBecomeStandardTypes) {
  EXPECT_EQ(value_of_body("text/plain", "io.statefun.types/int", "5").value().value, encode_int(5));
  EXPECT_EQ(value_of_body("application/json", "io.statefun.types/int", " 5\n").value().value, encode_int(5));
  EXPECT_EQ(value_of_body("application/json", "io.statefun.types/string", "\"a\\nb\"").value().value, encode_string("a\nb"));
  EXPECT_EQ(value_of_body("application/json", "io.statefun.types/double", "\"NaN\"").value().value, encode_double(NAN));
  EXPECT_FALSE(value_of_body("application/json", "io.statefun.types/int", "{}").has_value());
  EXPECT_FALSE(value_of_body("application/json", "io.statefun.types/int", "").has_value());
}

TEST(ApiBody, WhatCannotBeToldIsRefused) {
  EXPECT_EQ(value_of_body("application/x-www-form-urlencoded", "", "a=b").error().message,
            "cannot tell the type of the value: expected content-type text/plain, application/json, "
            "application/vnd.<namespace>/<name> or application/octet-stream, or a header x-value-type, got content-type "
            "application/x-www-form-urlencoded");
  EXPECT_FALSE(value_of_body("", "", "").has_value());
  EXPECT_FALSE(value_of_body("application/json", "", "{").has_value());
  EXPECT_FALSE(value_of_body("text/plain", "", "\xff").has_value());
}

TEST(ApiBody, WhatIsGivenCanBeSentBack) {
  const TypedValue values[] = {
      {kString, encode_string("a\nb"), true},
      {kString, "\xff", true},  // No wrapper at all.
      {"io.statefun.types/int", encode_int(-5), true},
      {"io.statefun.types/bool", "", true},
      {"io.statefun.types/float", encode_float(0.1f), true},
      {"io.statefun.types/double", encode_double(NAN), true},
      {"io.statefun.types/long", "\x09\x01", true},  // Broken.
      {"holdfast.types/json", "{ }", true},
      {"holdfast.types/bytes", "\xff", true},
      {"shop/order", "\xff", true},
      {"odd type\r\nx: y", "v", true},
  };
  for (const auto& value : values) {
    const auto given = body_of_value(value);
    EXPECT_EQ(given.content_type.find_first_of("\r\n"), std::string::npos);
    const auto back = value_of_body(given.content_type, value.type_name, given.body);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, value) << given.content_type;
  }
}

}  // namespace
}  // namespace holdfast::codec
