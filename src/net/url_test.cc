#include "net/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(Url, HttpHasHostPortAndTarget) {
  const auto url = parse_url("http://functions.example:8080/a/b?c=d#e");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "functions.example");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(url->host_header(), "functions.example:8080");
  EXPECT_EQ(url->origin(), "http://functions.example:8080");
}

TEST(Url, TheSchemesOwnPortIsImpliedAndLeftOutOfTheHostHeader) {
  EXPECT_EQ(parse_url("http://h")->port, 80);
  EXPECT_EQ(parse_url("HTTPS://h")->port, 443);
  EXPECT_TRUE(parse_url("https://h")->tls);
  EXPECT_EQ(parse_url("https://h:443/x")->host_header(), "h");
  EXPECT_EQ(parse_url("https://h:80/x")->host_header(), "h:80");
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("http://h?q")->target, "/?q");
}

TEST(Url, AnIpv6AddressStandsInBrackets) {
  const auto url = parse_url("http://[::1]:9/x");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 9);
  EXPECT_EQ(url->host_header(), "[::1]:9");
}

TEST(Url, AUnixSocketIsThePathUpToTheSegmentThatEndsInSock) {
  const auto url = parse_url("http+unix:///var/run/fn.sock/statefun/x?y=1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->is_unix());
  EXPECT_EQ(url->socket_path, "/var/run/fn.sock");
  EXPECT_EQ(url->target, "/statefun/x?y=1");
  EXPECT_EQ(url->host_header(), "localhost");
  EXPECT_EQ(parse_url("http+unix:///hello.sock")->target, "/");
  EXPECT_EQ(parse_url("http+unix:///hello.sock")->socket_path, "/hello.sock");
  EXPECT_EQ(parse_url("http+unix:///a.sock/b.sock/c")->socket_path, "/a.sock");
  EXPECT_TRUE(parse_url("https+unix:///a.sock")->tls);
}

TEST(Url, WhatIsWrongIsSaid) {
  const auto why = [](const char* text) {
    const auto url = parse_url(text);
    return url ? std::string("accepted") : url.error().message;
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(why("localhost:8080"), HasSubstr("expected http://"));
  EXPECT_THAT(why("ftp://h/"), HasSubstr("expected http://"));
  EXPECT_THAT(why(""), HasSubstr("expected http://"));
  EXPECT_THAT(why("http://"), HasSubstr("the host is missing"));
  EXPECT_THAT(why("http:///x"), HasSubstr("the host is missing"));
  EXPECT_THAT(why("http://h:0/"), HasSubstr("port between 1 and 65535"));
  EXPECT_THAT(why("http://h:70000/"), HasSubstr("got 70000"));
  EXPECT_THAT(why("http://h:/"), HasSubstr("port between"));
  EXPECT_THAT(why("http://h:8x/"), HasSubstr("port between"));
  EXPECT_THAT(why("http://u:p@h/"), HasSubstr("user names and passwords"));
  EXPECT_THAT(why("http://h h/"), HasSubstr("percent-encoded"));
  EXPECT_THAT(why("http://h/\r\nx: y"), HasSubstr("percent-encoded"));
  EXPECT_THAT(why("http://h,i/"), HasSubstr("not allowed: ,"));
  EXPECT_THAT(why("http://[::1/"), HasSubstr("bracket is not closed"));
  EXPECT_THAT(why("http://[::x]/"), HasSubstr("not an IPv6 address"));
  EXPECT_THAT(why("http+unix:///var/run/fn"), HasSubstr(".sock"));
  EXPECT_THAT(why("http+unix://var/run/fn.sock"), HasSubstr("absolute path"));
}

}  // namespace
}  // namespace holdfast::net
