#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "net/http_client.h"
#include "net/net_fixture.h"

namespace holdfast::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public NetTest {
 protected:
  // Waits until the peer has an answer that ends with `tail`.
  void await(RawPeer& peer, std::string_view tail) {
    run_until([&] { return peer.got.ends_with(tail) || peer.ended; });
  }
  static void echo(HttpRequest&& request, Responder responder) {
    responder.send({200, {}, request.method + " " + request.target + " " + request.body + "."});
  }
};

TEST_F(HttpServerTest, ARequestReachesTheHandlerWholeAndTheAnswerComesBack) {
  serve([](HttpRequest&& request, Responder responder) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query(), "x=1");
    EXPECT_EQ(request.headers.get("X-Test"), "yes");
    EXPECT_TRUE(request.peer->starts_with("127.0.0.1:")) << *request.peer;
    responder.send({201, {{"x-answer", "42"}}, "got " + request.body});
  });
  const CallResult result = post(connect(), "/a/b?x=1", "hello", {{"x-test", "yes"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->headers.get("x-answer"), "42");
  EXPECT_EQ(result->body, "got hello");
  EXPECT_THAT(std::string(result->headers.get("date")), ::testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrderWhoeverAnswersLast) {
  std::vector<std::pair<std::string, Responder>> held;
  serve([&](HttpRequest&& request, Responder responder) { held.emplace_back(request.target, std::move(responder)); });
  auto peer = raw_connect();
  peer->say("GET /1 HTTP/1.1\r\nhost: h\r\n\r\nGET /2 HTTP/1.1\r\nhost: h\r\n\r\nGET /3 HTTP/1.1\r\nhost: h\r\n\r\n");
  for (int i = 0; i < 3; ++i) {
    run_until([&] { return held.size() == 1; });
    auto [target, responder] = std::move(held.back());
    held.clear();
    EXPECT_EQ(target, "/" + std::to_string(i + 1));
    responder.send({200, {}, target + "."});
  }
  await(*peer, "/3.");
  EXPECT_LT(peer->got.find("/1."), peer->got.find("/2."));
  EXPECT_LT(peer->got.find("/2."), peer->got.find("/3."));
}

TEST_F(HttpServerTest, ManyPipelinedRequestsAnsweredAtOnceDoNotRecurse) {
  serve(echo);
  auto peer = raw_connect();
  std::string all;
  for (int i = 0; i < 2000; ++i) all += "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
  peer->say(all + "GET /last HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*peer, "GET /last .");
  EXPECT_EQ(peer->count("HTTP/1.1 200 OK"), 2001u);
}

TEST_F(HttpServerTest, OneRequestMayAnswerAnotherConnectionsAndNeitherLosesWhatFollows) {
  std::vector<Responder> held;
  serve([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/wait") return held.push_back(std::move(responder));
    for (Responder& each : held) each.send({200, {}, "released."});
    held.clear();
    responder.send({200, {}, request.target + "."});
  });
  auto waiting = raw_connect();
  waiting->say("GET /wait HTTP/1.1\r\nhost: h\r\n\r\nGET /after HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 1; });
  auto other = raw_connect();
  other->say("GET /release HTTP/1.1\r\nhost: h\r\n\r\nGET /more HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*waiting, "/after.");
  await(*other, "/more.");
  EXPECT_EQ(waiting->count("released."), 1u);
  EXPECT_EQ(other->count("/release."), 1u);
}

TEST_F(HttpServerTest, AStreamThatEndsWhileDrainingClosesItsConnection) {
  std::vector<StreamWriter> streams;
  serve([&](HttpRequest&&, Responder responder) { streams.push_back(responder.stream(200, {})); });
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*peer, "\r\n\r\n");
  bool drained = false;
  server_->drain([&] { drained = true; });
  streams[0].write("last words");
  run_until([&] { return peer->got.find("last words") != std::string::npos; });
  EXPECT_FALSE(drained);
  streams[0].close();
  run_until([&] { return drained && peer->ended; });
  EXPECT_THAT(peer->got, ::testing::EndsWith("0\r\n\r\n"));
}

TEST_F(HttpServerTest, AnAnswerMayComeFromAnyThread) {
  std::vector<std::thread> threads;
  serve([&](HttpRequest&& request, Responder responder) {
    threads.emplace_back([responder = std::make_shared<Responder>(std::move(responder)), body = request.body] {
      responder->send({200, {}, "thread got " + body});
    });
  });
  HttpClient& client = connect();
  for (int i = 0; i < 20; ++i) {
    const CallResult result = post(client, "/", std::to_string(i));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, "thread got " + std::to_string(i));
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(HttpServerTest, ARequestDroppedWithoutAnswerIsAnswered500) {
  serve([](HttpRequest&&, Responder) {});
  const CallResult result = post(connect(), "/");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 500);
}

TEST_F(HttpServerTest, BigBodiesGoBothWays) {
  serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::move(request.body)}); });
  std::string body(20 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  const CallResult result = post(connect(), "/", body);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->body == body);
}

