#include "model/dapr_values.h"

#include <gtest/gtest.h>

namespace holdfast::model {
namespace {

std::int64_t ms(std::string_view text) {
  const auto parsed = parse_go_duration(text);
  return parsed ? parsed->ms : -999'999;
}

TEST(GoDuration, IsAnySumOfNumbersWithUnits) {
  EXPECT_EQ(ms("5s"), 5'000);
  EXPECT_EQ(ms("1h2m3.5s"), 3'723'500);
  EXPECT_EQ(ms("1.5m"), 90'000);
  EXPECT_EQ(ms(".5s"), 500);
  EXPECT_EQ(ms("200ms"), 200);
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("-1.5h"), -5'400'000);
  EXPECT_EQ(ms("+1s"), 1'000);
  EXPECT_EQ(ms("3000µs"), 3);
  EXPECT_EQ(ms("3000\xce\xbcs"), 3);
  EXPECT_EQ(ms("3000000ns"), 3);
}

TEST(GoDuration, ShorterThanAMillisecondIsOne) {
  EXPECT_EQ(ms("1ns"), 1);
  EXPECT_EQ(ms("1001us"), 2);
}

TEST(GoDuration, AnythingElseIsNone) {
  for (const std::string_view text : {"", "5", "s", "5 s", "5d", "1s1", "-", ".s", "1h-2m", "9999999999999h", "0.0.1s", "1e3s", "99999999999999999999999999ns"})
    EXPECT_FALSE(parse_go_duration(text)) << text;
}

TEST(GoDuration, GoesToGosLimitAndNotBeyond) {
  EXPECT_EQ(ms("9223372036s"), 9'223'372'036'000);
  EXPECT_FALSE(parse_go_duration("9223372037s"));
  EXPECT_EQ(ms("0.1234567890123456789012345678901234567890s"), 124);
}

TEST(DaprDuration, BareNumberIsMilliseconds) {
  EXPECT_EQ(parse_dapr_duration("1500")->ms, 1500);
  EXPECT_EQ(parse_dapr_duration("1500ms")->ms, 1500);
  EXPECT_FALSE(parse_dapr_duration("1.5"));
}

TEST(Quantity, IsAsKubernetesHasIt) {
  const auto bytes = [](std::string_view text) { return parse_quantity(text).value_or(-999'999); };
  EXPECT_EQ(bytes("4Mi"), 4 << 20);
  EXPECT_EQ(bytes("1.5Mi"), 3 << 19);
  EXPECT_EQ(bytes("4M"), 4'000'000);
  EXPECT_EQ(bytes("64k"), 64'000);
  EXPECT_EQ(bytes("16Ki"), 16'384);
  EXPECT_EQ(bytes("100"), 100);
  EXPECT_EQ(bytes("1e3"), 1'000);
  EXPECT_EQ(bytes("2000m"), 2);
  EXPECT_EQ(bytes("-1"), -1);
  EXPECT_EQ(bytes("0"), 0);
  EXPECT_EQ(bytes("7Ei"), 7LL << 60);
}

TEST(Quantity, AnythingElseIsNone) {
  for (const std::string_view text : {"", "Mi", "4 Mi", "4mi", "4MB", "4K", "0.5", "1m", "8Ei", "99999999999999999999", "1e", "1e400", "4Mi4", "0x10"})
    EXPECT_FALSE(parse_quantity(text)) << text;
}

TEST(AppId, HasNoDots) {
  EXPECT_EQ(app_id_fault("orders"), "");
  EXPECT_EQ(app_id_fault(""), "parameter app-id cannot be empty");
  EXPECT_EQ(app_id_fault("a.b"), "parameter app-id cannot contain dots");
  EXPECT_NE(app_id_fault("a/b"), "");
  EXPECT_NE(app_id_fault("a||b"), "");
  EXPECT_NE(app_id_fault(std::string(250, 'a')), "");
}

TEST(AppProtocol, IsOneOfFiveInAnyCase) {
  EXPECT_EQ(parse_app_protocol("GRPC"), DaprAppProtocol::Grpc);
  EXPECT_EQ(parse_app_protocol("h2c"), DaprAppProtocol::H2c);
  EXPECT_FALSE(parse_app_protocol("http2"));
  EXPECT_FALSE(parse_app_protocol(""));
}

}  // namespace
}  // namespace holdfast::model
