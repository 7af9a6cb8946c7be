// Calls at once: functions that complete later, functions that block, the bound on both, and many threads.
#include <atomic>
#include <map>
#include <thread>

#include "server/server_fixture.h"

namespace holdfast::sdk::server {
namespace {

using ::testing::HasSubstr;

// What functions that complete later leave behind, for the test to complete in its own order.
class Pending {
 public:
  AsyncFunction function() {
    return [this](Context& ctx, const Message& message, Completion done) {
      const std::lock_guard lock(mutex_);
      order_.push_back(message.as<std::string>());
      calls_.emplace(message.as<std::string>(), [&ctx, &message, done]() mutable {
        echo(ctx, message);
        done.complete();
      });
    };
  }
  std::size_t begun() {
    const std::lock_guard lock(mutex_);
    return order_.size();
  }
  std::vector<std::string> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }
  void complete(const std::string& text) {
    std::function<void()> call;
    {
      const std::lock_guard lock(mutex_);
      call = std::move(calls_.at(text));
      calls_.erase(text);
    }
    call();
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> order_;
  std::map<std::string, std::function<void()>> calls_;
};

class ConcurrencyTest : public ServerTest {
 protected:
  // Begins a call; its answer comes into answers_[text].
  void begin(net::HttpClient& http, const std::string& type, const std::string& text) {
    http.post("/", {{"content-type", "application/octet-stream"}}, request(type, text, {text}), [this, text](net::CallResult result) {
      answers_[text] = result ? std::to_string(result->status) + " " + result->body : result.error().message;
    });
  }
  void wait_for_answers(std::size_t count) {
    run_until([&] { return answers_.size() == count; });
  }
  static std::string ok(const std::string& type, const std::string& text) {
    return "200 " + expected(Functions().bind({type, echo}), request(type, text, {text}));
  }
  std::map<std::string, std::string> answers_;
};

TEST_F(ConcurrencyTest, AFunctionCompletesLaterFromAnyThreadAndNobodyWaitsForIt) {
  Pending pending;
  start(Functions().bind({"test/later", pending.function()}).bind({"test/echo", echo}));
  auto& http = client();
  for (const char* text : {"a", "b", "c"}) begin(http, "test/later", text);
  until([&] { return pending.begun() == 3; });
  begin(http, "test/echo", "quick");
  wait_for_answers(1);
  EXPECT_EQ(metric("holdfast_sdk_calls_under_way{function=\"test/later\"}"), 3);
  for (const char* text : {"c", "a", "b"}) {
    std::thread([&] { pending.complete(text); }).join();
    const auto before = answers_.size();
    wait_for_answers(before + 1);
    EXPECT_EQ(answers_[text], ok("test/later", text));
  }
  EXPECT_EQ(metric("holdfast_sdk_calls_under_way{function=\"test/later\"}"), 0);
}

TEST_F(ConcurrencyTest, AFunctionThatDropsItsCompletionFails) {
  start(Functions().bind({"test/drops", [](Context&, const Message&, Completion) {}}));
  const auto result = call_function(client(), request("test/drops", "a", {"x"}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 500);
  EXPECT_THAT(result->body, HasSubstr("without completing"));
}

TEST_F(ConcurrencyTest, CallsOverTheMaximumWaitInTheirOrder) {
  Pending pending;
  start(Functions().bind({"test/later", pending.function()}).bind({"test/echo", echo}), {.concurrent_calls_max = 2});
  auto& http = client();
  for (const char* text : {"a", "b"}) begin(http, "test/later", text);
  until([&] { return pending.begun() == 2; });
  begin(http, "test/later", "c");
  until([&] { return metric("holdfast_sdk_calls_waiting") == 1; });
  begin(http, "test/echo", "d");
  until([&] { return metric("holdfast_sdk_calls_waiting") == 2; });
  EXPECT_EQ(pending.begun(), 2u);
  pending.complete("b");
  until([&] { return pending.begun() == 3; });
  EXPECT_EQ(answers_.count("d"), 0u);
  pending.complete("a");
  wait_for_answers(3);  // "d" had to wait for it.
  EXPECT_EQ(answers_["d"], ok("test/echo", "d"));
  pending.complete("c");
  wait_for_answers(4);
  EXPECT_EQ(pending.order(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ConcurrencyTest, ACallerThatGoesAwayWhileItWaitsIsNotServed) {
  Pending pending;
  std::atomic<int> echoed{0};
  start(Functions().bind({"test/later", pending.function()}).bind({"test/echo", [&](Context&, const Message&) { ++echoed; }}),
        {.concurrent_calls_max = 1});
  auto& http = client();
  begin(http, "test/later", "a");
  until([&] { return pending.begun() == 1; });
  const auto peer = raw_client();
  const std::string body = request("test/echo", "gone", {"x"});
  peer->say(post_head(body.size()) + body);
  until([&] { return metric("holdfast_sdk_calls_waiting") == 1; });
  peer->hang_up();
  metric("holdfast_sdk_connections");  // Asked after it, on the same loop: once this is answered, the other has been seen.
  pending.complete("a");
  wait_for_answers(1);
  EXPECT_EQ(metric("holdfast_sdk_calls_waiting"), 0);
  EXPECT_EQ(echoed.load(), 0);
}

TEST_F(ConcurrencyTest, AFunctionThatBlocksKeepsNobodyFromTheirAnswers) {
  Gate gate;
  start(Functions()
            .bind({"test/blocks", echo_behind(gate), Execution::Blocking})
            .bind({"test/echo", echo}),
        {.threads = 1, .blocking_threads = 3});
  auto& http = client();
  for (const char* text : {"a", "b", "c", "d"}) begin(http, "test/blocks", text);
  until([&] { return gate.arrived() == 3; });
  begin(http, "test/echo", "quick");
  wait_for_answers(1);
  EXPECT_EQ(gate.arrived(), 3);  // And no fourth: there are three threads.
  gate.open();
  wait_for_answers(5);
  for (const char* text : {"a", "b", "c", "d"}) EXPECT_EQ(answers_[text], ok("test/blocks", text));
}

TEST_F(ConcurrencyTest, AFunctionMayBlockBeforeItCompletesLater) {
  Gate gate;
  const AsyncFunction function = [&](Context& ctx, const Message& message, Completion done) {
    gate.pass();
    std::thread([&ctx, &message, done]() mutable {
      echo(ctx, message);
      done.complete();
    }).detach();
  };
  start(Functions().bind({"test/both", function, Execution::Blocking}).bind({"test/echo", echo}));
  auto& http = client();
  begin(http, "test/both", "a");
  begin(http, "test/echo", "quick");
  wait_for_answers(1);
  gate.open();
  wait_for_answers(2);
  EXPECT_EQ(answers_["a"], ok("test/both", "a"));
}

TEST_F(ConcurrencyTest, ManyConnectionsThreadsAndKindsOfFunctionsEachGetTheirOwnAnswer) {
  const AsyncFunction later = [](Context& ctx, const Message& message, Completion done) {
    std::thread([&ctx, &message, done]() mutable {
      echo(ctx, message);
      done.complete();
    }).detach();
  };
  start(Functions()
            .bind({"test/echo", echo})
            .bind({"test/blocks", echo, Execution::Blocking})
            .bind({"test/later", later})
            .bind({"test/both", later, Execution::Blocking}),
        {.threads = 3, .blocking_threads = 4, .concurrent_calls_max = 8});
  constexpr int kCalls = 400;
  net::ClientOptions options;
  options.pool_size = 24;
  auto& http = client(options);
  const char* types[] = {"test/echo", "test/blocks", "test/later", "test/both"};
  for (int i = 0; i < kCalls; ++i) begin(http, types[i % 4], std::to_string(i));
  wait_for_answers(kCalls);
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(answers_[std::to_string(i)], ok(types[i % 4], std::to_string(i)));
  double calls = 0;
  for (const char* type : types) calls += metric("holdfast_sdk_call_duration_seconds_count{function=\"" + std::string(type) + "\"}");
  EXPECT_EQ(calls, kCalls);
}

}  // namespace
}  // namespace holdfast::sdk::server
