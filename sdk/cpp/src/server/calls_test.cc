// Many calls over one connection, as Holdfast makes them: what a client of holdfast-calls/1 sees.
#include <atomic>
#include <thread>

#include "net/call_fixture.h"
#include "server/server_fixture.h"

namespace holdfast::sdk::server {
namespace {

using ::testing::HasSubstr;

class CallsTest : public ServerTest {
 protected:
  std::shared_ptr<net::CallPipe> open(net::ClientOptions options = {}) {
    auto pipe = net::CallPipe::open(loop_, client(std::move(options)), "/functions", {}, recorder_);
    pipes_.push_back(pipe);
    run_until([&] { return recorder_.open || !recorder_.closed.empty(); });
    EXPECT_EQ(recorder_.closed, "");
    return pipe;
  }
  void expect_echo(net::CallPipe& pipe) {
    const std::string body = request("test/echo", "a", {"one"});
    recorder_.call(pipe, "echo", body);
    run_until([&] { return recorder_.ended() == 1; });
    EXPECT_EQ(recorder_.answers["echo"], expected_echo(body));
  }
  void TearDown() override {
    for (const auto& pipe : pipes_) pipe->shut();
    ServerTest::TearDown();
  }

  net::Recorder recorder_;
  std::vector<std::shared_ptr<net::CallPipe>> pipes_;
};

TEST_F(CallsTest, AnswersOfFunctionsOfferThemAndNoOthers) {
  start_echo();
  auto& http = client();
  const std::string bodies[] = {request("test/echo", "a", {"one"}), request("test/nobody", "a", {"one"}), "garbage", ""};
  for (const std::string& body : bodies) {
    const auto result = call_function(http, body);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->headers.get("upgrade"), "holdfast-calls/1") << result->status;
  }
  for (const char* path : {"/healthz", "/metrics", "/functions"}) {
    const auto result = get(http, path);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->headers.contains("upgrade")) << path;
  }
  EXPECT_EQ(http.connects(), 1u);
}

TEST_F(CallsTest, ManyAreAnsweredOverOneConnection) {
  start(Functions()
            .bind({"test/echo", echo})
            .bind({"test/blocks", echo, Execution::Blocking})
            .bind({"test/later", [](Context& ctx, const Message& message, Completion done) {
                     std::thread([&ctx, &message, done]() mutable {
                       echo(ctx, message);
                       done.complete();
                     }).detach();
                   }}));
  const auto pipe = open();
  constexpr std::size_t kCalls = 600;
  const char* types[] = {"test/echo", "test/blocks", "test/later"};
  for (std::size_t i = 0; i < kCalls; ++i) {
    const std::string name = std::to_string(i);
    recorder_.call(*pipe, name, request(types[i % 3], name, {name}));
  }
  run_until([&] { return recorder_.ended() == kCalls; });
  EXPECT_TRUE(recorder_.failures.empty());
  for (std::size_t i = 0; i < kCalls; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_EQ(recorder_.answers[name], expected(Functions().bind({types[i % 3], echo}), request(types[i % 3], name, {name})));
  }
  EXPECT_EQ(metric("holdfast_sdk_connections"), 2);  // And the one that asks.
  EXPECT_EQ(metric("holdfast_sdk_calls_total{function=\"test/echo\"}"), kCalls / 3);
}

TEST_F(CallsTest, TheyGoOverUnixSocketsAndTls) {
  ServerOptions options;
  options.unix_path = file("f.sock");
  options.tls = {file("server.pem"), file("server.key"), file("ca.pem")};
  start_echo(options);
  auto context = net::load_tls_client(showing("client", "client.key"));
  ASSERT_TRUE(context);
  net::ClientOptions with;
  with.tls = *context;
  expect_echo(*open(with));
}

