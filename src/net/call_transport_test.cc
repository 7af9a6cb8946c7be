// Both ends of holdfast-calls/1 together, on real sockets. What each says to a peer that misbehaves: call_peer_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <thread>

#include "net/call_fixture.h"
#include "net/event_loop_impl.h"

namespace holdfast::net {
namespace {

using Kind = CallFailure::Kind;
using ::testing::HasSubstr;

class CallTransport : public CallTest {};

class CallsOver : public CallTest, public ::testing::WithParamInterface<std::string> {
 protected:
  static Over over() { return GetParam() == "tcp" ? Over::Tcp : GetParam() == "unix" ? Over::Unix : Over::Tls; }
};

INSTANTIATE_TEST_SUITE_P(Sockets, CallsOver, ::testing::Values("tcp", "unix", "tls"), [](const auto& info) { return info.param; });

TEST_P(CallsOver, EachCallGetsItsOwnAnswer) {
  serve_echo({}, over());
  CallPipe& pipe = open();
  ASSERT_TRUE(recorder_.open) << recorder_.closed;
  for (int i = 0; i < 200; ++i) recorder_.call(pipe, std::to_string(i), "body " + std::to_string(i), i % 2 ? "trace" : "");
  run_until([&] { return recorder_.ended() == 200; });
  for (int i = 0; i < 200; ++i) EXPECT_EQ(recorder_.answers[std::to_string(i)], "body " + std::to_string(i));
  EXPECT_EQ(traceparents_[0], "");
  EXPECT_EQ(traceparents_[1], "trace");
  EXPECT_EQ(pipe.pending(), 0u);
  EXPECT_EQ(calls_->calls_taken(), 200u);
  EXPECT_EQ(calls_->calls_under_way(), 0u);
  EXPECT_EQ(calls_->connections(), 1u);
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_P(CallsOver, ConnectionsThatAreUsedAgainAreNotRegisteredAgain) {
  serve_echo({}, over());
  CallPipe& pipe = open();
  HttpClient& client = *clients_.back();
  const auto call_both_ways = [&](const std::string& name) {
    recorder_.call(pipe, name, name);
    const CallResult result = post(client, "/fn", name);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, name);
    run_until([&] { return recorder_.answers.contains(name); });
  };
  call_both_ways("first");
  const std::uint64_t before = loop_.impl().poller.changes();
  for (int i = 0; i < 50; ++i) call_both_ways(std::to_string(i));
  EXPECT_EQ(loop_.impl().poller.changes(), before);
  EXPECT_EQ(server_->connections(), 2u);
  run_until([&] { return !loop_.impl().poller.is_asked(); });  // Else somebody keeps the loop from sleeping, the listener included.
}

TEST_P(CallsOver, LargeCallsAndSmallOnesGoTogether) {
  CallLimits limits;
  limits.frame_bytes_max = 6 * 1024 * 1024;
  serve_echo(limits, over());
  CallPipe& pipe = open();
  std::map<std::string, std::string> said;
  for (int i = 0; i < 24; ++i) {
    const std::string name = std::to_string(i);
    std::string body(i % 3 == 0 ? 5'000'000 : i % 3 == 1 ? 70'000 : 3, static_cast<char>('a' + i));
    recorder_.call(pipe, name, body);
    said[name] = std::move(body);
  }
  run_until([&] { return recorder_.ended() == 24; });
  EXPECT_TRUE(recorder_.answers == said);
}

TEST_P(CallsOver, CallsMadeFromAnswersGoOnForLong) {
  serve_echo({}, over());
  CallPipe& pipe = open();
  int made = 0;
  const auto more = [&] {
    if (made < 20'000) recorder_.call(pipe, std::to_string(made), std::to_string(made)), ++made;
  };
  recorder_.on_end = [&](const std::string& name) {
    EXPECT_EQ(recorder_.answers[name], name);
    recorder_.answers.erase(name);
    more();
  };
  for (int i = 0; i < 64; ++i) more();
  run_until([&] { return made == 20'000 && pipe.pending() == 0; });
  EXPECT_TRUE(recorder_.failures.empty());
  EXPECT_LT(pipe.writes(), 2'000u) << "calls of one turn do not leave together";
}

TEST_P(CallsOver, ServersMayAnswerInAnyOrderFromAnyThread) {
  std::vector<std::pair<std::string, CallToken>> tokens;
  serve_calls({}, [&](const IncomingCall& call, CallToken token) { tokens.emplace_back(std::string(call.body), std::move(token)); }, over());
  CallPipe& pipe = open();
  for (int i = 0; i < 100; ++i) recorder_.call(pipe, std::to_string(i), std::to_string(i));
  run_until([&] { return tokens.size() == 100; });
  EXPECT_EQ(calls_->calls_under_way(), 100u);
  std::thread odd([&] {
    for (int i = 99; i >= 0; --i)
      if (i % 2) tokens[static_cast<std::size_t>(i)].second.answer("odd " + tokens[static_cast<std::size_t>(i)].first);
  });
  std::thread even([&] {
    for (std::size_t i = 0; i < 100; i += 2) tokens[i].second.fail(503, "even " + tokens[i].first);
  });
  run_until([&] { return recorder_.ended() == 100; });
  odd.join();
  even.join();
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    if (i % 2) {
      EXPECT_EQ(recorder_.answers[name], "odd " + name);
    } else {
      EXPECT_EQ(recorder_.failures[name].kind, Kind::Status);
      EXPECT_EQ(recorder_.failures[name].status, 503);
      EXPECT_EQ(recorder_.failures[name].message, "even " + name);
    }
  }
  run_until([&] { return calls_->calls_under_way() == 0; });
}

TEST_P(CallsOver, AServerThatIsClosedLosesCallsThatWereSentAndGivesBackThoseThatWereNot) {
  CallLimits limits;
  limits.calls_max = 2;
  std::vector<CallToken> tokens;
  serve_calls(limits, [&](const IncomingCall&, CallToken token) { tokens.push_back(std::move(token)); }, over());
  CallPipe& pipe = open();
  for (const char* name : {"a", "b", "c", "d"}) recorder_.call(pipe, name, std::string("body ") + name, "trace");
  run_until([&] { return tokens.size() == 2; });
  EXPECT_EQ(pipe.waiting(), 2u);
  server_->close([] {});
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.failures["a"].kind, Kind::Lost);
  EXPECT_EQ(recorder_.failures["b"].kind, Kind::Lost);
  EXPECT_EQ(recorder_.unsent, (std::vector<std::pair<std::string, std::string>>{{"c", "trace|body c"}, {"d", "trace|body d"}}));
  EXPECT_EQ(pipe.state(), CallPipe::State::Closed);
  EXPECT_FALSE(pipe.takes(0, 0));
  tokens.clear();  // Answers to nobody.
}

TEST_F(CallTransport, CallsOfOneTurnLeaveInOneWrite) {
  serve_echo();
  CallPipe& pipe = open();
  run_until([&] { return pipe.writes() > 0; });
  const auto before = pipe.writes();
  for (int i = 0; i < 100; ++i) recorder_.call(pipe, std::to_string(i), "x");
  run_until([&] { return recorder_.ended() == 100; });
  EXPECT_EQ(pipe.writes(), before + 1);
}

TEST_F(CallTransport, NeverMoreCallsUnderWayThanTheServerTakes) {
  CallLimits limits;
  limits.calls_max = 3;
  serve_held(limits);
  CallPipe& pipe = open();
  for (int i = 0; i < 10; ++i) recorder_.call(pipe, std::to_string(i), std::to_string(i));
  for (std::size_t ended = 0; ended < 10; ++ended) {
    run_until([&] { return held_.size() == std::min<std::size_t>(3, 10 - ended); });
    EXPECT_EQ(pipe.waiting(), 10 - ended - held_.size());
    const auto [name, token] = [&] {
      auto first = std::move(held_.front());
      held_.erase(held_.begin());
      return std::make_pair(first.first, std::make_shared<CallToken>(std::move(first.second)));
    }();
    EXPECT_EQ(name, std::to_string(ended)) << "in the order they were made";
    token->answer(name);
    run_until([&] { return recorder_.answers.contains(name); });
  }
}

TEST_F(CallTransport, NeverMoreBytesUnderWayThanTheServerTakes) {
  CallLimits limits;
  limits.frame_bytes_max = 10'000;
  limits.bytes_max = 25'000;
  serve_held(limits);
  CallPipe& pipe = open();
  EXPECT_FALSE(pipe.takes(1, 10'000)) << "over frame_bytes_max";
  for (int i = 0; i < 4; ++i) recorder_.call(pipe, std::to_string(i), std::string(10'000, 'x'));
  recorder_.call(pipe, "small", "x");
  EXPECT_EQ(pipe.waiting(), 3u) << "a small one does not overtake";
  run_until([&] { return held_.size() == 2; });
  held_[0].second.answer("");
  run_until([&] { return held_.size() == 3; });
  held_[1].second.answer("");
  run_until([&] { return held_.size() == 5; });
}

TEST_F(CallTransport, TheQueueHasBounds) {
  CallLimits limits;
  limits.calls_max = 1;
  serve_held(limits);
  CallPipeOptions options;
  options.queue_calls_max = 2;
  CallPipe& few = open(options);
  for (const char* name : {"a", "b", "c"}) recorder_.call(few, name, "x");
  EXPECT_FALSE(few.takes(0, 1));
  few.shut();
  recorder_ = {};
  options.queue_calls_max = 100;
  options.queue_bytes_max = 1000;
  CallPipe& small = open(options);
  recorder_.call(small, "d", "x");
  recorder_.call(small, "e", std::string(900, 'x'));
  EXPECT_FALSE(small.takes(0, 100));
  EXPECT_TRUE(small.takes(0, 10));
}

TEST_F(CallTransport, ADroppedTokenIsAFailure) {
  serve_calls({}, [](const IncomingCall&, CallToken) {});
  CallPipe& pipe = open();
  recorder_.call(pipe, "a", "x");
  run_until([&] { return recorder_.ended() == 1; });
  EXPECT_EQ(recorder_.failures["a"].status, 500);
  EXPECT_EQ(recorder_.failures["a"].message, "the call was dropped without an answer");
}

TEST_F(CallTransport, AnAnswerOverTheClientsLimitIsToldApart) {
  serve_calls({}, [](const IncomingCall&, CallToken token) { token.answer(std::string(5001, 'x')); });
  CallPipeOptions options;
  options.answer_bytes_max = 5000;
  CallPipe& pipe = open(options);
  recorder_.call(pipe, "a", "x");
  run_until([&] { return recorder_.ended() == 1; });
  EXPECT_EQ(recorder_.failures["a"].kind, Kind::TooLarge);
  EXPECT_EQ(recorder_.failures["a"].message, "the answer of 5001 bytes is over the client's limit of 5000");
  EXPECT_EQ(pipe.state(), CallPipe::State::Open);
}

TEST_F(CallTransport, ALateCallIsTakenBackAndThePipeGoesOn) {
  CallLimits limits;
  limits.calls_max = 2;
  serve_held(limits);
  CallPipeOptions options;
  options.call_timeout = {80};
  CallPipe& pipe = open(options);
  recorder_.call(pipe, "late", "late");
  run_until([&] { return held_.size() == 1; });
  // Something comes while it waits, so that the connection is known to be well.
  recorder_.call(pipe, "quick", "quick");
  run_until([&] { return held_.size() == 2; });
  held_[1].second.answer("");
  run_until([&] { return recorder_.failures.contains("late"); });
  EXPECT_EQ(recorder_.failures["late"].kind, Kind::Timeout);
  EXPECT_EQ(recorder_.failures["late"].message, "no answer within call_timeout=80 ms");
  EXPECT_EQ(pipe.state(), CallPipe::State::Open);
  held_[0].second.answer("too late");
  recorder_.call(pipe, "next", "next");
  run_until([&] { return held_.size() == 3; });
  held_[2].second.answer("in time");
  run_until([&] { return recorder_.answers.contains("next"); });
  EXPECT_EQ(recorder_.answers["next"], "in time");
  run_until([&] { return calls_->calls_under_way() == 0; });
}

TEST_F(CallTransport, APipeOnWhichNothingComesIsClosed) {
  serve_held();
  CallPipeOptions options;
  options.call_timeout = {50};
  CallPipe& pipe = open(options);
  recorder_.call(pipe, "a", "a");
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.failures["a"].kind, Kind::Timeout);
  EXPECT_EQ(recorder_.closed, "nothing came within call_timeout=50 ms");
  EXPECT_EQ(pipe.state(), CallPipe::State::Closed);
}

// More calls than the server can answer in time: some are late under way, some in the queue.
TEST_F(CallTransport, EveryCallEndsOnceAndWholeHoweverLate) {
  CallLimits limits;
  limits.calls_max = 3;
  std::deque<std::pair<std::string, CallToken>> working;
  int last = -1;
  serve_calls(limits, [&](const IncomingCall& call, CallToken token) {
    const std::string number(call.body.substr(0, call.body.find(' ')));
    EXPECT_EQ(call.body, number + " " + std::string(static_cast<std::size_t>(std::stoi(number)), 'x'));
    EXPECT_GT(std::stoi(number), last) << "in the order they were made";
    last = std::stoi(number);
    working.emplace_back(number, std::move(token));
  });
  CallPipeOptions options;
  options.call_timeout = {20};
  CallPipe& pipe = open(options);
  std::function<void()> answer = [&] {
    if (!working.empty()) {
      working.front().second.answer(working.front().first);
      working.pop_front();
    }
    loop_.after({3}, answer);
  };
  answer();
  int made = 0;
  std::function<void()> make = [&] {
    for (int i = 0; i < 5 && pipe.takes(0, 10'000); ++i, ++made)
      recorder_.call(pipe, std::to_string(made), std::to_string(made) + " " + std::string(static_cast<std::size_t>(made), 'x'));
    if (made < 500 && pipe.state() == CallPipe::State::Open) loop_.after({1}, make);
  };
  make();
  run_until([&] { return (made >= 500 || !recorder_.closed.empty()) && pipe.pending() == 0; });
  EXPECT_EQ(recorder_.ended(), static_cast<std::size_t>(made));
  EXPECT_FALSE(recorder_.failures.empty()) << "nothing was late";
  for (const auto& [name, body] : recorder_.answers) EXPECT_EQ(name, body);
}

TEST_F(CallTransport, DrainAnswersWhatIsUnderWayAndTakesNoMore) {
  CallLimits limits;
  limits.calls_max = 2;
  serve_held(limits);
  CallPipe& pipe = open();
  for (const char* name : {"a", "b", "c"}) recorder_.call(pipe, name, name);
  run_until([&] { return held_.size() == 2; });
  bool drained = false;
  server_->drain([&] { drained = true; });
  run_until([&] { return pipe.state() == CallPipe::State::Leaving; });
  EXPECT_EQ(recorder_.unsent, (std::vector<std::pair<std::string, std::string>>{{"c", "|c"}}));
  EXPECT_FALSE(pipe.takes(0, 1));
  EXPECT_FALSE(drained);
  for (auto& [name, token] : held_) token.answer("done " + name);
  run_until([&] { return drained && !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.answers["a"], "done a");
  EXPECT_EQ(recorder_.answers["b"], "done b");
  EXPECT_EQ(recorder_.closed, "the server asked to");
}

TEST_F(CallTransport, DrainEndsIdleConnectionsAtOnce) {
  serve_echo();
  open();
  bool drained = false;
  server_->drain([&] { drained = true; });
  run_until([&] { return drained && !recorder_.closed.empty(); });
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(CallTransport, AnIdlePipeIsClosed) {
  serve_echo();
  CallPipeOptions options;
  options.idle_timeout = {40};
  CallPipe& pipe = open(options);
  recorder_.call(pipe, "a", "x");
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.answers["a"], "x");
  EXPECT_EQ(recorder_.closed, "idle");
  run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(calls_->connections(), 0u);
}

TEST_F(CallTransport, AServerTiredOfAnIdleClientAsksItToClose) {
  CallLimits limits;
  limits.idle_timeout = {30};
  HttpLimits http_limits;
  http_limits.idle_timeout = {20};
  serve_calls(limits, [](const IncomingCall&, CallToken token) { token.answer(""); }, Over::Tcp, http_limits);
  open();
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.closed, "the server asked to");
}

TEST_F(CallTransport, AShutPipeSaysNothing) {
  serve_held();
  CallPipe& pipe = open();
  recorder_.call(pipe, "a", "a");
  run_until([&] { return held_.size() == 1; });
  pipe.shut();
  run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(recorder_.ended(), 0u);
  EXPECT_EQ(recorder_.closed, "");
}

TEST_F(CallTransport, AServerThatDoesNotKnowTheProtocolIsNotAPipe) {
  serve([](HttpRequest&&, Responder responder) { responder.send({404, {}, "what?"}); });
  HttpClient& client = connect();
  open_on(client);
  EXPECT_FALSE(recorder_.open);
  EXPECT_EQ(recorder_.closed, url().origin() + " answered 404 Not Found instead of changing to holdfast-calls/1");
  EXPECT_EQ(client.idle_connections(), 1u) << "it is as good as before for HTTP";
}

TEST_F(CallTransport, NobodyThereIsNotAPipe) {
  serve_echo();
  Url origin = url();
  server_.reset();
  open_on(connect(origin));
  EXPECT_THAT(recorder_.closed, HasSubstr("cannot connect to"));
}

TEST_F(CallTransport, AnUpgradeTakesAnIdleConnectionOfThePool) {
  serve_echo();
  HttpClient& client = connect();
  const CallResult result = post(client, "/", "hello");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->headers.get("upgrade"), kCallProtocol);
  EXPECT_TRUE(has_token(result->headers.get("connection"), "upgrade"));
  CallPipe& pipe = open_on(client);
  EXPECT_EQ(client.connections(), 0u);
  EXPECT_EQ(client.connects(), 1u);
  recorder_.call(pipe, "a", "piped");
  run_until([&] { return recorder_.ended() == 1; });
  EXPECT_EQ(post(client, "/", "http goes on")->body, "http goes on");
}

TEST_F(CallTransport, ServersOnSeveralLoopsAnswerOnThem) {
  // The server on a loop and thread of its own: answers cross threads only at the sockets.
  EventLoop server_loop;
  CallServer calls({}, [](const IncomingCall& call, CallToken token) { token.answer(call.body); });
  auto server = HttpServer::listen({&server_loop}, {}, {}, [&](HttpRequest&& request, Responder responder) {
    if (CallServer::is_wanted_by(request)) calls.accept(request, std::move(responder));
  });
  ASSERT_TRUE(server);
  std::thread thread([&] { server_loop.run(); });
  Url origin;
  origin.host = "127.0.0.1";
  origin.port = (*server)->port();
  CallPipe& pipe = open_on(connect(origin));
  for (int i = 0; i < 500; ++i) recorder_.call(pipe, std::to_string(i), std::to_string(i));
  run_until([&] { return recorder_.ended() == 500; });
  EXPECT_EQ(recorder_.answers["499"], "499");
  pipe.shut();
  (*server)->close([&] { server_loop.stop(); });
  thread.join();
}

}  // namespace
}  // namespace holdfast::net
