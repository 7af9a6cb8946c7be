#include "dapr/invocation.h"

#include <gtest/gtest.h>

namespace holdfast::dapr {
namespace {

TEST(CleanPath, IsGosWay) {
  EXPECT_EQ(clean_path("/v1.0//state/a/"), "/v1.0/state/a");
  EXPECT_EQ(clean_path("/a/./b/../c"), "/a/c");
  EXPECT_EQ(clean_path("/../.."), "/");
  EXPECT_EQ(clean_path(""), "/");
  EXPECT_EQ(clean_path("/a%2Fb"), "/a%2Fb");
}

std::string found(const std::string& target, net::HeaderList headers = {}) {
  net::HttpRequest request{.method = "GET", .target = target, .headers = std::move(headers), .body = {}, .peer = nullptr};
  const auto it = find_invoke_target(request);
  return it ? it->app_id + " " + it->method : "nobody";
}

TEST(InvokeTarget, IsWhereDaprLooksForIt) {
  EXPECT_EQ(found("/v1.0/invoke/shop/method/orders/7?x=1"), "shop orders/7");
  EXPECT_EQ(found("/v1.0/invoke/shop/method/"), "shop ");
  EXPECT_EQ(found("//v1.0//invoke/shop/method/a//b"), "shop a//b");
  EXPECT_EQ(found("/v1.0/invoke/http://host:80/method/x"), "http://host:80 x");
  EXPECT_EQ(found("/v1.0/invoke/http%3A%2F%2Fhost/method/x"), "http://host x");
  EXPECT_EQ(found("/orders//7/", {{"dapr-app-id", "shop"}}), "shop orders/7");
  EXPECT_EQ(found("/orders", {{"authorization", "Basic ZGFwci1hcHAtaWQ6c2hvcA=="}}), "shop orders");
  EXPECT_EQ(found("/orders", {{"authorization", "Basic c29tZWJvZHk6c2hvcA=="}}), "nobody");
  EXPECT_EQ(found("/orders", {{"authorization", "Basic !!"}}), "nobody");
  EXPECT_EQ(found("/v1.0/invoke/shop/orders"), "nobody");
  EXPECT_EQ(found("/v1.0/invoke//method/x"), "nobody");
  EXPECT_EQ(found("/v1.0/invok/shop/method/x"), "nobody");
  EXPECT_EQ(found("/"), "nobody");
}

}  // namespace
}  // namespace holdfast::dapr
