#include "holdfast/sdk/type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "holdfast/sdk/message.h"
#include "request.h"

namespace holdfast::sdk {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

// A JSON library of one type of value: an object with "n", as nlohmann::json is used.
struct Number {
  int n = 0;
  bool operator==(const Number&) const = default;
};
struct Json {
  Json() = default;
  explicit Json(const Number& number) : n(number.n) {}
  [[nodiscard]] std::string dump() const { return "{\"n\":" + std::to_string(n) + "}"; }
  template <typename Iterator>
  static Json parse(Iterator first, Iterator last) {
    const std::string text(first, last);
    if (!text.starts_with("{\"n\":")) throw std::runtime_error("unexpected 'x' at 0");
    Json out;
    out.n = std::stoi(text.substr(5));
    return out;
  }
  template <typename T>
  [[nodiscard]] T get() const {
    return T{n};
  }
  int n = 0;
};

// A protobuf message, as generated code is used.
struct Proto {
  std::string field;
  [[nodiscard]] bool AppendToString(std::string* out) const {
    out->append("!").append(field);
    return field != "unset";
  }
  bool ParseFromArray(const void* data, int size) {
    const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
    if (!bytes.starts_with('!')) return false;
    field = bytes.substr(1);
    return true;
  }
  struct Descriptor {
    [[nodiscard]] std::string full_name() const { return "example.Proto"; }
  };
  static const Descriptor* descriptor() {
    static const Descriptor out;
    return &out;
  }
};


}  // namespace

template <>
inline constexpr auto type_of<Number> = json_type<Number, Json>("example/Number");

