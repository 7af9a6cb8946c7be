// Requests and answers: what a client sees. Listening is in listen_test.cc, calls at once in concurrency_test.cc, the end in stop_test.cc.
#include "holdfast/sdk/server.h"

#include <stdexcept>

#include "server/server_fixture.h"

namespace holdfast::sdk::server {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

void throw_what_it_is_told(Context&, const Message& message) { throw std::runtime_error(message.as<std::string>()); }

TEST_F(ServerTest, AFunctionAnswersAsItsHandlerDoes) {
  start_echo();
  auto& http = client();
  for (const auto& body : {request("test/echo", "a", {"one"}), request("test/echo", "b", {"two", "three"})})
    EXPECT_EQ(answer(http, body), expected_echo(body));
}

TEST_F(ServerTest, AFirstCallIsAnsweredWithTheStatesThatAreMissing) {
  constexpr State<std::int64_t> kSeen{"seen"};
  const auto functions = [&] { return Functions().bind({"test/counter", {kSeen}, [](Context&, const Message&) {}}); };
  start(functions());
  const std::string body = request("test/counter", "a", {"x"});
  const std::string bytes = answer(client(), body);
  EXPECT_EQ(bytes, expected(functions(), body));
  EXPECT_THAT(bytes, HasSubstr("seen"));
}

TEST_F(ServerTest, AConnectionIsKept) {
  start_echo();
  auto& http = client();
  const std::string body = request("test/echo", "a", {"one"});
  for (int i = 0; i < 20; ++i) answer(http, body);
  EXPECT_EQ(http.connects(), 1u);
}

TEST_F(ServerTest, RequestsInARowAreAnsweredInOrder) {
  start_echo();
  const auto peer = raw_client();
  std::string all;
  for (const char* text : {"first", "second", "third"}) {
    const std::string body = request("test/echo", "a", {text});
    all += post_head(body.size()) + body;
  }
  peer->say(all);
  run_until([&] { return peer->count("HTTP/1.1 200 OK") == 3; });
  EXPECT_LT(peer->got.find("first"), peer->got.find("second"));
  EXPECT_LT(peer->got.find("second"), peer->got.find("third"));
}

TEST_F(ServerTest, ARequestThatComesByteByByteIsOne) {
  start_echo();
  const auto peer = raw_client();
  const std::string body = request("test/echo", "a", {"slow"});
  for (const char c : post_head(body.size()) + body) {
    peer->say({&c, 1});
    loop_.post([&] { loop_.stop(); });
    loop_.run();
  }
  run_until([&] { return peer->count("slow") == 1; });
}

TEST_F(ServerTest, WhatIsNoRequestIs400) {
  start_echo();
  auto& http = client();
  for (const std::string body : {"", "garbage", "\x0a\x01x"}) {
    const auto result = call_function(http, body);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 400) << result->body;
    EXPECT_THAT(std::string(result->headers.get("content-type")), StartsWith("text/plain"));
    EXPECT_NE(result->body, "");
  }
  EXPECT_EQ(metric("holdfast_sdk_refused_total{reason=\"malformed\"}"), 2);  // Without a body there was nothing to read.
}

TEST_F(ServerTest, AFunctionThatIsNotHereIs404AndSaysWhichAre) {
  start_echo();
  const auto result = call_function(client(), request("test/nobody", "a", {"x"}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 404);
  EXPECT_THAT(result->body, HasSubstr("test/nobody"));
  EXPECT_THAT(result->body, HasSubstr("test/echo"));
  EXPECT_EQ(metric("holdfast_sdk_refused_total{reason=\"not_found\"}"), 1);
}

TEST_F(ServerTest, AFunctionThatThrowsIs500WithItsReasonAndTheServerGoesOn) {
  start(Functions().bind({"test/throws", throw_what_it_is_told}).bind({"test/echo", echo}));
  auto& http = client();
  const auto result = call_function(http, request("test/throws", "a", {"out of stock"}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 500);
  EXPECT_EQ(result->body, "test/throws/a: out of stock");
  EXPECT_THAT(std::string(result->headers.get("content-type")), StartsWith("text/plain"));
  const std::string body = request("test/echo", "a", {"one"});
  EXPECT_EQ(answer(http, body), expected_echo(body));
  EXPECT_EQ(http.connects(), 1u);
}

TEST_F(ServerTest, AReasonIsCutBetweenCharacters) {
  start(Functions().bind({"test/throws", throw_what_it_is_told}));
  std::string reason;
  while (reason.size() < 10'000) reason += "\xE2\x82\xAC";  // Three bytes, so that 4096 is in the middle of one of three such reasons.
  for (const std::string before : {"", "x", "xx"}) {
    const auto result = call_function(client(), request("test/throws", "a", {before + reason}));
    ASSERT_TRUE(result);
    EXPECT_LE(result->body.size(), 4096u);
    EXPECT_GT(result->body.size(), 4092u);
    EXPECT_EQ(result->body.substr(result->body.size() - 3), "\xE2\x82\xAC");
  }
}

TEST_F(ServerTest, OnlyPostCallsFunctions) {
  start_echo();
  const auto result = get(client(), "/functions");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 405);
  EXPECT_EQ(result->headers.get("allow"), "POST");
}

TEST_F(ServerTest, AnyPathCallsFunctions) {
  start_echo();
  const std::string body = request("test/echo", "a", {"one"});
  for (const char* path : {"/", "/a/b?c=d", "/healthz/x"}) {
    const auto result = post(client(), path, body, {{"content-type", "application/octet-stream"}});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200) << path;
  }
  const auto result = post(client(), "/healthz", body);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 405);
}

