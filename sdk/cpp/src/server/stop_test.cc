// The end: what is under way is answered, and nobody waits for what does not end.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/server_fixture.h"

namespace holdfast::sdk::server {
namespace {

using std::chrono::milliseconds;

class StopTest : public ServerTest {
 protected:
  // stop() on a thread of its own, while the clients' loop goes on.
  void stop_aside() {
    stopping_ = std::thread([this] {
      sdk_server_->stop();
      stopped_ = true;
    });
  }
  void wait_for_stop() {
    until([this] { return stopped_.load(); });
    stopping_.join();
  }
  // Once it takes no connections it has begun to stop.
  void wait_until_refused() {
    until([this] { return !get(client(), "/healthz"); });
  }
  void begin(net::HttpClient& http, std::string body) {
    http.post("/", {{"content-type", "application/octet-stream"}}, std::move(body),
              [this](net::CallResult result) { answer_ = std::move(result); });
  }
  void TearDown() override {
    if (stopping_.joinable()) stopping_.join();
    ServerTest::TearDown();
  }

  std::thread stopping_;
  std::atomic<bool> stopped_{false};
  std::optional<net::CallResult> answer_;
};

TEST_F(StopTest, AnIdleServerStopsAtOnceAndClosesItsConnections) {
  start_echo({.stop_grace = milliseconds(600'000)});
  auto& http = client();
  const auto peer = raw_client();
  answer(http, request("test/echo", "a", {"one"}));
  sdk_server_->stop();
  run_until([&] { return peer->ended; });
  EXPECT_FALSE(get(client(), "/healthz"));
  sdk_server_->stop();  // Once more does no harm.
}

TEST_F(StopTest, WhatIsUnderWayIsAnsweredAndNothingNewIsTaken) {
  Gate gate;
  start(Functions().bind({"test/blocks", echo_behind(gate), Execution::Blocking}),
        {.stop_grace = milliseconds(600'000)});
  const std::string body = request("test/blocks", "a", {"one"});
  begin(client(), body);
  until([&] { return gate.arrived() == 1; });
  stop_aside();
  wait_until_refused();
  EXPECT_FALSE(stopped_.load());
  EXPECT_FALSE(answer_.has_value());
  gate.open();
  until([&] { return answer_.has_value(); });
  ASSERT_TRUE(*answer_) << answer_->error().message;
  EXPECT_EQ((*answer_)->status, 200);
  EXPECT_EQ((*answer_)->body, expected(Functions().bind({"test/blocks", echo}), body));
  EXPECT_EQ((*answer_)->headers.get("connection"), "close");
  EXPECT_FALSE((*answer_)->headers.contains("upgrade"));
  wait_for_stop();
}

TEST_F(StopTest, WhileItStopsItIsNotHealthy) {
  Gate gate;
  start(Functions().bind({"test/blocks", [&](Context&, const Message&) { gate.pass(); }, Execution::Blocking}),
        {.stop_grace = milliseconds(600'000)});
  const auto peer = raw_client();
  peer->say("GET /healthz HT");
  metric("holdfast_sdk_connections");  // Once this is answered, the half request has come.
  stop_aside();
  wait_until_refused();
  peer->say("TP/1.1\r\nhost: x\r\n\r\n");
  until([&] { return peer->ended; });
  EXPECT_EQ(peer->count("HTTP/1.1 503 "), 1u) << peer->got;
  wait_for_stop();
}

TEST_F(StopTest, WithTheServerItsFunctionsGo) {
  const auto owned = std::make_shared<int>(1);
  const auto function = [owned](Context&, const Message&) { EXPECT_EQ(*owned, 1); };
  start(Functions().bind({"test/quick", function}).bind({"test/blocks", function, Execution::Blocking}));
  auto& http = client();
  for (const char* type : {"test/quick", "test/blocks"}) answer(http, request(type, "a", {"one"}));
  EXPECT_GT(owned.use_count(), 2);
  sdk_server_.reset();
  EXPECT_EQ(owned.use_count(), 2);  // The test's own.
}

// Completes calls on a thread of its own, which ends with it.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      changed_.notify_one();
    }
    thread_.join();
  }
  void complete(Completion call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !calls_.empty(); });
      if (calls_.empty()) return;
      auto call = std::move(calls_.back());
      calls_.pop_back();
      lock.unlock();
      call.complete();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> calls_;
  bool ending_ = false;
  std::thread thread_;
};

TEST_F(StopTest, AFunctionMayOwnTheThreadItCompletesOn) {
  for (int round = 0; round < 50; ++round) {
    auto worker = std::make_shared<Worker>();
    start(Functions().bind({"test/later", [worker](Context&, const Message&, Completion done) { worker->complete(std::move(done)); }}));
    worker.reset();  // The functions own it from here on, and it goes with them: on this thread, not on its own.
    answer(client(), request("test/later", "a", {"x"}));
    sdk_server_.reset();
  }
}

TEST_F(StopTest, AFunctionThatNeverCompletesIsGivenUpAfterTheGrace) {
  std::optional<Completion> kept;
  std::atomic<bool> begun{false};
  start(Functions().bind({"test/never",
                          [&](Context&, const Message&, Completion done) {
                            kept = done;
                            begun = true;
                          }}),
        {.stop_grace = milliseconds(20)});
  begin(client(), request("test/never", "a", {"one"}));
  until([&] { return begun.load(); });
  stop_aside();
  wait_for_stop();
  until([&] { return answer_.has_value(); });
  EXPECT_FALSE(*answer_);
  sdk_server_.reset();
  kept->complete();  // Nobody is there any more, and nothing happens.
}

TEST_F(StopTest, AFunctionThatBlocksForeverIsGivenUpAfterTheGrace) {
  for (const auto where : {Execution::Quick, Execution::Blocking}) {
    // The function outlives the server, and this round of the test.
    const auto gate = std::make_shared<Gate>();
    const auto ended = std::make_shared<std::atomic<bool>>(false);
    start(Functions().bind({"test/stuck",
                            [gate, ended](Context&, const Message&) {
                              gate->pass();
                              *ended = true;
                            },
                            where}),
          {.stop_grace = milliseconds(20)});
    begin(client(), request("test/stuck", "a", {"one"}));
    until([&] { return gate->arrived() == 1; });
    stopped_ = false;
    stop_aside();
    wait_for_stop();
    sdk_server_.reset();
    EXPECT_FALSE(ended->load());
    gate->open();
    until([&] { return gate.use_count() == 1; });  // With its thread everything goes that the server kept.
    EXPECT_TRUE(ended->load());
  }
}

TEST_F(StopTest, CallsThatWaitForTheirTurnAreServedBeforeTheEnd) {
  Gate gate;
  std::atomic<int> called{0};
  start(Functions().bind({"test/blocks", [&](Context&, const Message&) { ++called; gate.pass(); }, Execution::Blocking}),
        {.concurrent_calls_max = 1, .stop_grace = milliseconds(600'000)});
  std::size_t answered = 0;
  auto& http = client();
  const auto check = [&](net::CallResult result) {
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->status, 200);
    ++answered;
  };
  for (int i = 0; i < 3; ++i) http.post("/", {}, request("test/blocks", std::to_string(i), {"x"}), check);
  until([&] { return gate.arrived() == 1 && metric("holdfast_sdk_calls_waiting") == 2; });
  stop_aside();
  wait_until_refused();
  gate.open();
  until([&] { return answered == 3; });
  wait_for_stop();
  EXPECT_EQ(called.load(), 3);
}

TEST_F(StopTest, AFunctionMayAskForTheEndItself) {
  Server* server = nullptr;
  start(Functions().bind({"test/last", [&](Context& ctx, const Message& message) { server->stop(); echo(ctx, message); }}),
        {.stop_grace = milliseconds(600'000)});
  server = sdk_server_.get();
  const std::string body = request("test/last", "a", {"bye"});
  EXPECT_EQ(answer(client(), body), expected(Functions().bind({"test/last", echo}), body));
  wait_until_refused();
  sdk_server_->stop();
}

TEST_F(StopTest, AServerStartsWhereOneHasStopped) {
  const auto port = start_echo().port();
  answer(client(), request("test/echo", "a", {"one"}));
  sdk_server_->stop();
  ServerOptions options;
  options.port = port;
  start_echo(options);
  answer(client(), request("test/echo", "a", {"one"}));
}

}  // namespace
}  // namespace holdfast::sdk::server
