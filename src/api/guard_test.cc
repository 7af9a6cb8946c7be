#include "api/guard.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

net::HttpRequest request(std::string method, net::HeaderList headers) {
  return {.method = std::move(method), .target = "/v1/x", .headers = std::move(headers), .body = {}, .peer = nullptr};
}

TEST(Guard, AsksForTheTokenAndTakesNoOther) {
  const Guard guard({.token = "secret", .local_only = false});
  EXPECT_EQ(guard.check(request("GET", {{"host", "example.org"}}), false), Refusal::NoToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Basic c2VjcmV0"}}), false), Refusal::NoToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Bearer"}}), false), Refusal::NoToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Bearer secre"}}), false), Refusal::WrongToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Bearer secretx"}}), false), Refusal::WrongToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Bearer secres"}}), false), Refusal::WrongToken);
  EXPECT_EQ(guard.check(request("GET", {{"authorization", "Bearer secret"}}), false), std::nullopt);
  EXPECT_EQ(guard.check(request("POST", {{"authorization", "bearer  secret"}}), true), std::nullopt);
  EXPECT_EQ(guard.check_origin(request("GET", {}), false), std::nullopt) << "probes need none";
}

TEST(Guard, OnLoopbackOnlyLocalNamesAreAnswered) {
  const Guard guard({.token = "", .local_only = true});
  for (const char* host : {"localhost", "localhost:7780", "LOCALHOST:1", "127.0.0.1:7780", "[::1]:7780", "app.localhost:80", "10.0.0.7"}) {
    EXPECT_EQ(guard.check(request("GET", {{"host", host}}), false), std::nullopt) << host;
  }
  for (const char* host : {"evil.example:7780", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "1.2.3", ".localhost"}) {
    EXPECT_EQ(guard.check(request("GET", {{"host", host}}), false), Refusal::ForeignHost) << host;
  }
  EXPECT_EQ(guard.check(request("GET", {}), false), std::nullopt) << "HTTP/1.0 has no host";
  const Guard guarded({.token = "", .local_only = false});
  EXPECT_EQ(guarded.check(request("GET", {{"host", "evil.example"}}), false), std::nullopt);
}

TEST(Guard, PagesOfOtherOriginsChangeNothing) {
  const Guard guard({.token = "", .local_only = true});
  const auto post = [&](std::string_view origin) {
    return guard.check(request("POST", {{"host", "127.0.0.1:7780"}, {"origin", origin}}), true);
  };
  EXPECT_EQ(post("http://127.0.0.1:7780"), std::nullopt);
  EXPECT_EQ(post("http://127.0.0.1:3000"), Refusal::ForeignOrigin);
  EXPECT_EQ(post("https://evil.example"), Refusal::ForeignOrigin);
  EXPECT_EQ(post("null"), Refusal::ForeignOrigin);
  EXPECT_EQ(guard.check(request("GET", {{"host", "localhost"}, {"origin", "https://evil.example"}}), false), std::nullopt);
  EXPECT_EQ(guard.check(request("GET", {{"host", "localhost"}, {"sec-fetch-site", "cross-site"}}), true), Refusal::ForeignOrigin);
  EXPECT_EQ(guard.check(request("POST", {{"host", "localhost"}, {"sec-fetch-site", "same-origin"}}), true), std::nullopt);
}

}  // namespace
}  // namespace holdfast::api