TEST_F(ServerTest, BytesOfAnotherContentTypeAre415) {
  start_echo();
  const std::string body = request("test/echo", "a", {"one"});
  const auto status = [&](net::HeaderList headers) {
    const auto result = call_function(client(), body, std::move(headers));
    return result ? result->status : 0;
  };
  EXPECT_EQ(status({{"content-type", "application/json"}}), 415);
  EXPECT_EQ(status({}), 200);
  EXPECT_EQ(status({{"content-type", "Application/Octet-Stream"}}), 200);
  EXPECT_EQ(status({{"content-type", "application/octet-stream ; charset=utf-8"}}), 200);
}

TEST_F(ServerTest, BigBodiesGoBothWays) {
  start_echo();
  std::string text(20 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < text.size(); i += 991) text[i] = static_cast<char>('a' + i % 26);
  const std::string body = request("test/echo", "a", {text});
  EXPECT_TRUE(answer(client(), body) == expected_echo(body));
}

TEST_F(ServerTest, ABodyOverTheLimitIs413AndOneAtTheLimitIsNot) {
  const std::string body = request("test/echo", "a", {"0123456789"});
  start_echo({.request_bytes_max = body.size()});
  answer(client(), body);
  const auto result = call_function(client(), request("test/echo", "a", {"0123456789x"}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 413);
  EXPECT_THAT(result->body, HasSubstr(std::to_string(body.size())));
}

TEST_F(ServerTest, ItIsHealthy) {
  start_echo();
  const auto result = get(client(), "/healthz");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  const auto head = call(client(), {"HEAD", "/healthz", {}, {}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
}

TEST_F(ServerTest, MetricsCountByFunction) {
  start(Functions().bind({"test/echo", echo}).bind({"test/throws", throw_what_it_is_told}));
  auto& http = client();
  answer(http, request("test/echo", "a", {"one", "two", "three"}));
  answer(http, request("test/echo", "b", {"one"}));
  (void)call_function(http, request("test/throws", "a", {"no"}));
  (void)call_function(http, request("somebody/else", "a", {"no"}));
  EXPECT_EQ(metric("holdfast_sdk_calls_total{function=\"test/echo\"}"), 2);
  EXPECT_EQ(metric("holdfast_sdk_messages_total{function=\"test/echo\"}"), 4);
  EXPECT_EQ(metric("holdfast_sdk_failures_total{function=\"test/echo\"}"), 0);
  EXPECT_EQ(metric("holdfast_sdk_failures_total{function=\"test/throws\"}"), 1);
  EXPECT_EQ(metric("holdfast_sdk_calls_under_way{function=\"test/echo\"}"), 0);
  EXPECT_EQ(metric("holdfast_sdk_call_duration_seconds_count{function=\"test/echo\"}"), 2);
  EXPECT_EQ(metric("holdfast_sdk_calls_waiting"), 0);
  EXPECT_GE(metric("holdfast_sdk_connections"), 1);
  EXPECT_GT(metric("process_resident_memory_bytes"), 0);
  const auto result = get(http, "/metrics");
  ASSERT_TRUE(result);
  EXPECT_THAT(result->body, ::testing::Not(HasSubstr("somebody/else")));
  EXPECT_THAT(std::string(result->headers.get("content-type")), StartsWith("text/plain; version=0.0.4"));
}

}  // namespace
}  // namespace holdfast::sdk::server