TEST_F(HttpServerTest, ABodyOverTheLimitIsRefused413WhileItIsStillBeingSent) {
  HttpLimits limits;
  limits.message.body_bytes_max = 1000;
  serve(echo, limits);
  const CallResult result = post(connect(), "/", std::string(3 * 1024 * 1024, 'x'));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 413);
  EXPECT_THAT(result->body, HasSubstr("body_bytes_max=1000"));
}

TEST_F(HttpServerTest, NonsenseIsRefused400AndTheConnectionClosed) {
  serve(echo);
  auto peer = raw_connect();
  peer->say("NONSENSE\r\n\r\n");
  run_until([&] { return peer->ended; });
  EXPECT_THAT(peer->got, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(peer->got, HasSubstr("connection: close\r\n"));
}

TEST_F(HttpServerTest, AClientThatWaitsForContinueIsToldToGoOn) {
  serve(echo);
  auto peer = raw_connect();
  peer->say("POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
  await(*peer, "100 Continue\r\n\r\n");
  peer->say("ok");
  await(*peer, "POST / ok.");
}

TEST_F(HttpServerTest, HeadAnswersHaveALengthAndNoBody) {
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "12345"}); });
  const CallResult result = call(connect(), {"HEAD", "/", {}, {}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->headers.get("content-length"), "5");
  EXPECT_EQ(result->body, "");
}

TEST_F(HttpServerTest, AnAnswerThatCanHaveNoBodyHasNoneAndTheConnectionGoesOn) {
  serve([](HttpRequest&&, Responder responder) { responder.send({204, {}, "not to be sent"}); });
  HttpClient& client = connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(client, "/")->status, 204);
  EXPECT_EQ(client.connects(), 1u);
}

TEST_F(HttpServerTest, AnOldClientsConnectionIsClosedUnlessItAsksOtherwise) {
  serve(echo);
  auto peer = raw_connect();
  peer->say("GET /1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  await(*peer, "GET /1 .");
  EXPECT_THAT(peer->got, HasSubstr("connection: keep-alive\r\n"));
  peer->say("GET /2 HTTP/1.0\r\n\r\n");
  run_until([&] { return peer->ended; });
  EXPECT_THAT(peer->got, HasSubstr("GET /2 ."));
}

TEST_F(HttpServerTest, LineEndsInHeaderValuesDoNotLeaveTheirHeader) {
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {{"x-a", "1\r\nx-evil: 2"}}, "."}); });
  const CallResult result = get(connect(), "/");
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->headers.contains("x-evil"));
  EXPECT_EQ(result->headers.get("x-a"), "1  x-evil: 2");
}

TEST_F(HttpServerTest, AHandlerIsToldWhenItsClientGoesAway) {
  std::vector<Responder> held;
  int gone = 0;
  serve([&](HttpRequest&&, Responder responder) {
    responder.on_abort([&] { ++gone; });
    held.push_back(std::move(responder));
  });
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 1; });
  EXPECT_EQ(gone, 0);
  peer->hang_up();
  run_until([&] { return gone == 1; });
  int late = 0;
  held[0].on_abort([&] { ++late; });
  run_until([&] { return late == 1; });
  held[0].send({200, {}, "nobody reads this"});
  run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(gone, 1);
}

TEST_F(HttpServerTest, AClientThatOnlyStopsSendingStillGetsItsAnswer) {
  std::vector<Responder> held;
  bool told = false;
  serve([&](HttpRequest&&, Responder responder) {
    responder.on_abort([&] { told = true; });
    held.push_back(std::move(responder));
  });
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 1; });
  ::shutdown(peer->stream->watcher().fd(), SHUT_WR);
  run_until([&] { return told; });
  held[0].send({200, {}, "still here."});
  run_until([&] { return peer->ended; });
  EXPECT_THAT(peer->got, ::testing::EndsWith("still here."));
}

