#include "api/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

using ::testing::HasSubstr;

constexpr Duration kMinute{60'000};

net::HttpRequest with_target(std::string target) {
  return {.method = "GET", .target = std::move(target), .headers = {}, .body = {}, .peer = nullptr};
}

TEST(Query, PagesAreNamedByTextThatAnyQueryTakesAndNothingElse) {
  for (const std::string place : {std::string("a"), std::string("ab"), std::string("abc"), std::string("\0\xff\xfb\xf0", 4), std::string(5'000, '\xff')}) {
    net::HttpRequest request;
    request.target = "/?page=" + page_token(place);
    EXPECT_EQ(Query::parse(request, {"page"})->page().value(), place);
  }
  for (const char* wrong : {"", "!", "a", "YW=Jj", "%ff"}) {
    net::HttpRequest request;
    request.target = std::string("/?page=") + wrong;
    EXPECT_FALSE(Query::parse(request, {"page"})->page()) << wrong;
  }
  EXPECT_EQ(Query::parse(net::HttpRequest{}, {"page"})->page().value(), "");
}

TEST(Parameters, DurationsAreAWholeNumberAndAUnit) {
  EXPECT_EQ(parse_duration("timeout", "30s", kMinute)->ms, 30'000);
  EXPECT_EQ(parse_duration("timeout", "0ms", kMinute)->ms, 0);
  EXPECT_EQ(parse_duration("timeout", "1m", kMinute)->ms, 60'000);
  for (const char* wrong : {"30", "", "s", "-1s", "1.5s", "1 s", "9223372036854775807h", "1d"}) {
    const auto parsed = parse_duration("timeout", wrong, kMinute);
    ASSERT_FALSE(parsed.has_value()) << wrong;
    EXPECT_THAT(parsed.error().message, HasSubstr("timeout: expected a duration")) << wrong;
  }
  EXPECT_EQ(parse_duration("wait", "61s", kMinute).error().message, "wait: the limit is 60000ms, got \"61s\"");
}

TEST(Parameters, UnknownOnesAreRefusedWithTheKnownOnes) {
  const auto query = Query::parse(with_target("/x?timout=3s"), {"timeout", "wait"});
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().message, "unknown query parameter \"timout\"; known here: timeout, wait");
  EXPECT_FALSE(Query::parse(with_target("/x?a=%zz"), {"a"}).has_value());
}

TEST(Parameters, CountsAndFlagsHaveDefaultsAndLimits) {
  const auto query = Query::parse(with_target("/x?limit=7&all&from=18446744073709551616&quiet=maybe"), {"limit", "all", "from", "quiet"});
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->count("limit", 1, 10).value(), 7u);
  EXPECT_EQ(query->count("absent", 1, 10).value(), 1u);
  EXPECT_EQ(query->count("limit", 1, 6).error().message, "limit: the limit is 6, got \"7\"");
  EXPECT_FALSE(query->count("from", 0, UINT64_MAX).has_value());
  EXPECT_TRUE(query->flag("all").value());
  EXPECT_FALSE(query->flag("absent").value());
  EXPECT_FALSE(query->flag("quiet").has_value());
}

TEST(Parameters, AddressesHaveAllParts) {
  const auto address = parse_address("shop", "cart", "a/b ü");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(*address, (model::Address{"shop/cart", "a/b ü"}));
  EXPECT_FALSE(parse_address("", "cart", "a").has_value());
  EXPECT_FALSE(parse_address("shop", "", "a").has_value());
  EXPECT_EQ(parse_address("shop", "cart", ""), (model::Address{"shop/cart", ""})) << "an id like any other";
  EXPECT_FALSE(parse_address("shop", "cart", "\xff").has_value());
  EXPECT_EQ(parse_address("shop", "cart", std::string(kIdBytesMax + 1, 'x')).error().code, ErrorCode::TooLarge);
}

TEST(Parameters, TraceparentIsAsW3CSays) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_TRUE(is_traceparent(good));
  EXPECT_TRUE(is_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later"));
  for (const std::string& wrong :
       {std::string("ff") + good.substr(2), good + "-x", good.substr(0, 54), std::string("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"), std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x"), std::string()}) {
    EXPECT_FALSE(is_traceparent(wrong)) << wrong;
  }
  net::HttpRequest request = with_target("/");
  EXPECT_EQ(traceparent_of(request), "");
  request.headers.add("traceparent", good);
  EXPECT_EQ(traceparent_of(request), good);
  request.headers.add("traceparent", good);
  EXPECT_EQ(traceparent_of(request), "") << "two of them say nothing";
}

TEST(Parameters, IdempotencyKeysHaveALimit) {
  net::HttpRequest request = with_target("/");
  EXPECT_EQ(idempotency_key(request).value(), "");
  request.headers.set("idempotency-key", std::string(kIdempotencyKeyMax, 'k'));
  EXPECT_EQ(idempotency_key(request)->size(), kIdempotencyKeyMax);
  request.headers.set("idempotency-key", std::string(kIdempotencyKeyMax + 1, 'k'));
  EXPECT_EQ(idempotency_key(request).error().code, ErrorCode::TooLarge);
  request.headers.set("idempotency-key", "");
  EXPECT_EQ(idempotency_key(request).error().code, ErrorCode::Invalid);
}

TEST(Parameters, WhatIsSaidTwiceIsRefused) {
  EXPECT_EQ(Query::parse(with_target("/?limit=1&limit=1"), {"limit"}).error().message, "the query parameter limit is given more than once");
  net::HttpRequest request = with_target("/");
  request.headers.add("idempotency-key", "k");
  request.headers.add("Idempotency-Key", "k");
  EXPECT_EQ(idempotency_key(request).error().message, "Idempotency-Key is given more than once");
  request.headers.add("x-value-type", "a/b");
  EXPECT_EQ(value_type(request).value(), "a/b");
  request.headers.add("x-value-type", "a/b");
  EXPECT_EQ(value_type(request).error().message, "X-Value-Type is given more than once");
}

TEST(Parameters, ValueTypesAreNamespaceAndName) {
  for (const char* good : {"a/b", "type.googleapis.com/x.Y", "a/b/c"}) EXPECT_TRUE(is_type_name(good)) << good;
  for (const char* bad : {"", "/", "nonsense", "/b", "a/", "a/b/"}) EXPECT_FALSE(is_type_name(bad)) << bad;
  net::HttpRequest request = with_target("/");
  EXPECT_EQ(value_type(request).value(), "");
  request.headers.set("x-value-type", "nonsense");
  EXPECT_EQ(value_type(request).error().message, "X-Value-Type: expected namespace/name, got \"nonsense\"");
  request.headers.set("x-value-type", std::string(kTypeBytesMax, '/'));
  EXPECT_EQ(value_type(request).error().code, ErrorCode::Invalid);
  request.headers.set("x-value-type", "a/" + std::string(kTypeBytesMax, 'b'));
  EXPECT_EQ(value_type(request).error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace holdfast::api