TEST_F(CallsTest, FailuresSayWhatHttpWouldSay) {
  start(Functions().bind({"test/throws", [](Context&, const Message& message) { throw std::runtime_error(message.as<std::string>()); }}));
  const auto pipe = open();
  recorder_.call(*pipe, "throws", request("test/throws", "a", {"out of stock"}));
  recorder_.call(*pipe, "nobody", request("test/nobody", "a", {"x"}));
  recorder_.call(*pipe, "garbage", "garbage");
  recorder_.call(*pipe, "empty", "");
  run_until([&] { return recorder_.ended() == 4; });
  EXPECT_EQ(recorder_.failures["throws"].status, 500);
  EXPECT_EQ(recorder_.failures["throws"].message, "test/throws/a: out of stock");
  EXPECT_EQ(recorder_.failures["nobody"].status, 404);
  EXPECT_THAT(recorder_.failures["nobody"].message, HasSubstr("test/throws"));
  EXPECT_EQ(recorder_.failures["garbage"].status, 400);
  EXPECT_EQ(recorder_.failures["empty"].status, 400);
}

TEST_F(CallsTest, CallsOverTheMaximumWaitWhicheverWayTheyCame) {
  Gate gate;
  start(Functions()
            .bind({"test/blocks", echo_behind(gate), Execution::Blocking})
            .bind({"test/echo", echo}),
        {.concurrent_calls_max = 1});
  const auto pipe = open();
  recorder_.call(*pipe, "blocks", request("test/blocks", "a", {"x"}));
  until([&] { return gate.arrived() == 1; });
  recorder_.call(*pipe, "echo", request("test/echo", "a", {"x"}));
  until([&] { return metric("holdfast_sdk_calls_waiting") == 1; });
  bool over_http = false;
  client().post("/", {}, request("test/echo", "b", {"x"}), [&](net::CallResult result) { over_http = result.has_value(); });
  until([&] { return metric("holdfast_sdk_calls_waiting") == 2; });
  EXPECT_EQ(recorder_.ended(), 0u);
  EXPECT_FALSE(over_http);
  gate.open();
  run_until([&] { return recorder_.ended() == 2 && over_http; });
  EXPECT_EQ(recorder_.answers.size(), 2u);
}

TEST_F(CallsTest, AServerThatStopsAnswersWhatIsUnderWayAndTakesNoMore) {
  Gate gate;
  start(Functions().bind({"test/blocks", echo_behind(gate), Execution::Blocking}),
        {.stop_grace = std::chrono::milliseconds(600'000)});
  const auto pipe = open();
  const std::string body = request("test/blocks", "a", {"x"});
  recorder_.call(*pipe, "blocks", body);
  until([&] { return gate.arrived() == 1; });
  std::atomic<bool> stopped{false};
  std::thread stopping([&] {
    sdk_server_->stop();
    stopped = true;
  });
  until([&] { return pipe->state() == net::CallPipe::State::Leaving; });
  EXPECT_FALSE(pipe->takes(0, 10));
  EXPECT_FALSE(stopped.load());
  gate.open();
  until([&] { return recorder_.ended() == 1 && stopped.load(); });
  stopping.join();
  EXPECT_EQ(recorder_.answers["blocks"], expected(Functions().bind({"test/blocks", echo}), body));
}

TEST_F(CallsTest, AClientThatGoesAwayTakesItsCallsWithItAndTheServerGoesOn) {
  Gate gate;
  start(Functions()
            .bind({"test/blocks", [&](Context&, const Message&) { gate.pass(); }, Execution::Blocking})
            .bind({"test/echo", echo}));
  const auto pipe = open();
  recorder_.call(*pipe, "blocks", request("test/blocks", "a", {"x"}));
  until([&] { return gate.arrived() == 1; });
  pipe->shut();
  until([&] { return metric("holdfast_sdk_connections") == 1; });
  gate.open();
  until([&] { return metric("holdfast_sdk_calls_under_way{function=\"test/blocks\"}") == 0; });
  const std::string body = request("test/echo", "a", {"one"});
  EXPECT_EQ(answer(client(), body), expected_echo(body));
}

TEST_F(CallsTest, ARequestOverTheLimitOfARequestIsNotTaken) {
  start_echo({.request_bytes_max = 10'000});
  const auto pipe = open();
  EXPECT_TRUE(pipe->takes(0, 10'000));
  EXPECT_FALSE(pipe->takes(0, 10'001));
}

}  // namespace
}  // namespace holdfast::sdk::server