TEST_F(HttpServerTest, AStreamArrivesBitByBitAndItsConnectionGoesOn) {
  std::vector<StreamWriter> streams;
  serve([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/plain") return responder.send({200, {}, "plain."});
    streams.push_back(responder.stream(200, {{"content-type", "text/event-stream"}}));
  });
  auto peer = raw_connect();
  peer->say("GET /s HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*peer, "\r\n\r\n");
  EXPECT_THAT(peer->got, HasSubstr("transfer-encoding: chunked\r\n"));
  streams[0].write("data: 1\n\n");
  await(*peer, "9\r\ndata: 1\n\n\r\n");
  streams[0].write("data: 2\n\n");
  streams[0].write("");
  await(*peer, "9\r\ndata: 2\n\n\r\n");
  EXPECT_EQ(streams[0].buffered(), 0u);
  streams[0].close();
  await(*peer, "0\r\n\r\n");
  peer->say("GET /plain HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*peer, "plain.");
}

TEST_F(HttpServerTest, AStreamDroppedWithoutCloseIsCutSoThatTheClientSeesIt) {
  serve([&](HttpRequest&&, Responder responder) { responder.stream(200, {}).write("part"); });
  const CallResult result = get(connect(), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ClientError::Kind::Disconnected);
}

TEST_F(HttpServerTest, AStreamIsToldWhenItsClientGoesAway) {
  std::vector<StreamWriter> streams;
  int gone = 0;
  serve([&](HttpRequest&&, Responder responder) {
    streams.push_back(responder.stream(200, {}));
    streams.back().on_close([&] { ++gone; });
  });
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*peer, "\r\n\r\n");
  peer->hang_up();
  run_until([&] { return gone == 1; });
  streams[0].write("into the void");
  streams[0].close();
  EXPECT_EQ(gone, 1);
}

TEST_F(HttpServerTest, AStreamWhoseClientDoesNotReadIsCutAtItsLimit) {
  HttpLimits limits;
  limits.stream_buffer_bytes_max = 100'000;
  std::vector<StreamWriter> streams;
  bool gone = false;
  serve([&](HttpRequest&&, Responder responder) {
    streams.push_back(responder.stream(200, {}));
    streams.back().on_close([&] { gone = true; });
  }, limits);
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return streams.size() == 1; });
  std::size_t written = 0;
  // The loop does not run in here, so the peer reads nothing; the system's buffers take some megabytes.
  loop_.post([&] {
    while (!gone && written < 256'000'000) {
      streams[0].write(std::string(10'000, 'x'));
      written += 10'000;
    }
  });
  run_until([&] { return written > 0; });
  EXPECT_TRUE(gone);
  EXPECT_LT(written, 256'000'000u);
}

TEST_F(HttpServerTest, WhatTheServerAnswersByItselfHasTheFormOfItsFormatter) {
  HttpLimits limits;
  limits.connections_max = 3;
  limits.message.body_bytes_max = 10;
  serve([](HttpRequest&&, Responder) {}, limits, {}, [](int status, std::string_view message) {
    return HttpResponse{status, {{"content-type", "x/error"}}, "<" + std::to_string(status) + " " + std::string(message) + ">"};
  });
  const auto answer_to = [&](const std::string& bytes) {
    auto peer = raw_connect();
    peer->say(bytes);
    await(*peer, ">");
    EXPECT_THAT(peer->got, HasSubstr("content-type: x/error\r\n"));
    peer->hang_up();
    return peer->got;
  };
  EXPECT_THAT(answer_to("nonsense\r\n\r\n"), HasSubstr("<400 "));
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 11\r\n\r\n"), HasSubstr("<413 a body of 11 bytes, more than body_bytes_max=10>"));
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nhost: h\r\n\r\n"), HasSubstr("<500 the request was dropped without an answer>"));
  run_until([&] { return server_->connections() == 0; });
  std::vector<std::shared_ptr<RawPeer>> open;  // Each in the middle of a request: idle ones would give way.
  for (int i = 0; i < 3; ++i) {
    open.push_back(raw_connect());
    open.back()->say("GET ");
  }
  run_until([&] { return server_->connections() == 3; });
  auto refused = raw_connect();
  run_until([&] { return refused->ended; });
  EXPECT_THAT(refused->got, HasSubstr("retry-after: 1\r\n"));
  EXPECT_THAT(refused->got, ::testing::EndsWith("<503 all connections are taken: connections_max=3>"));
}

TEST_F(HttpServerTest, BodiesThatComeInHaveACommonBound) {
  HttpLimits limits;
  limits.message.body_bytes_max = 1000;
  limits.buffered_bytes_max = 1500;
  serve(echo, limits);
  const std::string head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n";
  auto first = raw_connect();
  first->say(head + std::string(900, 'a'));
  auto second = raw_connect();
  second->say(head + std::string(900, 'b'));
  run_until([&] { return !first->got.empty() || !second->got.empty(); });
  RawPeer& refused = first->got.empty() ? *second : *first;
  RawPeer& other = first->got.empty() ? *first : *second;
  EXPECT_THAT(refused.got, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused.got, HasSubstr("retry-after: 1\r\n"));
  EXPECT_THAT(refused.got, HasSubstr("buffered_bytes_max=1500"));

  // The one that was there first goes on, and then there is room again.
  other.say(std::string(100, 'z'));
  await(other, "z.");
  EXPECT_THAT(other.got, StartsWith("HTTP/1.1 200"));
  auto third = raw_connect();
  third->say(head + std::string(900, 'c'));
  third->hang_up();  // Gives back what was held.
  other.hang_up();
  refused.hang_up();
  run_until([&] { return server_->connections() == 0; });
  auto fourth = raw_connect();
  fourth->say(head + std::string(900, 'd'));
  fourth->say(std::string(100, 'z'));
  await(*fourth, "z.");
  EXPECT_THAT(fourth->got, StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, OneConnectionTooManyIsAnswered503WhileTheOthersAreBusy) {
  HttpLimits limits;
  limits.connections_max = 1;
  serve(echo, limits);
  auto first = raw_connect();
  first->say("GET / HT");
  run_until([&] { return server_->connections() == 1; });
  auto second = raw_connect();
  run_until([&] { return second->ended; });
  EXPECT_THAT(second->got, StartsWith("HTTP/1.1 503"));
  first->say("TP/1.1\r\nhost: h\r\n\r\n");
  await(*first, "GET / .");
  EXPECT_FALSE(first->ended);
  first->hang_up();
  run_until([&] { return server_->connections() == 0; });
  auto third = raw_connect();
  third->say("GET /3 HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*third, "GET /3 .");
}

TEST_F(HttpServerTest, OneConnectionTooManyTakesThePlaceOfTheOneThatIsIdleLongest) {
  HttpLimits limits;
  limits.connections_max = 3;
  serve(echo, limits);
  const auto ask = [&](RawPeer& peer, const std::string& target) {
    peer.say("GET " + target + " HTTP/1.1\r\nhost: h\r\n\r\n");
    await(peer, "GET " + target + " .");
  };
  auto first = raw_connect();
  ask(*first, "/1");
  auto never_asked = raw_connect();
  run_until([&] { return server_->connections() == 2; });
  auto third = raw_connect();
  ask(*third, "/3");
  ask(*first, "/again");
  auto fourth = raw_connect();
  ask(*fourth, "/4");
  EXPECT_TRUE(never_asked->ended);
  EXPECT_TRUE(never_asked->got.empty());
  auto fifth = raw_connect();
  ask(*fifth, "/5");
  EXPECT_TRUE(third->ended);
  ask(*first, "/still");
  EXPECT_EQ(server_->connections(), 3u);
}

TEST_F(HttpServerTest, ServersThatShareABudgetHaveNoMoreConnectionsThanThatTogether) {
  HttpLimits limits;
  limits.connections = std::make_shared<ConnectionBudget>(2);
  serve(echo, limits);
  auto other = HttpServer::listen({&loop_}, {}, limits, echo);
  ASSERT_TRUE(other) << other.error().message;
  auto first = raw_connect();
  first->say("GET /");
  auto second = raw_connect();
  second->say("GET /");
  run_until([&] { return server_->connections() == 2; });
  Url there = url(false);
  there.port = (*other)->port();
  HttpClient& client = connect(there);
  const CallResult refused = post(client, "/");
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 503);
  EXPECT_THAT(refused->body, HasSubstr("connections_max=2"));
  second->hang_up();
  run_until([&] { return server_->connections() == 1; });
  const CallResult taken = post(client, "/");
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->status, 200);
  first->hang_up();
  run_until([&] { return server_->connections() == 0; });
  other->reset();
  EXPECT_EQ(limits.connections->taken(), 0u);
}

TEST_F(HttpServerTest, ARequestThatItsHeadRefusesIsAnsweredBeforeItsBodyComes) {
  int handled = 0;
  serve(
      [&](HttpRequest&&, Responder responder) {
        ++handled;
        responder.send({200, {}, "in."});
      },
      {}, {}, plain_text_error,
      [](const HttpRequest& head) -> std::optional<HttpResponse> {
        if (head.headers.get("authorization") == "yes") return std::nullopt;
        return HttpResponse{401, {}, "no."};
      });
  const auto ask = [&](const std::string& fields, const std::string& body) {
    auto peer = raw_connect();
    peer->say("POST /" + std::string(" HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n") + fields + "\r\n" + body);
    return peer;
  };
  auto stranger = ask("", "some of it");
  await(*stranger, "no.");
  EXPECT_THAT(stranger->got, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(stranger->got, HasSubstr("connection: close"));
  auto waiting_stranger = ask("expect: 100-continue\r\n", "");
  await(*waiting_stranger, "no.");
  EXPECT_THAT(waiting_stranger->got, StartsWith("HTTP/1.1 401"));
  auto friendly = ask("authorization: yes\r\n", std::string(500, 'x'));
  friendly->say(std::string(500, 'y'));
  await(*friendly, "in.");
  EXPECT_EQ(handled, 1);
}

TEST_F(HttpServerTest, WhatAnAnswerHoldsIsLetGoOfWhenTheSystemHasAllOfIt) {
  std::vector<std::weak_ptr<void>> held;
  std::vector<StreamWriter> streams;
  serve([&](HttpRequest&& request, Responder responder) {
    auto hold = std::make_shared<int>(1);
    held.push_back(hold);
    if (request.target == "/stream") {
      streams.push_back(responder.stream(200, {}));
      streams.back().write("bit.", hold);
    } else {
      responder.send({200, {}, std::string(request.target == "/small" ? 10 : 64'000'000, 'x')}, hold);
    }
  });
  auto small = raw_connect();
  small->say("GET /small HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*small, "xxxxxxxxxx");
  EXPECT_TRUE(held[0].expired());
  auto stream = raw_connect();
  stream->say("GET /stream HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*stream, "bit.\r\n");
  EXPECT_TRUE(held[1].expired());
  auto large = raw_connect();
  large->pause();
  large->say("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 3; });
  EXPECT_FALSE(held[2].expired());
  large->hang_up();
  run_until([&] { return held[2].expired(); });
}

TEST_F(HttpServerTest, AnAnswerThatIsTakenTooSlowlyIsCut) {
  HttpLimits limits;
  limits.answer_timeout = Duration{20};
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, std::string(64'000'000, 'x')}); }, limits);
  auto peer = raw_connect();
  peer->pause();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return server_->connections() == 1; });
  run_until([&] { return server_->connections() == 0; });
}

