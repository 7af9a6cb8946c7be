#include <gtest/gtest.h>

#include "net/http2_fixture.h"
#include "net/tls_fixture.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2ClientTest : public NetTest {
 protected:
  static ClientOptions http2_options() {
    ClientOptions options;
    options.protocol = http2_calls();
    return options;
  }
  static HttpLimits http2_limits() {
    HttpLimits limits;
    limits.http2.protocol = http2();
    return limits;
  }
  HttpServer& echo(HttpLimits limits = http2_limits()) {
    return serve(
        [this](HttpRequest&& request, Responder responder) {
          ++requests_;
          if (request.target == "/hold") return held_.push_back(std::move(responder));
          HttpResponse response{.status = 201, .headers = {{"x-method", request.method}, {"x-agent", request.headers.get("user-agent")}}, .body = request.body};
          response.headers.add("x-host", request.headers.get("host"));
          response.headers.add("x-own", request.headers.get("x-own"));
          if (request.target == "/trailers") response.trailers.add("grpc-status", "7");
          if (request.target == "/nothing") response.body.clear();
          responder.send(std::move(response));
        },
        std::move(limits));
  }
  void TearDown() override {
    held_.clear();
    NetTest::TearDown();
  }
  std::vector<Responder> held_;
  int requests_ = 0;
};

TEST_F(Http2ClientTest, ACallIsAnsweredWithHeadersBodyAndTrailers) {
  echo();
  auto& client = connect(http2_options());
  const auto answer = post(client, "/trailers", "hello", {{"X-Own", "mine"}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->headers.get("x-method"), "POST");
  EXPECT_EQ(answer->headers.get("x-agent"), "holdfast");
  EXPECT_EQ(answer->headers.get("x-own"), "mine");
  EXPECT_EQ(answer->headers.get("x-host"), url().host_header());
  EXPECT_EQ(answer->trailers.get("grpc-status"), "7");
  const auto bare = get(client, "/nothing");
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(bare->body, "");
  EXPECT_TRUE(bare->trailers.empty());
  EXPECT_EQ(client.connects(), 1u);
  EXPECT_EQ(client.idle_connections(), 1u);
}

TEST_F(Http2ClientTest, ManyCallsAreUnderWayAtOnceOnOneConnection) {
  echo();
  auto& client = connect(http2_options());
  std::map<int, std::string> answers;
  for (int i = 0; i < 50; ++i) client.call({"POST", "/hold", {}, {}}, [&answers, i](CallResult result) { answers[i] = result ? result->body : result.error().message; });
  run_until([&] { return held_.size() == 50; });
  EXPECT_EQ(client.connections(), 1u);
  EXPECT_EQ(client.pending(), 50u);
  for (std::size_t i = held_.size(); i-- > 0;) held_[i].send({.status = 200, .headers = {}, .body = std::to_string(i)});
  run_until([&] { return answers.size() == 50; });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(answers[i], std::to_string(i));
}

TEST_F(Http2ClientTest, CallsThatThePeerHasNoRoomForWaitAndMoreConnectionsTakeThem) {
  HttpLimits limits = http2_limits();
  limits.http2.streams_max = 2;
  echo(limits);
  ClientOptions options = http2_options();
  options.pool_size = 2;
  auto& client = connect(std::move(options));
  get(client, "/nothing");  // The peer's settings have come.
  int answered = 0;
  for (int i = 0; i < 10; ++i) client.call({"GET", "/hold", {}, {}}, [&](CallResult result) { answered += result.has_value(); });
  run_until([&] { return held_.size() >= 4 && client.connections() == 2; });
  while (answered < 10) {
    for (auto& responder : std::exchange(held_, {})) responder.send({.status = 200, .headers = {}, .body = {}});
    run_until([&] { return !held_.empty() || answered == 10; });
  }
  EXPECT_LE(client.connects(), 2u);
}

TEST_F(Http2ClientTest, BodiesLongerThanTheWindowsComeThroughBothWays) {
  echo();
  auto& client = connect(http2_options());
  const std::string body(9'000'000, 'x');
  const auto answer = post(client, "/", body);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), body.size());
}