namespace {

constexpr auto kProto = protobuf_type<Proto>("example/Proto");

template <typename T>
std::string bytes_of(const T& value) {
  return typed(value).bytes;
}
template <typename T>
T from(const std::string& bytes) {
  return type_of<T>.read(bytes);
}
template <typename T>
void expect_same(T value) {
  EXPECT_EQ(from<T>(bytes_of(value)), value);
}

TEST(StandardTypes, HaveTheNamesAndBytesOfStatefun) {
  EXPECT_EQ(typed(true), (TypedValue{"io.statefun.types/bool", "\x08\x01"}));
  EXPECT_EQ(typed(std::int32_t{1}), (TypedValue{"io.statefun.types/int", "\x0d\x01\0\0\0"s}));
  EXPECT_EQ(typed(std::int64_t{1}), (TypedValue{"io.statefun.types/long", "\x09\x01\0\0\0\0\0\0\0"s}));
  EXPECT_EQ(typed(1.0f), (TypedValue{"io.statefun.types/float", "\x0d\0\0\x80\x3f"s}));
  EXPECT_EQ(typed(1.0), (TypedValue{"io.statefun.types/double", "\x09\0\0\0\0\0\0\xf0\x3f"s}));
  EXPECT_EQ(typed("hi"), (TypedValue{"io.statefun.types/string", "\x0a\x02hi"}));
  EXPECT_EQ(typed("hi"s), typed("hi"));
}

TEST(StandardTypes, DefaultsAreNoBytesAtAll) {
  EXPECT_EQ(bytes_of(false), "");
  EXPECT_EQ(bytes_of(std::int32_t{0}), "");
  EXPECT_EQ(bytes_of(std::int64_t{0}), "");
  EXPECT_EQ(bytes_of(0.0f), "");
  EXPECT_EQ(bytes_of(0.0), "");
  EXPECT_EQ(bytes_of(""s), "");
  EXPECT_EQ(from<bool>(""), false);
  EXPECT_EQ(from<std::int64_t>(""), 0);
  EXPECT_EQ(from<double>(""), 0.0);
  EXPECT_EQ(from<std::string>(""), "");
}

TEST(StandardTypes, ValuesComeBack) {
  expect_same(true);
  for (const auto value : {std::numeric_limits<std::int32_t>::min(), -1, 1, std::numeric_limits<std::int32_t>::max()}) expect_same(value);
  for (const auto value : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()})
    expect_same(value);
  for (const double value : {-0.5, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::denorm_min()})
    expect_same(value);
  expect_same(-3.5f);
  EXPECT_TRUE(std::isnan(from<double>(bytes_of(std::nan("")))));
  EXPECT_TRUE(std::signbit(from<double>(bytes_of(-0.0))));
  expect_same("\0\n \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"s);
  expect_same(std::string(100'000, 'x'));
}

TEST(StandardTypes, UnknownFieldsAreSkippedAndTheLastOneWins) {
  EXPECT_EQ(from<std::int32_t>("\x12\x01x\x0d\x01\0\0\0\x0d\x02\0\0\0"s), 2);
  EXPECT_EQ(from<bool>("\x08\x02"), true);
  EXPECT_EQ(thrown<WrongType>([] { (void)from<std::int32_t>("\x08\x05"); }),
            "2 bytes are no io.statefun.types/int: its field 1 is written as something else");
}

TEST(StandardTypes, DamagedBytesAreNamedWithTheirType) {
  EXPECT_EQ(thrown<WrongType>([] { (void)from<std::int32_t>("\x0d\x01"); }),
            "2 bytes are no io.statefun.types/int: a number that ends in the middle");
  EXPECT_THAT(thrown<WrongType>([] { (void)from<std::string>("\x0a\x05hi"); }), HasSubstr("a length beyond the end, in field 1"));
  EXPECT_THAT(thrown<WrongType>([] { (void)from<bool>("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"); }), HasSubstr("ten bytes"));
  EXPECT_THAT(thrown<WrongType>([] { (void)from<bool>("\x0b"); }), HasSubstr("a wire type"));
  EXPECT_THAT(thrown<WrongType>([] { (void)from<bool>("\0"s); }), HasSubstr("a tag that no field has"));
}

TEST(StandardTypes, TextThatIsNoUtf8IsRefusedBothWays) {
  EXPECT_EQ(thrown<InvalidArgument>([] { (void)typed("ab\xff"); }), "a value of io.statefun.types/string is no UTF-8: 61 62 ff");
  EXPECT_THAT(thrown<InvalidArgument>([] { (void)typed(std::string(100, '\xff')); }), HasSubstr("ff and 68 bytes more"));
  EXPECT_THAT(thrown<WrongType>([] { (void)from<std::string>("\x0a\x01\xff"); }), HasSubstr("no UTF-8"));
}

TEST(OtherTypes, JsonIsItsText) {
  EXPECT_EQ(typed(Number{7}), (TypedValue{"example/Number", "{\"n\":7}"}));
  EXPECT_EQ(from<Number>("{\"n\":-3}"), Number{-3});
  EXPECT_EQ(thrown<WrongType>([] { (void)from<Number>("hello"); }), "5 bytes are no example/Number: unexpected 'x' at 0");
}

TEST(OtherTypes, ProtobufMessagesAreNamedByTheirOwnNameOrAnother) {
  EXPECT_EQ(kProto.name(), "example/Proto");
  EXPECT_EQ(protobuf_type<Proto>().name(), "type.googleapis.com/example.Proto");
  EXPECT_EQ(typed(kProto, Proto{"x"}).bytes, "!x");
  EXPECT_EQ(kProto.read("!x").field, "x");
  EXPECT_THAT(thrown<InvalidArgument>([] { (void)typed(kProto, Proto{"unset"}); }), HasSubstr("required fields"));
  EXPECT_THAT(thrown<WrongType>([] { (void)kProto.read("x"); }), HasSubstr("are no example/Proto: protobuf cannot read it"));
}

TEST(OtherTypes, BytesAreAsTheyAre) {
  constexpr auto kRaw = bytes_type("example/raw");
  EXPECT_EQ(typed(kRaw, "\xff\0"s).bytes, "\xff\0"s);
  EXPECT_EQ(kRaw.read("\xff"), "\xff");
}

TEST(OtherTypes, AReaderMayThrowAnything) {
  constexpr auto kOdd = custom_type<int>(
      "example/odd", [](const int&, std::string&) {}, [](std::string_view) -> int { throw 5; });
  EXPECT_THROW((void)kOdd.read("x"), int);
}

TEST(Message, IsAskedForItsType) {
  const auto value = typed("hi");
  const Message message(value.type, value.bytes);
  EXPECT_TRUE(message.is<std::string>());
  EXPECT_FALSE(message.is<std::int32_t>());
  EXPECT_TRUE(message.is(types::string));
  EXPECT_EQ(message.as<std::string>(), "hi");
  EXPECT_EQ(message.try_as<std::string>(), "hi");
  EXPECT_EQ(message.try_as<bool>(), std::nullopt);
  EXPECT_EQ(message.try_as(kProto).has_value(), false);
  EXPECT_EQ(message.raw(), "\x0a\x02hi");
  EXPECT_EQ(message.typed(), value);
  EXPECT_EQ(thrown<WrongType>([&] { (void)message.as<double>(); }),
            "the message is a io.statefun.types/string, not a io.statefun.types/double");
  EXPECT_EQ(thrown<WrongType>([&] { (void)value.as<double>(); }),
            "the value is a io.statefun.types/string, not a io.statefun.types/double");
}

TEST(Names, OfTypesAreNamespaceAndName) {
  for (const char* good : {"a/b", "com.example/a", "type.googleapis.com/x.y", "a/b/c"}) EXPECT_TRUE(is_type_name(good)) << good;
  for (const char* bad : {"", "/", "a", "a/", "/b"}) EXPECT_FALSE(is_type_name(bad)) << bad;
  EXPECT_EQ(thrown<InvalidArgument>([] { (void)TypeName::checked("greeter"); }), "type name 'greeter': expected namespace/name");
  EXPECT_EQ(to_string(Address{"shop/mailer", "bob"}), "shop/mailer/bob");
}

TEST(Names, AddressesAreOrderedAndHashed) {
  const Address a{"x/y", "1"};
  const Address b{"x/y", "2"};
  EXPECT_LT(a, b);
  EXPECT_NE(std::hash<Address>()(a), std::hash<Address>()(b));
  EXPECT_EQ((std::map<Address, int>{{a, 1}, {b, 2}}).at(b), 2);
}

}  // namespace
}  // namespace holdfast::sdk