TEST_F(HttpServerTest, IdleConnectionsAreClosedAndSlowRequestsAnswered408) {
  HttpLimits limits;
  limits.idle_timeout = Duration{20};
  limits.request_timeout = Duration{20};
  serve(echo, limits);
  auto idle = raw_connect();
  auto slow = raw_connect();
  slow->say("GET / HT");
  run_until([&] { return idle->ended && slow->ended; });
  EXPECT_EQ(idle->got, "");
  EXPECT_THAT(slow->got, StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, AClientThatTakesNothingIsCutAfterTheWriteStallTimeout) {
  HttpLimits limits;
  limits.write_stall_timeout = Duration{30};
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, std::string(64 * 1024 * 1024, 'x')}); }, limits);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // Nobody reads from it.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server_->port());
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
  ASSERT_EQ(::send(fd, kRequest.data(), kRequest.size(), 0), static_cast<ssize_t>(kRequest.size()));
  run_until([&] { return server_->connections() == 1; });
  run_until([&] { return server_->connections() == 0; });
  ::close(fd);
}

TEST_F(HttpServerTest, DrainingClosesIdleConnectionsAnswersBusyOnesAndTakesNoMore) {
  std::vector<Responder> held;
  serve([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/hold") held.push_back(std::move(responder));
    else responder.send({200, {}, "."});
  });
  auto idle = raw_connect();
  idle->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  await(*idle, "\r\n\r\n.");
  auto busy = raw_connect();
  busy->say("GET /hold HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 1; });
  bool drained = false;
  server_->drain([&] { drained = true; });
  run_until([&] { return idle->ended; });
  EXPECT_FALSE(drained);
  EXPECT_FALSE(busy->ended);
  held[0].send({200, {}, "the last answer"});
  run_until([&] { return drained && busy->ended; });
  EXPECT_THAT(busy->got, HasSubstr("connection: close\r\n"));
  EXPECT_THAT(busy->got, ::testing::EndsWith("the last answer"));
  const CallResult late = get(connect(), "/");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ClientError::Kind::Unreachable);
}