TEST_F(Http2ClientTest, AnAnswerOverTheLimitFailsThatCallOnly) {
  echo();
  ClientOptions options = http2_options();
  options.response_bytes_max = 1000;
  auto& client = connect(std::move(options));
  const auto large = post(client, "/", std::string(1001, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ClientError::Kind::TooLarge);
  EXPECT_TRUE(post(client, "/", std::string(1000, 'x')));
  EXPECT_EQ(client.connects(), 1u);
}

TEST_F(Http2ClientTest, ACallThatTakesTooLongIsTakenBackAndTheConnectionGoesOn) {
  echo();
  ClientOptions options = http2_options();
  options.call_timeout = Duration{30};
  auto& client = connect(std::move(options));
  bool gone = false;
  std::optional<CallResult> late;
  client.call({"GET", "/hold", {}, {}}, [&](CallResult result) { late = std::move(result); });
  run_until([&] { return held_.size() == 1 || late; });
  if (!held_.empty()) held_[0].on_abort([&] { gone = true; });
  run_until([&] { return late && (gone || held_.empty()); });
  EXPECT_EQ(late->error().kind, ClientError::Kind::Timeout);
  EXPECT_EQ(client.connections(), 1u);
  EXPECT_EQ(client.pending(), 0u);
}

TEST_F(Http2ClientTest, NobodyThereIsUnreachable) {
  raw_serve([](RawPeer&) {});
  auto& client = connect_raw(http2_options());
  listener_->close();
  const auto answer = get(client, "/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ClientError::Kind::Unreachable);
  EXPECT_TRUE(answer.error().message.find("connection refused") != std::string::npos) << answer.error().message;
  EXPECT_EQ(client.connections(), 0u);
}

TEST_F(Http2ClientTest, AServerThatSpeaksSomethingElseIsAnError) {
  raw_serve([](RawPeer& peer) { peer.say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"); });
  const auto answer = get(connect_raw(http2_options()), "/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ClientError::Kind::Disconnected);
}

TEST_F(Http2ClientTest, AServerThatGoesAwayInTheMiddleFailsTheCall) {
  raw_serve([](RawPeer& peer) {
    if (peer.got.size() > kPreface.size() + 40) peer.hang_up();
  });
  const auto answer = post(connect_raw(http2_options()), "/", "x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ClientError::Kind::Disconnected);
}

// A stream that the server refuses was not looked at (RFC 9113 section 8.7): it is sent again, once.
TEST_F(Http2ClientTest, ARefusedStreamIsTriedOnceMore) {
  int refused = 0;
  raw_serve([&](RawPeer& peer) {
    if (peer.got.size() < (refused == 0 ? 120u : 80u)) return;  // The head of a request is longer than what else is said.
    if (refused == 0) peer.say(frame(NGHTTP2_SETTINGS, 0, 0, {}));
    peer.got.clear();
    const char stream = static_cast<char>(1 + 2 * refused++);
    peer.say(frame(NGHTTP2_RST_STREAM, 0, static_cast<std::uint32_t>(stream), std::string("\0\0\0\x07", 4)));
  });
  HttpCall call{"GET", "/refuse-" + std::string(100, 'x'), {}, {}};
  const auto answer = this->call(connect_raw(http2_options()), std::move(call));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().message.find("REFUSED_STREAM") != std::string::npos) << answer.error().message;
  EXPECT_EQ(refused, 2);
}

// After GOAWAY calls go over another connection; those beyond its last stream were not looked at.
TEST_F(Http2ClientTest, AServerThatDrainsIsLeftForANewConnection) {
  raw_serve([&](RawPeer& peer) {
    if (peer.got.size() < 60) return;
    peer.got.clear();
    if (peer.on_bytes) peer.say(frame(NGHTTP2_SETTINGS, 0, 0, {}) + frame(NGHTTP2_GOAWAY, 0, 0, std::string(8, '\0')));
    peer.on_bytes = nullptr;
  });
  auto& client = connect_raw(http2_options());
  const auto answer = get(client, "/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(client.connects(), 2u);
}

TEST_F(Http2ClientTest, AnIdleConnectionIsClosedAndTheNextCallOpensAnother) {
  echo();
  ClientOptions options = http2_options();
  options.idle_timeout = Duration{1};
  auto& client = connect(std::move(options));
  EXPECT_TRUE(get(client, "/nothing"));
  run_until([&] { return client.connections() == 0; });
  EXPECT_TRUE(get(client, "/nothing"));
  EXPECT_EQ(client.connects(), 2u);
}

TEST_F(Http2ClientTest, AClientThatEndsFailsItsCalls) {
  echo();
  auto& client = connect(http2_options());
  std::optional<CallResult> result;
  client.call({"GET", "/hold", {}, {}}, [&](CallResult r) { result = std::move(r); });
  run_until([&] { return held_.size() == 1; });
  clients_.clear();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error().kind, ClientError::Kind::Disconnected);
}

TEST_F(Http2ClientTest, MoreCallsThanMayWaitAreRefused) {
  echo();
  ClientOptions options = http2_options();
  options.queue_max = 1;
  auto& client = connect(std::move(options));
  client.call({"GET", "/nothing", {}, {}}, [](CallResult) {});
  const auto answer = get(client, "/nothing");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ClientError::Kind::Overloaded);
}

class Http2ClientTlsTest : public TlsTest {};

TEST_F(Http2ClientTlsTest, OverTlsItSaysWhatItSpeaks) {
  HttpLimits limits;
  limits.http2.protocol = http2();
  serve_tls("server", "", limits);
  ClientOptions options;
  options.protocol = http2_calls();
  auto context = load_tls_client(trusting("ca.pem"));
  ASSERT_TRUE(context) << context.error().message;
  options.tls = *context;
  const auto answer = post(connect(url(true), std::move(options)), "/", "secret");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "secret");
}

}  // namespace
}  // namespace holdfast::net
