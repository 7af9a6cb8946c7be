#include "connect/protobuf_route.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "codec/wire.h"

namespace holdfast::connect {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

Field& add(pb::DescriptorProto& message, const std::string& name, int number, Field::Type type, const std::string& type_name = "") {
  auto& field = *message.add_field();
  field.set_name(name);
  field.set_number(number);
  field.set_type(type);
  field.set_label(Field::LABEL_OPTIONAL);
  if (!type_name.empty()) field.set_type_name(type_name);
  return field;
}
Field& repeated(Field& field) {
  field.set_label(Field::LABEL_REPEATED);
  return field;
}

// shop/order.proto imports shop/user.proto.
pb::FileDescriptorSet shop() {
  pb::FileDescriptorSet set;
  auto& order = *set.add_file();  // Before what it imports: the order does not matter.
  order.set_name("shop/order.proto");
  order.set_package("shop");
  order.set_syntax("proto3");
  order.add_dependency("shop/user.proto");
  auto& kind = *order.add_enum_type();
  kind.set_name("Kind");
  for (const auto& [name, number] : {std::pair{"UNKNOWN", 0}, std::pair{"GIFT", 1}}) {
    auto& value = *kind.add_value();
    value.set_name(name);
    value.set_number(number);
  }
  auto& m = *order.add_message_type();
  m.set_name("Order");
  add(m, "id", 1, Field::TYPE_STRING);
  add(m, "user", 2, Field::TYPE_MESSAGE, ".shop.User");
  repeated(add(m, "tags", 3, Field::TYPE_STRING));
  repeated(add(m, "friends", 4, Field::TYPE_MESSAGE, ".shop.User"));
  add(m, "kind", 5, Field::TYPE_ENUM, ".shop.Kind");
  add(m, "small", 6, Field::TYPE_SINT32);
  add(m, "large", 7, Field::TYPE_UINT64);
  add(m, "gift", 8, Field::TYPE_BOOL);
  add(m, "price", 9, Field::TYPE_DOUBLE);
  add(m, "weight", 10, Field::TYPE_FLOAT);
  add(m, "raw", 11, Field::TYPE_BYTES);
  add(m, "inner", 12, Field::TYPE_MESSAGE, ".shop.Order");
  repeated(add(m, "numbers", 13, Field::TYPE_INT32));
  auto& user = *set.add_file();
  user.set_name("shop/user.proto");
  user.set_package("shop");
  user.set_syntax("proto3");
  auto& u = *user.add_message_type();
  u.set_name("User");
  add(u, "name", 1, Field::TYPE_STRING);
  add(u, "region", 2, Field::TYPE_STRING);
  return set;
}

// --- values by hand.
std::string field(std::uint32_t number, const std::string& inner) {
  std::string out;
  codec::wire::Writer w(out, codec::wire::bytes_size(number, inner.size()));
  w.bytes(number, inner);
  return out;
}
std::string number(std::uint32_t field, std::uint64_t value) {
  std::string out;
  codec::wire::Writer w(out, codec::wire::varint_field_size(field, value));
  w.varint_field(field, value);
  return out;
}
template <typename T>
std::string fixed(std::uint32_t field, T value) {
  std::string out(1, static_cast<char>(field << 3 | (sizeof value == 8 ? 1 : 5)));
  out.resize(1 + sizeof value);
  std::memcpy(out.data() + 1, &value, sizeof value);
  return out;
}

model::ProtobufRoute route(const std::string& target, const std::string& type = "shop.Order") { return {target, type, "shop.desc"}; }

Result<ProtobufRouter> router(const std::string& target, const std::string& type = "shop.Order") {
  return ProtobufRouter::create(route(target, type), shop().SerializeAsString());
}
std::string create_error(const std::string& target, const std::string& type = "shop.Order") {
  const auto made = router(target, type);
  return made ? "none" : made.error().message;
}
std::string target_of(const std::string& target, const std::string& value) {
  const auto made = router(target);
  if (!made) return made.error().message;
  const auto address = made->target(value);
  return address ? address->type + " | " + address->id : "error: " + address.error().message;
}

TEST(ProtobufRouter, FillsFieldsIntoNamespaceTypeAndId) {
  const std::string value = field(1, "o-1") + field(2, field(1, "bob") + field(2, "eu"));
  EXPECT_EQ(target_of("shop/cart/{{$.id}}", value), "shop/cart | o-1");
  EXPECT_EQ(target_of("shop/cart/{{$.user.name}}", value), "shop/cart | bob");
  EXPECT_EQ(target_of("com.shop/{{$.user.region}}/cart-{{$.user.region}}/{{$.user.name}}:{{$.id}}!", value),
            "com.shop/eu/cart-eu | bob:o-1!");
  EXPECT_EQ(target_of("shop/cart/everybody", value), "shop/cart | everybody");
}

TEST(ProtobufRouter, ElementsOfRepeatedFieldsHaveAnIndex) {
  const std::string value = field(3, "a") + field(3, "b") + field(4, field(1, "eve")) + field(13, "\x07\x08");
  EXPECT_EQ(target_of("shop/cart/{{$.tags[1]}}", value), "shop/cart | b");
  EXPECT_EQ(target_of("shop/cart/{{$.friends[0].name}}", value), "shop/cart | eve");
  EXPECT_EQ(target_of("shop/cart/{{$.numbers[1]}}", value), "shop/cart | 8");
  EXPECT_EQ(target_of("shop/cart/{{$.tags[2]}}", value), "error: shop.Order.tags has 2 elements, the target wants number 2");
}

TEST(ProtobufRouter, NumbersAndEnumsAreWrittenAsJavaDoes) {
  EXPECT_EQ(target_of("shop/cart/{{$.small}}", number(6, 3)), "shop/cart | -2");
  EXPECT_EQ(target_of("shop/cart/{{$.large}}", number(7, ~0ull)), "shop/cart | 18446744073709551615");
  EXPECT_EQ(target_of("shop/cart/{{$.gift}}", number(8, 1)), "shop/cart | true");
  EXPECT_EQ(target_of("shop/cart/{{$.kind}}", number(5, 1)), "shop/cart | GIFT");
  EXPECT_EQ(target_of("shop/cart/{{$.kind}}", number(5, 7)), "shop/cart | UNKNOWN_ENUM_VALUE_Kind_7");
  const std::pair<double, std::string> doubles[] = {
      {1, "1.0"}, {-2.5, "-2.5"}, {100, "100.0"}, {1234567, "1234567.0"}, {12345678, "1.2345678E7"}, {1e7, "1.0E7"}, {1e300, "1.0E300"},
      {0.001, "0.001"}, {0.000999, "9.99E-4"}, {0.1, "0.1"}, {-0.0, "-0.0"}, {1.0 / 3, "0.3333333333333333"}, {123.456, "123.456"}};
  for (const auto& [value, text] : doubles) EXPECT_EQ(target_of("shop/cart/{{$.price}}", fixed(9, value)), "shop/cart | " + text);
  EXPECT_EQ(target_of("shop/cart/{{$.price}}", fixed(9, -std::numeric_limits<double>::infinity())), "shop/cart | -Infinity");
  EXPECT_EQ(target_of("shop/cart/{{$.price}}", fixed(9, std::numeric_limits<double>::quiet_NaN())), "shop/cart | NaN");
  EXPECT_EQ(target_of("shop/cart/{{$.weight}}", fixed(10, 0.1f)), "shop/cart | 0.1");
}

TEST(ProtobufRouter, FieldsThatAreNotSetStandForTheirDefaults) {
  EXPECT_EQ(target_of("shop/cart/{{$.id}}", ""), "shop/cart | ");
  EXPECT_EQ(target_of("shop/cart/u-{{$.user.name}}", ""), "shop/cart | u-");
  EXPECT_EQ(target_of("shop/cart/{{$.small}}-{{$.gift}}-{{$.kind}}-{{$.price}}", ""), "shop/cart | 0-false-UNKNOWN-0.0");
}

TEST(ProtobufRouter, BytesAreTheirText) {
  EXPECT_EQ(target_of("shop/cart/{{$.raw}}", field(11, "\xc3\xbc")), "shop/cart | \xc3\xbc");
  EXPECT_EQ(target_of("shop/cart/{{$.raw}}", field(11, "\xff")), "error: shop.Order.raw is not UTF-8: \\xff");
}

TEST(ProtobufRouter, OutcomeMustBeAFunctionType) {
  EXPECT_EQ(target_of("{{$.id}}/cart/1", ""), "error: the target's function type is /cart, expected namespace/name");
  EXPECT_EQ(target_of("shop/{{$.id}}/1", field(1, "a/b")), "error: the target's function type is shop/a/b, expected namespace/name");
  EXPECT_EQ(target_of("{{$.id}}/cart/1", field(1, "a/b")), "a/b/cart | 1");
  EXPECT_TRUE(target_of("{{$.id}}/cart/1", field(1, std::string(model::kTypeBytesMax, 'x'))).starts_with("error: "));
}

TEST(ProtobufRouter, WhatIsNoSuchMessageIsRefusedWithItsPlace) {
  EXPECT_EQ(target_of("shop/cart/{{$.id}}", "\x0a\x05x"), "error: no shop.Order: Order field 1 at byte 0: the length is beyond the end");
  EXPECT_EQ(target_of("shop/cart/{{$.id}}", field(2, "\x0a\x05x")), "error: no shop.Order: User field 1 at byte 2: the length is beyond the end");
  EXPECT_EQ(target_of("shop/cart/{{$.id}}", field(1, "\xff")), "error: no shop.Order: libprotobuf refuses it; a string that is not UTF-8?");
}

TEST(ProtobufRouter, NestingAndMemoryOfARecordAreBounded) {
  std::string deep;
  for (std::size_t i = 1; i < kRecordNestingMax; ++i) deep = field(12, deep);
  EXPECT_EQ(target_of("shop/cart/x", deep), "shop/cart | x");
  EXPECT_NE(target_of("shop/cart/x", field(12, deep)).find("nested deeper than 100 messages"), std::string::npos);
  // Two bytes on the wire, hundreds in memory.
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += field(4, "");
  EXPECT_NE(target_of("shop/cart/x", many).find("bytes in memory"), std::string::npos);
}

TEST(ProtobufRouter, FieldThatIsNotThereIsNamed) {
  EXPECT_EQ(create_error("shop/cart/{{$.name}}"), "target shop/cart/{{$.name}}: no field name in shop.Order");
  EXPECT_EQ(create_error("shop/cart/{{$.user.id}}"), "target shop/cart/{{$.user.id}}: no field id in shop.User");
  EXPECT_EQ(create_error("shop/cart/{{$.id}}", "shop.Ordr"), "descriptor set shop.desc has no message type shop.Ordr");
}

TEST(ProtobufRouter, PathsWithoutOneTextAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{$.user}}", "shop.Order.user is a message, expected a field with one value"},
      {"{{$.tags}}", "shop.Order.tags is repeated, expected tags[index]"},
      {"{{$.id[0]}}", "shop.Order.id is not repeated, got an index"},
      {"{{$.id.name}}", "shop.Order.id has no fields of its own"},
      {"{{$.tags[]}}", "expected a field or field[index], got tags[]"},
      {"{{$.tags[-1]}}", "expected a field or field[index], got tags[-1]"},
      {"{{$.tags[99999999999]}}", "expected a field or field[index], got tags[99999999999]"},
      {"{{$.}}", "expected a field or field[index], got "},
      {"{{$.user..name}}", "expected a field or field[index], got "},
      {"{{$}}", "expected {{$.field}}, got {{$}}"},
      {"{{id}}", "expected {{$.field}}, got {{id}}"},
      {"{{}}", "expected {{$.field}}, got {{}}"},
      {"{{$.id", "{{ without }}"},
  };
  for (const auto& [path, error] : cases)
    EXPECT_EQ(create_error(std::string("a/b/") + path), std::string("target a/b/") + path + ": " + error);
}