TEST_F(HttpServerTest, ClosingTellsTheHandlersAndCutsEverything) {
  std::vector<Responder> held;
  bool aborted = false;
  serve([&](HttpRequest&&, Responder responder) {
    responder.on_abort([&] { aborted = true; });
    held.push_back(std::move(responder));
  });
  auto peer = raw_connect();
  peer->say("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  run_until([&] { return held.size() == 1; });
  bool closed = false;
  server_->close([&] { closed = true; });
  run_until([&] { return closed && peer->ended; });
  EXPECT_TRUE(aborted);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, ConnectionsAreSpreadOverTheLoops) {
  EventLoop other;
  std::thread thread([&] { other.run(); });
  std::atomic<int> here{0};
  std::atomic<int> there{0};
  auto server = HttpServer::listen({&loop_, &other}, {}, {}, [&](HttpRequest&&, Responder responder) {
    ++(other.is_current() ? there : here);
    responder.send({200, {}, "."});
  });
  ASSERT_TRUE(server) << server.error().message;
  server_ = std::move(*server);
  ClientOptions options;
  options.idle_timeout = Duration{0};
  HttpClient& client = connect(options);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(get(client, "/"));
  EXPECT_EQ(here.load(), 5);
  EXPECT_EQ(there.load(), 5);
  bool closed = false;
  server_->close([&] { loop_.post([&] { closed = true; }); });
  run_until([&] { return closed; });
  other.stop();
  thread.join();
  server_.reset();
}

TEST_F(HttpServerTest, APortThatIsTakenIsSaidByName) {
  serve(echo);
  ListenSpec spec;
  spec.port = server_->port();
  const auto second = HttpServer::listen({&loop_}, spec, {}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(server_->port()) + ": address already in use");
}

TEST_F(HttpServerTest, AUnixSocketServesAndIsLeftBehindByNobody) {
  const std::string path = ::testing::TempDir() + "hf_net_" + std::to_string(::getpid()) + ".sock";
  ListenSpec spec;
  spec.unix_path = path;
  serve(echo, {}, spec);
  EXPECT_EQ(server_->address(), path);
  const auto origin = parse_url("http+unix://" + path + "/fn");
  ASSERT_TRUE(origin) << origin.error().message;
  const CallResult result = post(connect(*origin), origin->target, "over unix");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, "POST /fn over unix.");
  const auto second = HttpServer::listen({&loop_}, spec, {}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "cannot listen on " + path + ": address already in use");
  clients_.clear();
  server_.reset();
  struct stat there{};
  EXPECT_NE(::stat(path.c_str(), &there), 0);
}

