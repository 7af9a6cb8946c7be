#include "config/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/environment.h"
#include "config/nearest.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::Optional;

constexpr std::int64_t kSecond = 1'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

TEST(Durations, AreReadAsFlinkReadsThem) {
  const std::pair<std::string_view, std::int64_t> table[] = {
      {"0", 0},
      {"1", 1},
      {"1500", 1500},
      {"0s", 0},
      {"  7  ", 7},
      {" 7  s ", 7 * kSecond},
      {"1 d", kDay},
      {"1D", kDay},
      {"1d", kDay},
      {"2day", 2 * kDay},
      {"3days", 3 * kDay},
      {"1h", kHour},
      {"1hour", kHour},
      {"2 hours", 2 * kHour},
      {"1m", kMinute},
      {"1min", kMinute},
      {"1minute", kMinute},
      {"1minutes", kMinute},
      {"1MIN", kMinute},
      {"1s", kSecond},
      {"1sec", kSecond},
      {"1secs", kSecond},
      {"1second", kSecond},
      {"10seconds", 10 * kSecond},
      {"1ms", 1},
      {"1milli", 1},
      {"1millis", 1},
      {"60000millisecond", 60'000},
      {"5milliseconds", 5},
      {"1µs", 1},
      {"1000µs", 1},
      {"1001µs", 2},
      {"1micro", 1},
      {"2000micros", 2},
      {"1microsecond", 1},
      {"1microseconds", 1},
      {"0ns", 0},
      {"1ns", 1},
      {"1000000ns", 1},
      {"1nano", 1},
      {"1nanos", 1},
      {"1nanosecond", 1},
      {"1nanoseconds", 1},
      {"9223372036854775807", INT64_MAX},
      {"9223372036854775807ms", INT64_MAX},
      {"106751991167d", 106751991167 * kDay},
  };
  for (const auto& [text, ms] : table) EXPECT_THAT(parse_duration(text), Optional(Duration{ms})) << text;
}

TEST(Durations, ThatFlinkRefusesAreRefused) {
  for (const std::string_view text : {"",
                                      " ",
                                      "s",
                                      "us",
                                      "1us",
                                      "1.5s",
                                      "-1s",
                                      "+1s",
                                      "-1",
                                      "1x",
                                      "1 s s",
                                      "1s2",
                                      "one",
                                      "0x10",
                                      "1_000",
                                      "1w",
                                      "1months",
                                      "1e3",
                                      "9223372036854775808",
                                      "18446744073709551616",
                                      "106751991168d"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(ByteSizes, ArePowersOf1024WhateverTheUnitIsCalled) {
  const std::pair<std::string_view, std::uint64_t> table[] = {
      {"0", 0},
      {"1", 1},
      {"1000", 1000},
      {"5b", 5},
      {"1k", 1024},
      {"1kb", 1024},
      {"1 KiB", 1024},
      {"2m", 2 << 20},
      {"2mb", 2 << 20},
      {"2MiB", 2 << 20},
      {"3g", 3ull << 30},
      {"3 GB", 3ull << 30},
      {"3gib", 3ull << 30},
      {"17179869183g", 17179869183ull << 30},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, bytes] : table) EXPECT_THAT(parse_bytes(text), Optional(bytes)) << text;
  for (const std::string_view text :
       {"", "b", "-1", "1.5mb", "1t", "1 m b", "18446744073709551616", "17179869184g", "1mbs"})
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

TEST(DurationsAndSizes, AreShownInTheirLargestExactUnit) {
  EXPECT_EQ(show(Duration{0}), "0ms");
  EXPECT_EQ(show(Duration{1500}), "1500ms");
  EXPECT_EQ(show(Duration{120'000}), "2min");
  EXPECT_EQ(show(Duration{7 * kDay}), "7d");
  EXPECT_EQ(show_bytes(0), "0b");
  EXPECT_EQ(show_bytes(1000), "1000b");
  EXPECT_EQ(show_bytes(33554432), "32mb");
  EXPECT_EQ(show_bytes(1ull << 40), "1024gb");
}

std::string fault(const Format<std::string>& format, std::string_view text) {
  std::string hint;
  return format.parse(text, hint) ? "" : hint;
}

TEST(UrlTemplates, OfAllFourSchemesAreTaken) {
  for (const std::string_view url :
       {"http://h", "http://h/", "http://h:8080/x", "https://h:8080/{function.name}",
        "http://{function.name}.svc:80/x?y=1", "http://127.0.0.1:1", "http://[::1]:8080/x", "http://[::1]",
        "http+unix:///uds.sock", "http+unix:///var/run/uds.sock/statefun",
        "https+unix:///{function.name}.sock/x"}) {
    std::string hint;
    EXPECT_TRUE(url_template().parse(url, hint)) << url << ": " << hint;
  }
}

TEST(UrlTemplates, SayWhatIsWrongWithThem) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"h:8080/x", "the scheme is missing"},
      {"ftp://h/x", "the scheme is none of http, https, http+unix and https+unix"},
      {"FTP://h/x", "the scheme is none of http, https, http+unix and https+unix"},
      {"http:///x", "the host is missing"},
      {"http://", "the host is missing"},
      {"http://:80/x", "the host is missing"},
      {"http://h:0/x", "the port is not a number from 1 to 65535"},
      {"http://h:/x", "the port is not a number from 1 to 65535"},
      {"http://h:99999/x", "the port is not a number from 1 to 65535"},
      {"http://h:8080x/", "the port is not a number from 1 to 65535"},
      {"http://[::1/x", "the ] of an IPv6 address is missing"},
      {"http://[::1]8/x", "there is something between the host and the path"},
      {"http://u:p@h/x", "user names and passwords are not taken from a URL"},
      {"http://h/a b", "it has white space or control characters in it"},
      {"http://h/a\nb", "it has white space or control characters in it"},
      {"http://h/{function}", "{function.name} is the only placeholder there is"},
      {"http://h/{function.name", "{function.name} is the only placeholder there is"},
      {"http://h/x#y", "a fragment is never sent"},
      {"http+unix://uds.sock/x", "the path of the socket is absolute: three slashes"},
      {"http+unix:///var/run/uds", "one part of the path must end in .sock: the socket"},
      {"http+unix://", "one part of the path must end in .sock: the socket"},
  };
  for (const auto& [url, hint] : table) EXPECT_EQ(fault(url_template(), url), hint) << url;
  EXPECT_EQ(fault(url_template(), "http://h/" + std::string(5000, 'x')), "it is longer than 4096 bytes");
}

TEST(FunctionPatterns, AreANameOrAWholeNamespace) {
  for (const std::string_view pattern :
       {"a/*", "a/b", "com.example.fns/greeter", "a/b/c", "a/b/*", "holdfast.example/x"}) {
    std::string hint;
    EXPECT_TRUE(functions_pattern().parse(pattern, hint)) << pattern << ": " << hint;
  }
  const std::pair<std::string_view, std::string_view> table[] = {
      {"greeter", "the / is missing"},
      {"*", "the / is missing"},
      {"", "the / is missing"},
      {"/x", "the namespace is missing"},
      {"a/", "the name is missing"},
      {"a/b*", "* stands for all names of a namespace and nothing else"},
      {"*/b", "* stands for all names of a namespace and nothing else"},
      {"a.*/*", "* stands for all names of a namespace and nothing else"},
      {"a b/c", "the namespace has white space or control characters in it"},
      {"holdfast/*", "the namespace holdfast is reserved"},
      {"holdfast/request", "the namespace holdfast is reserved"},
  };
  for (const auto& [pattern, hint] : table) EXPECT_EQ(fault(functions_pattern(), pattern), hint) << pattern;
}

TEST(EgressIds, HaveOneSlash) {
  EXPECT_EQ(fault(egress_id(), "shop/orders"), "");
  EXPECT_EQ(fault(egress_id(), "orders"), "there must be one /");
  EXPECT_EQ(fault(egress_id(), "a/b/c"), "there must be one /");
  EXPECT_EQ(fault(egress_id(), "a/*"), "* stands for all names of a namespace and nothing else");
  EXPECT_EQ(fault(egress_id(), "holdfast/x"), "the namespace holdfast is reserved");
}

TEST(ListenAddresses, AreAnIpAddressOrLocalhostWithAPort) {
  std::string hint;
  EXPECT_THAT(listen_address().parse("127.0.0.1:9999", hint),
              Optional(std::pair<std::string, std::uint16_t>("127.0.0.1", 9999)));
  EXPECT_THAT(listen_address().parse("[::1]:0", hint),
              Optional(std::pair<std::string, std::uint16_t>("::1", 0)));
  EXPECT_THAT(listen_address().parse("localhost:80", hint),
              Optional(std::pair<std::string, std::uint16_t>("localhost", 80)));
  for (const std::string_view text : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80",
                                      "example.com:80", "[]:80", "127.0.0.1:-1"})
    EXPECT_FALSE(listen_address().parse(text, hint)) << text;
}

TEST(Expansion, ReplacesVariablesOnceAndLeavesEscapesAlone) {
  const Environment environment =
      testing::environment({{"A", "1"}, {"EMPTY", ""}, {"NESTED", "${A}"}, {"a.b_c2", "dotted"}});
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", ""},
      {"plain $5 {x}", "plain $5 {x}"},
      {"${A}", "1"},
      {"x${A}y${A}z", "x1y1z"},
      {"${B:-2}", "2"},
      {"${A:-2}", "1"},
      {"${EMPTY}", ""},
      {"${EMPTY:-2}", "2"},
      {"${B:-}", ""},
      {"${NESTED}", "${A}"},
      {"$${A}", "${A}"},
      {"$$${A}", "$${A}"},
      {"${a.b_c2}", "dotted"},
      {"${B:-a:-b}", "a:-b"},
      {"$", "$"},
      {"$$", "$$"},
  };
  for (const auto& [text, expanded] : table) {
    const Expansion out = expand(text, environment);
    EXPECT_TRUE(out.ok()) << text;
    EXPECT_EQ(out.text, expanded) << text;
  }
  for (const std::string_view text : {"${", "${A", "${}", "${:-x}", "${1A}", "${A B}", "${A-b}", "${B}"})
    EXPECT_FALSE(expand(text, environment).ok()) << text;
  EXPECT_TRUE(expand("${A}", environment).from_environment);
  EXPECT_FALSE(expand("${B:-x}", environment).from_environment);
}

TEST(Expansion, UrlIsShownWithWhatVariablesHoldOnlyUpToItsPort) {
  const Environment environment = testing::environment(
      {{"HOST", "h:80"}, {"KEY", "secret"}, {"URL", "https://h/path?code=secret"}, {"TAIL", "h/secret"}, {"EMPTY", ""}});
  const std::pair<std::string_view, std::string_view> table[] = {
      {"http://h/path?code=1", "http://h/path?code=1"},
      {"http://${HOST}/a?code=${KEY}&b=${KEY}c", "http://h:80/a?code=${KEY}&b=${KEY}c"},
      {"${URL}", "https://h${URL}"},
      {"${URL}&more=1", "https://h${URL}&more=1"},
      {"http://${TAIL}/x", "http://h${TAIL}/x"},
      {"${NONE:-http://h/x}", "http://h/x"},
      {"http://h/${EMPTY}x", "http://h/${EMPTY}x"},
      {"http+unix://${KEY}/x", "http+unix://secret/x"},
      {"http+unix:///run/${KEY}.sock/x", "http+unix:///run/${KEY}.sock/x"},
      {"http://h/{function.name}/${KEY}", "http://h/{function.name}/${KEY}"},
      {"${KEY}", "${KEY}"},
  };
  for (const auto& [text, shown] : table) EXPECT_EQ(shown_url(expand(text, environment)), shown) << text;
}

TEST(Expansion, DoesNotGrowBeyondItsBound) {
  const Environment environment = testing::environment({{"BIG", std::string(1000, 'x')}});
  std::string text;
  for (int i = 0; i < 100; ++i) text += "${BIG}";
  EXPECT_EQ(expand(text, environment).expected, "a value of at most 65536 bytes");
}

TEST(Nearest, FindsTheNameThatWasMeant) {
  constexpr std::string_view known[] = {"functions", "urlPathTemplate", "maxNumBatchRequests", "transport",
                                        "id"};
  EXPECT_EQ(nearest("function", known), "functions");
  EXPECT_EQ(nearest("url_path_template", known), "urlPathTemplate");
  EXPECT_EQ(nearest("MAXNUMBATCHREQUEST", known), "maxNumBatchRequests");
  EXPECT_EQ(nearest("tranpsort", known), "transport");
  EXPECT_EQ(nearest("topics", known), "");
  EXPECT_EQ(nearest("xx", known), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), known), "");
}

}  // namespace
}  // namespace holdfast::config