TEST(ProtobufRouter, TemplateHasThreeParts) {
  for (const char* target : {"", "/", "//", "a", "a/b", "/b/c", "a//c", "a/b/", "b/{{$.id}}"})
    EXPECT_EQ(create_error(target), std::string("target ") + target + ": expected namespace/type/id");
  EXPECT_TRUE(create_error("a/b/" + std::string(kRouteTemplateBytesMax, 'x')).ends_with("more than 4096 bytes"));
}

TEST(ProtobufRouter, DescriptorSetThatLacksAnImportSaysWhich) {
  auto set = shop();
  set.mutable_file()->RemoveLast();
  const auto made = ProtobufRouter::create(route("a/b/{{$.id}}"), set.SerializeAsString());
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find("shop/user.proto"), std::string::npos) << made.error().message;
  EXPECT_NE(made.error().message.find("--include_imports"), std::string::npos) << made.error().message;
}

TEST(ProtobufRouter, WhatIsNoDescriptorSetIsRefusedByItsName) {
  for (const std::string bytes : {"", "garbage", "\x0a\x05x"}) {
    const auto made = ProtobufRouter::create(route("a/b/c"), bytes);
    ASSERT_FALSE(made.has_value()) << bytes;
    EXPECT_TRUE(made.error().message.starts_with("descriptor set shop.desc ")) << made.error().message;
  }
  auto twice = shop();
  *twice.add_file() = twice.file(1);
  EXPECT_FALSE(ProtobufRouter::create(route("a/b/c"), twice.SerializeAsString()).has_value());
}

TEST(ProtobufRouter, ReadsItsFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("router-" + std::to_string(getpid()) + ".desc");
  std::ofstream(path, std::ios::binary) << shop().SerializeAsString();
  const auto made = ProtobufRouter::create({"a/b/{{$.id}}", "shop.Order", path.string()});
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->target(field(1, "7"))->id, "7");
  std::filesystem::remove(path);
  const auto gone = ProtobufRouter::create({"a/b/{{$.id}}", "shop.Order", path.string()});
  EXPECT_EQ(gone.error().message, "descriptor set " + path.string() + " cannot be read");
}

}  // namespace
}  // namespace holdfast::connect