TEST_F(HttpServerTest, ASocketFileThatAKilledProcessLeftIsReplaced) {
  const std::string path = ::testing::TempDir() + "hf_net_stale_" + std::to_string(::getpid()) + ".sock";
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
  }
  ListenSpec spec;
  spec.unix_path = path;
  auto server = HttpServer::listen({&loop_}, spec, {}, echo);
  EXPECT_TRUE(server) << server.error().message;
}

TEST_F(HttpServerTest, WhatCannotBeListenedOnIsSaid) {
  const auto why = [&](ListenSpec spec) {
    const auto server = HttpServer::listen({&loop_}, std::move(spec), {}, echo);
    return server ? std::string("listens") : server.error().message;
  };
  ListenSpec spec;
  spec.unix_path = "/no/such/folder/x.sock";
  EXPECT_EQ(why(spec), "cannot listen on /no/such/folder/x.sock: no such file or directory");
  spec.unix_path = "/" + std::string(200, 'x') + ".sock";
  EXPECT_THAT(why(spec), HasSubstr("longer than 107 bytes"));
  spec.unix_path = "/tmp";
  EXPECT_EQ(why(spec), "cannot listen on /tmp: something that is not a socket is there");
  spec.unix_path.clear();
  spec.host = "192.0.2.1";
  EXPECT_THAT(why(spec), StartsWith("cannot listen on 192.0.2.1:0: cannot assign requested address"));
}

}  // namespace
}  // namespace holdfast::net
