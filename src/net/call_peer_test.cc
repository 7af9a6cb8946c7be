// What each end of holdfast-calls/1 makes of a peer that breaks the rules, is cut off, or says things bit by bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/call_fixture.h"

namespace holdfast::net {
namespace {

using Kind = CallFailure::Kind;
using ::testing::HasSubstr;

constexpr std::uint64_t kFirstCall = 0;  // The client's first slot, used for the first time.

class CallPeer : public CallTest {
 protected:
  // A client that has upgraded its connection and said hello.
  std::shared_ptr<RawPeer> raw_client(const std::string& then = {}) {
    auto peer = raw_connect();
    peer->say(std::string(kAskToSwitch) + hello_bytes(0, 1 << 20, 0) + then);
    return peer;
  }
  // The server's last word to it.
  std::string goodbye(RawPeer& peer) {
    run_until([&] { return peer.ended; });
    const auto frames = frames_in(peer.got);
    if (frames.empty() || frames.back().first.kind != FrameKind::Goaway) return "no goodbye";
    return std::to_string(frames.back().first.detail) + " " + frames.back().second;
  }
};

TEST_F(CallPeer, TheServerSwitchesAndSaysHelloFirst) {
  CallLimits limits;
  limits.calls_max = 5;
  limits.bytes_max = 70'000;
  limits.frame_bytes_max = 50'000;
  serve_echo(limits);
  auto peer = raw_connect();
  peer->say(kAskToSwitch);
  run_until([&] { return count_frames(peer->got, FrameKind::Hello) == 1; });
  EXPECT_EQ(peer->got, std::string(kSwitching) + hello_bytes(5, 50'000, 70'000));
}

TEST_F(CallPeer, AConversationCutAtAnyByteIsTheSame) {
  serve_echo();
  const std::string conversation = hello_bytes(0, 1 << 20, 0) + frame_bytes(FrameKind::Call, 2, 7, "tpone") +
                                   frame_bytes(FrameKind::Cancel, 0, 9, "") + frame_bytes(FrameKind::Call, 0, 8, "two");
  const std::string whole = std::string(kAskToSwitch) + conversation;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    auto peer = raw_connect();
    peer->say(std::string_view(whole).substr(0, cut));
    bool turned = false;
    loop_.post([&] { loop_.post([&] { turned = true; }); });
    run_until([&] { return turned; });
    peer->say(std::string_view(whole).substr(cut));
    run_until([&] { return count_frames(peer->got, FrameKind::Answer) == 2; });
    const auto frames = frames_in(peer->got);
    ASSERT_EQ(frames.size(), 3u) << cut;
    EXPECT_EQ(frames[1].first.call, 7u);
    EXPECT_EQ(frames[1].second, "one");
    EXPECT_EQ(frames[2].first.call, 8u);
    EXPECT_EQ(frames[2].second, "two");
    peer->hang_up();
  }
  EXPECT_EQ(traceparents_[0], "tp");
}

TEST_F(CallPeer, TheSwitchAndTheHelloMayComeByteByByte) {
  raw_serve([](RawPeer&) {});
  auto pipe = CallPipe::open(loop_, connect_raw(), "/fn", {}, recorder_);
  pipes_.push_back(pipe);
  run_until([&] { return !listener_->peers.empty() && listener_->peers[0]->got.ends_with("\r\n\r\n"); });
  EXPECT_EQ(listener_->peers[0]->got, "GET /fn HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(listener_->port) +
                                          "\r\nuser-agent: holdfast\r\naccept-encoding: gzip, deflate\r\nconnection: upgrade\r\n"
                                          "upgrade: holdfast-calls/1\r\n\r\n");
  for (const char byte : std::string(kSwitching) + hello_bytes()) {
    EXPECT_FALSE(recorder_.open);
    bool turned = false;
    listener_->peers[0]->say({&byte, 1});
    loop_.post([&] { loop_.post([&] { turned = true; }); });
    run_until([&] { return turned; });
  }
  run_until([&] { return recorder_.open; });
}

TEST_F(CallPeer, AnotherProtocolThanTheOneAskedForIsNoPipe) {
  raw_serve([](RawPeer& peer) { peer.say("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"); });
  open_on(connect_raw());
  EXPECT_THAT(recorder_.closed, HasSubstr("the server changes to a protocol other than holdfast-calls/1"));
}

TEST_F(CallPeer, RequestsThatDoNotAskAreNotWanted) {
  HttpRequest request{"GET", "/", {{"connection", "keep-alive, Upgrade"}, {"upgrade", "websocket, holdfast-calls/1"}}, {}, {}};
  EXPECT_TRUE(CallServer::is_wanted_by(request));
  request.headers.set("connection", "keep-alive");
  EXPECT_FALSE(CallServer::is_wanted_by(request));
  request.headers = HeaderList{{"connection", "upgrade"}, {"upgrade", "holdfast-calls/2"}};
  EXPECT_FALSE(CallServer::is_wanted_by(request));
  request.headers.set("upgrade", "holdfast-calls/1");
  request.method = "POST";
  EXPECT_FALSE(CallServer::is_wanted_by(request));
}

TEST_F(CallPeer, AClientThatBreaksTheRulesIsToldWhyAndCut) {
  CallLimits limits;
  limits.calls_max = 10;
  limits.frame_bytes_max = 5'000;
  limits.bytes_max = 12'000;
  serve_held(limits);
  const std::string big = frame_bytes(FrameKind::Call, 0, 1, std::string(5'000, 'x'));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {frame_bytes(static_cast<FrameKind>(99), 0, 0, "?"), "1 a frame of unknown kind 99"},
      {frame_bytes(FrameKind::Answer, 0, 1, ""), "1 a frame that only servers send"},
      {frame_bytes(FrameKind::Failed, 500, 1, ""), "1 a frame that only servers send"},
      {hello_bytes(), "1 a hello that is malformed, or the second"},
      {frame_bytes(FrameKind::Call, 3, 1, "tp"), "1 a call whose traceparent is longer than its payload"},
      {frame_bytes(FrameKind::Call, 0, 1, std::string(5'001, 'x')), "1 a frame of 5001 bytes, over the limit of 5000"},
      {big + big + big, "1 more than bytes_max=12000 bytes of calls under way"},
      {std::string(64, '\0'), "1 a frame of unknown kind 0"},
  };
  for (const auto& [bytes, why] : cases) {
    auto peer = raw_client(bytes);
    EXPECT_EQ(goodbye(*peer), why);
    held_.clear();
    peer->hang_up();
  }
  auto hasty = raw_connect();
  hasty->say(std::string(kAskToSwitch) + frame_bytes(FrameKind::Call, 0, 1, "x"));
  EXPECT_EQ(goodbye(*hasty), "1 a frame before hello");
  hasty->hang_up();
  run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(calls_->connections(), 0u);
}

TEST_F(CallPeer, UnknownFramesThatMaySkippedAre) {
  serve_echo();
  std::string later = frame_bytes(static_cast<FrameKind>(99), 0, 0, "of a later version");
  later[5] = 1;
  auto peer = raw_client(later + frame_bytes(FrameKind::Call, 0, 3, "x"));
  run_until([&] { return count_frames(peer->got, FrameKind::Answer) == 1; });
}

TEST_F(CallPeer, TheServerReadsNoMoreThanItHasTokensFor) {
  CallLimits limits;
  limits.calls_max = 2;
  serve_held(limits);
  std::string many;
  for (std::uint64_t call = 0; call < 5; ++call) many += frame_bytes(FrameKind::Call, 0, call, std::to_string(call));
  auto peer = raw_client(many);  // More than it may.
  for (std::size_t n = 0; n < 5; ++n) {
    run_until([&] { return held_.size() >= std::min<std::size_t>(2, 5 - n); });
    EXPECT_EQ(held_.size(), std::min<std::size_t>(2, 5 - n));
    EXPECT_EQ(held_[0].first, std::to_string(n));
    held_[0].second.answer("");
    held_.erase(held_.begin());
  }
  run_until([&] { return count_frames(peer->got, FrameKind::Answer) == 5; });
}

TEST_F(CallPeer, ACancelledCallIsEndedAtOnceAndOnlyOnce) {
  serve_held();
  auto peer = raw_client(frame_bytes(FrameKind::Call, 0, 42, "x"));
  run_until([&] { return held_.size() == 1; });
  peer->say(frame_bytes(FrameKind::Cancel, 0, 42, ""));
  run_until([&] { return count_frames(peer->got, FrameKind::Failed) == 1; });
  EXPECT_EQ(frames_in(peer->got).back().first.detail, kFailedCancelled);
  EXPECT_EQ(frames_in(peer->got).back().first.call, 42u);
  EXPECT_EQ(calls_->calls_under_way(), 1u);
  held_[0].second.answer("late");
  held_.clear();
  peer->say(frame_bytes(FrameKind::Cancel, 0, 42, "") + frame_bytes(FrameKind::Call, 0, 43, "y"));
  run_until([&] { return held_.size() == 1; });
  held_[0].second.answer("z");
  run_until([&] { return count_frames(peer->got, FrameKind::Answer) == 1; });
  EXPECT_EQ(frames_in(peer->got).back().second, "z");
  EXPECT_EQ(count_frames(peer->got, FrameKind::Failed), 1u);
}

TEST_F(CallPeer, CallsTakenBackCountUntilTheirTokensAreGone) {
  CallLimits limits;
  limits.calls_max = 1;
  serve_held(limits);
  auto peer = raw_client(frame_bytes(FrameKind::Call, 0, 1, "a"));
  run_until([&] { return held_.size() == 1; });
  peer->say(frame_bytes(FrameKind::Cancel, 0, 1, "") + frame_bytes(FrameKind::Call, 0, 2, "b"));
  run_until([&] { return count_frames(peer->got, FrameKind::Failed) == 1; });
  EXPECT_EQ(held_.size(), 1u) << "the handler is busy still";
  held_.clear();
  run_until([&] { return held_.size() == 1; });
  EXPECT_EQ(held_[0].first, "b");
}

TEST_F(CallPeer, AClientThatGoesAwayTakesItsCallsBack) {
  serve_held();
  auto peer = raw_client(frame_bytes(FrameKind::Call, 0, 1, "x"));
  run_until([&] { return held_.size() == 1; });
  peer->hang_up();
  run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(calls_->calls_under_way(), 1u);
  held_[0].second.answer("to nobody");
  held_.clear();
  run_until([&] { return calls_->calls_under_way() == 0; });
}

TEST_F(CallPeer, AClientThatReadsNoAnswersIsCut) {
  CallLimits limits;
  limits.answers_bytes_max = 1024 * 1024;
  serve_held(limits);
  auto peer = raw_connect();
  peer->stream->watcher().forget_waits();  // It reads nothing.
  std::string many = std::string(kAskToSwitch) + hello_bytes(0, 1 << 20, 0);
  for (std::uint64_t call = 0; call < 50; ++call) many += frame_bytes(FrameKind::Call, 0, call, "x");
  peer->say(many);
  run_until([&] { return held_.size() == 50; });
  for (auto& [name, token] : held_) token.answer(std::string(500'000, 'x'));
  held_.clear();
  run_until([&] { return server_->connections() == 0; });
}

TEST_F(CallPeer, AClientThatDoesNotCloseAfterGoodbyeIsNotWaitedForForLong) {
  CallLimits limits;
  limits.goodbye_timeout = {1500};
  serve_echo(limits);
  auto peer = raw_client();
  run_until([&] { return count_frames(peer->got, FrameKind::Hello) == 1; });
  bool drained = false;
  server_->drain([&] { drained = true; });
  run_until([&] { return count_frames(peer->got, FrameKind::Goaway) == 1; });
  // Calls that cross the goodbye are answered.
  peer->say(frame_bytes(FrameKind::Call, 0, 1, "crossed"));
  run_until([&] { return count_frames(peer->got, FrameKind::Answer) == 1; });
  run_until([&] { return drained; });
  EXPECT_TRUE(peer->ended);
}

TEST_F(CallPeer, AServerThatBreaksTheRulesLosesItsCalls) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {frame_bytes(FrameKind::Answer, 0, 1ull << 32, "x"), "the server sent an answer to a call that is not under way"},
      {frame_bytes(FrameKind::Answer, 0, 77, "x"), "the server sent an answer to a call that is not under way"},
      {frame_bytes(FrameKind::Call, 0, 0, "x"), "the server sent a frame that only clients send"},
      {frame_bytes(FrameKind::Cancel, 0, 0, ""), "the server sent a frame that only clients send"},
      {hello_bytes(), "the server sent a hello that is malformed, or the second"},
      {frame_bytes(static_cast<FrameKind>(99), 0, 0, ""), "the server sent a frame of unknown kind 99"},
      {frame_bytes(FrameKind::Goaway, kGoawayBroken, 0, "you are odd"), "the server hung up: you are odd"},
      {frame_bytes(FrameKind::Answer, 0, kFirstCall, std::string(5'001, 'x')), "the server sent a frame of 5001 bytes, over the limit of 5000"},
  };
  for (const auto& [bytes, why] : cases) {
    recorder_ = {};
    CallPipeOptions options;
    options.answer_bytes_max = 5'000;
    CallPipe& pipe = open_raw(hello_bytes(), options, [bytes](RawPeer& peer) {
      if (count_frames(peer.got, FrameKind::Call) == 1) peer.say(bytes);
    });
    ASSERT_TRUE(recorder_.open);
    recorder_.call(pipe, "a", "x");
    run_until([&] { return !recorder_.closed.empty(); });
    EXPECT_EQ(recorder_.closed, why);
    EXPECT_EQ(recorder_.failures["a"].kind, Kind::Lost);
    EXPECT_EQ(recorder_.failures["a"].message, why);
    listener_->close();
  }
}

TEST_F(CallPeer, AMalformedHelloIsNoPipe) {
  for (const std::string& first : {frame_bytes(FrameKind::Hello, 0, 0, "short"), hello_bytes(0), hello_bytes(1, 0), hello_bytes(1, 1, 0)}) {
    recorder_ = {};
    open_raw(first);
    EXPECT_FALSE(recorder_.open);
    EXPECT_EQ(recorder_.closed, "the server sent a hello that is malformed, or the second");
    listener_->close();
  }
}

TEST_F(CallPeer, ASilentServerIsNoPipe) {
  CallPipeOptions options;
  options.hello_timeout = {40};
  open_raw("", options);
  EXPECT_FALSE(recorder_.open);
  EXPECT_EQ(recorder_.closed, "no hello from the server");
}

TEST_F(CallPeer, AServerThatIsGoingAwayFromTheStartIsNoPipe) {
  open_raw(frame_bytes(FrameKind::Goaway, 0, 0, ""));
  EXPECT_EQ(recorder_.closed, "the server is going away");
}

TEST_F(CallPeer, AnAnswerMayComeByteByByte) {
  const std::string answer = frame_bytes(FrameKind::Answer, 0, kFirstCall, "answer") + frame_bytes(FrameKind::Goaway, 0, 0, "");
  CallPipe& pipe = open_raw(hello_bytes());
  recorder_.call(pipe, "a", "x");
  RawPeer& server = *listener_->peers[0];
  run_until([&] { return server.got.find(frame_bytes(FrameKind::Call, 0, kFirstCall, "x")) != std::string::npos; });
  for (const char byte : answer) {
    bool turned = false;
    server.say({&byte, 1});
    loop_.post([&] { loop_.post([&] { turned = true; }); });
    run_until([&] { return turned; });
  }
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.answers["a"], "answer");
  EXPECT_EQ(recorder_.closed, "the server asked to");
}

TEST_F(CallPeer, AServerThatDiesInTheMiddleOfAnAnswerLosesTheCall) {
  CallPipe& pipe = open_raw(hello_bytes(), {}, [](RawPeer& peer) {
    if (count_frames(peer.got, FrameKind::Call) == 0) return;
    peer.say(frame_bytes(FrameKind::Answer, 0, kFirstCall, "whole answer").substr(0, 20));
    peer.stream->shut();
  });
  recorder_.call(pipe, "a", "x");
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.failures["a"].kind, Kind::Lost);
  EXPECT_EQ(recorder_.closed, "the server closed the connection");
}

// As one that is killed with requests it has not read. The text of the error goes with the stream, unless it is kept.
TEST_F(CallPeer, AServerThatResetsTheConnectionLosesTheCallsAndTheReasonIsTold) {
  CallPipe& pipe = open_raw(hello_bytes(), {}, [](RawPeer& peer) {
    if (peer.got.find("a call") == std::string::npos) return;
    const linger at_once{1, 0};
    ASSERT_EQ(::setsockopt(peer.stream->watcher().fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    peer.hang_up();
  });
  recorder_.call(pipe, "a", "a call");
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.failures["a"].kind, CallFailure::Kind::Lost);
  EXPECT_EQ(recorder_.failures["a"].message, "connection reset by peer");
  EXPECT_EQ(recorder_.closed, "connection reset by peer");
}

TEST_F(CallPeer, ACallerThatGivesUpSaysSo) {
  CallPipeOptions options;
  options.call_timeout = {50};
  CallPipe& pipe = open_raw(hello_bytes(), options, [](RawPeer& peer) {
    // The second is answered, so that the connection is known to be well.
    if (count_frames(peer.got, FrameKind::Call) == 2 && count_frames(peer.got, FrameKind::Cancel) == 0)
      peer.say(frame_bytes(FrameKind::Answer, 0, 1, ""));
  });
  recorder_.call(pipe, "a", "x");
  recorder_.call(pipe, "b", "x");
  RawPeer& server = *listener_->peers[0];
  run_until([&] { return count_frames(server.got, FrameKind::Cancel) == 1; });
  EXPECT_EQ(frames_in(server.got).back().first.call, kFirstCall);
  EXPECT_EQ(recorder_.failures["a"].kind, Kind::Timeout);
  EXPECT_TRUE(recorder_.answers.contains("b"));
}

TEST_F(CallPeer, HugeOffersAreNotTakenAtTheirWord) {
  CallPipe& pipe = open_raw(hello_bytes(UINT32_MAX, UINT32_MAX, UINT64_MAX));
  EXPECT_TRUE(pipe.takes(0, 1000));
  EXPECT_FALSE(pipe.takes(0, 65 * 1024 * 1024));
}

TEST_F(CallPeer, AServerThatTakesNoBytesIsGivenUp) {
  CallPipeOptions options;
  options.write_timeout = {60};
  CallPipe& pipe = open_raw(hello_bytes(1000, 1 << 24, 1 << 26), options);
  listener_->peers[0]->stream->watcher().forget_waits();
  for (int i = 0; i < 4; ++i) recorder_.call(pipe, std::to_string(i), std::string(8 * 1024 * 1024, 'x'));
  run_until([&] { return !recorder_.closed.empty(); });
  EXPECT_EQ(recorder_.closed, "nothing moved within write_timeout=60 ms");
  EXPECT_EQ(recorder_.failures.size(), 4u);
}

}  // namespace
}  // namespace holdfast::net
