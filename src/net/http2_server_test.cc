#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "net/http2_fixture.h"
#include "net/http_server.h"

namespace holdfast::net {
namespace {

using ::testing::HasSubstr;

class Http2ServerTest : public NetTest {
 protected:
  static HttpLimits with_http2(HttpLimits limits = {}) {
    limits.http2.protocol = http2();
    return limits;
  }
  void serve2(HttpServer::Handler handler, HttpLimits limits = {}, HeadCheck check_head = nullptr, OversizeAnswer oversize = nullptr) {
    auto server = HttpServer::listen({&loop_}, {}, with_http2(std::move(limits)), std::move(handler), plain_text_error,
                                     std::move(check_head), std::move(oversize));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  Http2Peer& peer(Http2Peer::Windows windows = Http2Peer::Windows::Open) {
    return *peers_.emplace_back(std::make_unique<Http2Peer>(raw_connect(), windows));
  }
  Http2Peer::Answer& await(Http2Peer& peer, std::int32_t stream) {
    run_until([&] { return peer.answers[stream].closed || peer.ended(); });
    return peer.answers[stream];
  }
  // One turn of the loop after whatever the peer has said so far was read.
  void settle(Http2Peer& peer) {
    nghttp2_submit_ping(peer.session(), NGHTTP2_FLAG_NONE, nullptr);
    peer.flush();
    const auto stream = peer.request("GET", "/settle");
    await(peer, stream);
  }
  static void echo(HttpRequest&& request, Responder responder) {
    responder.send({200, {}, request.method + " " + request.target + " " + request.body + "."});
  }
  void TearDown() override {
    peers_.clear();
    NetTest::TearDown();
  }
  std::vector<std::unique_ptr<Http2Peer>> peers_;
};

TEST_F(Http2ServerTest, ARequestReachesTheHandlerWholeAndTheAnswerComesBack) {
  serve2([](HttpRequest&& request, Responder responder) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query(), "x=1");
    EXPECT_EQ(request.headers.get("host"), "test.example");
    EXPECT_EQ(request.headers.get("x-test"), "yes");
    EXPECT_EQ(request.headers.get("cookie"), "a=1; b=2");
    EXPECT_TRUE(request.peer->starts_with("127.0.0.1:")) << *request.peer;
    responder.send({201, {{"X-Answer", "42"}, {"connection", "close"}}, "got " + request.body});
  });
  Http2Peer& client = peer();
  const auto& answer = await(client, client.request("POST", "/a/b?x=1", {{"x-test", "yes"}, {"cookie", "a=1"}, {"cookie", "b=2"}}, "hello"));
  EXPECT_EQ(answer.status, "201");
  EXPECT_EQ(answer.headers.get("x-answer"), "42");
  EXPECT_EQ(answer.headers.get("content-length"), "9");
  EXPECT_FALSE(answer.headers.contains("connection"));
  EXPECT_EQ(answer.body, "got hello");
  EXPECT_EQ(answer.error, NGHTTP2_NO_ERROR);
  EXPECT_THAT(std::string(answer.headers.get("date")), ::testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
}

TEST_F(Http2ServerTest, OnlyAServerThatSaysSoSpeaksIt) {
  serve(echo);
  auto raw = raw_connect();
  raw->say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  run_until([&] { return raw->ended; });
  EXPECT_THAT(raw->got, ::testing::StartsWith("HTTP/1.1 505"));
}

TEST_F(Http2ServerTest, BothProtocolsAreServedHoweverThePrefaceIsCut) {
  serve2(echo);
  auto http1 = raw_connect();
  http1->say("P");
  auto http2 = raw_connect();
  http2->say("PRI * HT");
  EXPECT_EQ(post(connect(), "/", "x")->body, "POST / x.");  // By then both have been read.
  http1->say("OST /1 HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
  http2->say("TP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, ""));
  run_until([&] { return http1->got.ends_with("POST /1 .") && http2->got.size() >= 9; });
  EXPECT_EQ(http2->got[3], NGHTTP2_SETTINGS);
}

TEST_F(Http2ServerTest, ManyRequestsAreUnderWayAtOnceAndAnsweredAsTheirAnswersCome) {
  std::map<std::string, Responder> held;
  serve2([&](HttpRequest&& request, Responder responder) { held.emplace(request.target, std::move(responder)); });
  Http2Peer& client = peer();
  const auto first = client.request("GET", "/1");
  const auto second = client.request("GET", "/2");
  const auto third = client.request("GET", "/3");
  run_until([&] { return held.size() == 3; });
  held.at("/3").send({200, {}, "3"});
  EXPECT_EQ(await(client, third).body, "3");
  std::thread([&] { held.at("/1").send({200, {}, "1"}); }).join();
  EXPECT_EQ(await(client, first).body, "1");
  EXPECT_FALSE(client.answers[second].ended);
  held.at("/2").send({204, {}, ""});
  EXPECT_EQ(await(client, second).status, "204");
  held.clear();
}

TEST_F(Http2ServerTest, ADroppedResponderAnswers500) {
  serve2([](HttpRequest&&, Responder) {});
  Http2Peer& client = peer();
  const auto& answer = await(client, client.request("GET", "/"));
  EXPECT_EQ(answer.status, "500");
  EXPECT_EQ(answer.body, "the request was dropped without an answer\n");
}

TEST_F(Http2ServerTest, TrailersFollowTheBodyAndAreNotAddedToHttp1) {
  serve2([](HttpRequest&& request, Responder responder) {
    HttpResponse response{200, {{"content-type", "application/grpc"}}, request.body};
    response.trailers = {{"grpc-status", "0"}, {"Grpc-Message", "fine"}};
    responder.send(std::move(response));
  });
  Http2Peer& client = peer();
  const auto& with_body = await(client, client.request("POST", "/", {}, "body"));
  EXPECT_EQ(with_body.body, "body");
  EXPECT_EQ(with_body.trailers.get("grpc-status"), "0");
  EXPECT_EQ(with_body.trailers.get("grpc-message"), "fine");
  EXPECT_EQ(with_body.headers.size(), 1u);  // No content-length, no date.
  const auto& without = await(client, client.request("POST", "/"));
  EXPECT_EQ(without.body, "");
  EXPECT_EQ(without.trailers.get("grpc-status"), "0");
  const CallResult http1 = post(connect(), "/", "body");
  EXPECT_EQ(http1->body, "body");
  EXPECT_FALSE(http1->headers.contains("grpc-status"));
}

TEST_F(Http2ServerTest, AHeadRequestIsToldTheLengthAndNoBody) {
  serve2([](HttpRequest&&, Responder responder) { responder.send({200, {}, "12345"}); });
  Http2Peer& client = peer();
  const auto& answer = await(client, client.request("HEAD", "/"));
  EXPECT_EQ(answer.headers.get("content-length"), "5");
  EXPECT_EQ(answer.body, "");
}

TEST_F(Http2ServerTest, WordsThatHeadersMayNotHaveDoNotBreakTheStream) {
  serve2([](HttpRequest&&, Responder responder) {
    responder.send({200, {{"x-lines", " a\r\nset-cookie: b\n"}, {"not a name", "x"}, {":status", "500"}, {"", "x"}, {"x-last", "z"}}, "ok"});
  });
  Http2Peer& client = peer();
  const auto& answer = await(client, client.request("GET", "/"));
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.headers.get("x-lines"), "a  set-cookie: b");
  EXPECT_EQ(answer.headers.get("x-last"), "z");
  EXPECT_FALSE(answer.headers.contains("not a name"));
  EXPECT_EQ(answer.body, "ok");
}

TEST_F(Http2ServerTest, AnAnswerLargerThanTheWindowWaitsForIt) {
  const std::string large(200'000, 'x');
  serve2([&](HttpRequest&& request, Responder responder) { responder.send({200, {}, request.target == "/large" ? large : "small"}); });
  Http2Peer& client = peer(Http2Peer::Windows::Shut);
  const auto stream = client.request("GET", "/large");
  run_until([&] { return client.answers[stream].body.size() == 65'535; });
  await(client, client.request("HEAD", "/"));  // Heads need no window.
  EXPECT_EQ(client.answers[stream].body.size(), 65'535u);
  client.open_window(stream, 500'000);
  EXPECT_EQ(await(client, stream).body, large);
}

TEST_F(Http2ServerTest, ABodyLargerThanTheWindowsArrivesWhole) {
  serve2([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::to_string(request.body.size())}); });
  Http2Peer& client = peer();
  const auto stream = client.request("POST", "/", {}, std::string(6'000'000, 'x'), true);
  client.end(stream);
  EXPECT_EQ(await(client, stream).body, "6000000");
}

TEST_F(Http2ServerTest, AClientThatResetsAStreamIsGoneForThatRequestOnly) {
  std::map<std::string, Responder> held;
  int gone = 0;
  serve2([&](HttpRequest&& request, Responder responder) {
    responder.on_abort([&] { ++gone; });
    held.emplace(request.target, std::move(responder));
  });
  Http2Peer& client = peer();
  const auto first = client.request("GET", "/1");
  const auto second = client.request("GET", "/2");
  run_until([&] { return held.size() == 2; });
  client.reset(first);
  run_until([&] { return gone == 1; });
  held.at("/1").send({200, {}, "lost"});
  held.at("/2").send({200, {}, "2"});
  EXPECT_EQ(await(client, second).body, "2");
  EXPECT_EQ(gone, 1);
  held.clear();
}

TEST_F(Http2ServerTest, AConnectionThatEndsIsGoneForAllItsRequests) {
  std::vector<Responder> held;
  int gone = 0;
  serve2([&](HttpRequest&&, Responder responder) {
    responder.on_abort([&] { ++gone; });
    held.push_back(std::move(responder));
  });
  Http2Peer& client = peer();
  for (int i = 0; i < 5; ++i) client.request("GET", "/");
  run_until([&] { return held.size() == 5; });
  client.raw().hang_up();
  run_until([&] { return gone == 5 && server_->connections() == 0; });
  held[0].on_abort([&] { ++gone; });
  run_until([&] { return gone == 6; });
  held.clear();
}

TEST_F(Http2ServerTest, AStreamedAnswerComesBitByBitAndMayHaveTrailers) {
  std::vector<StreamWriter> streams;
  serve2([&](HttpRequest&&, Responder responder) { streams.push_back(responder.stream(200, {{"x-a", "b"}})); });
  Http2Peer& client = peer();
  const auto stream = client.request("GET", "/");
  run_until([&] { return client.answers[stream].headers.contains("x-a"); });
  streams[0].write("one ");
  run_until([&] { return client.answers[stream].body == "one "; });
  EXPECT_EQ(streams[0].buffered(), 0u);
  streams[0].write("two");
  streams[0].close({{"x-end", "1"}});
  const auto& answer = await(client, stream);
  EXPECT_EQ(answer.body, "one two");
  EXPECT_EQ(answer.trailers.get("x-end"), "1");
}

TEST_F(Http2ServerTest, ADroppedStreamWriterCutsTheStreamAndNotTheConnection) {
  serve2([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/settle") return responder.send({});
    auto dropped = responder.stream(200, {});
    dropped.write("half");
  });
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("GET", "/")).error, NGHTTP2_INTERNAL_ERROR);
  settle(client);
}

TEST_F(Http2ServerTest, AStreamWhoseClientIsTooFarBehindIsCut) {
  std::vector<StreamWriter> streams;
  bool closed = false;
  HttpLimits limits;
  limits.stream_buffer_bytes_max = 100'000;
  serve2([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/settle") return responder.send({});
    streams.push_back(responder.stream(200, {}));
    streams.back().on_close([&] { closed = true; });
  }, limits);
  Http2Peer& client = peer(Http2Peer::Windows::Shut);
  const auto stream = client.request("GET", "/");
  run_until([&] { return streams.size() == 1; });
  streams[0].write(std::string(150'000, 'x'));  // 65,535 of them go.
  run_until([&] { return client.answers[stream].body.size() == 65'535; });
  EXPECT_FALSE(closed);
  EXPECT_EQ(streams[0].buffered(), 150'000u - 65'535u);
  streams[0].write(std::string(50'000, 'x'));
  run_until([&] { return closed && client.answers[stream].closed; });
  EXPECT_EQ(client.answers[stream].error, NGHTTP2_CANCEL);
  EXPECT_EQ(streams[0].buffered(), 0u);
  settle(client);
}

TEST_F(Http2ServerTest, AnAnswerThatIsNotTakenIsCutAfterAWhile) {
  HttpLimits limits;
  limits.write_stall_timeout = Duration{20};
  serve2([](HttpRequest&& request, Responder responder) {
    responder.send({200, {}, request.target == "/settle" ? "" : std::string(100'000, 'x')});
  }, limits);
  Http2Peer& client = peer(Http2Peer::Windows::Shut);
  EXPECT_EQ(await(client, client.request("GET", "/")).error, NGHTTP2_CANCEL);
  settle(client);
}

TEST_F(Http2ServerTest, AConnectionThatReadsNothingIsCutAfterAWhile) {
  HttpLimits limits;
  limits.write_stall_timeout = Duration{20};
  serve2([](HttpRequest&&, Responder responder) { responder.send({200, {}, std::string(16'000'000, 'x')}); }, limits);
  Http2Peer& client = peer();
  nghttp2_session_set_local_window_size(client.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30};
  nghttp2_submit_settings(client.session(), NGHTTP2_FLAG_NONE, &window, 1);
  client.request("GET", "/");
  client.raw().pause();
  run_until([&] { return server_->connections() == 0; });
}

TEST_F(Http2ServerTest, WhoLeavesMuchUnreadBeginsNothingNewUntilItReads) {
  HttpLimits limits;
  limits.http2.unread_bytes_max = 50'000;
  serve2([](HttpRequest&& request, Responder responder) {
    responder.send({200, {}, request.target == "/settle" ? "" : std::string(200'000, 'x')});
  }, limits);
  Http2Peer& client = peer(Http2Peer::Windows::Shut);
  const auto first = client.request("GET", "/");
  run_until([&] { return client.answers[first].body.size() == 65'535; });
  EXPECT_EQ(await(client, client.request("GET", "/")).error, NGHTTP2_REFUSED_STREAM);
  client.open_window(first, 1'000'000);
  EXPECT_EQ(await(client, first).body.size(), 200'000u);
  settle(client);
}

TEST_F(Http2ServerTest, MoreStreamsThanStreamsMaxAreRefused) {
  std::vector<Responder> held;
  HttpLimits limits;
  limits.http2.streams_max = 2;
  serve2([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); }, limits);
  auto raw = raw_connect();
  // nghttp2 as a client would wait: these come before the settings could be known.
  const std::string head = "\x82\x86\x84\x41\x01h";  // GET http / with authority h.
  std::string all = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
  for (const std::uint32_t stream : {1u, 3u, 5u}) all += frame(NGHTTP2_HEADERS, 5, stream, head);
  raw->say(all);
  const std::string refused = frame(NGHTTP2_RST_STREAM, 0, 5, std::string_view("\0\0\0\x07", 4));
  run_until([&] { return raw->count(refused) == 1; });
  EXPECT_EQ(held.size(), 2u);
  held.clear();
}

TEST_F(Http2ServerTest, ABodyOverTheLimitIsRefusedAndTheRestOfItNotAwaited) {
  HttpLimits limits;
  limits.message.body_bytes_max = 1000;
  serve2(echo, limits);
  Http2Peer& client = peer();
  const auto stream = client.request("POST", "/", {}, std::string(1001, 'x'), true);
  const auto& answer = await(client, stream);
  EXPECT_EQ(answer.status, "413");
  EXPECT_EQ(answer.body, "a body of more than body_bytes_max=1000 bytes\n");
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.error, NGHTTP2_NO_ERROR);
  EXPECT_EQ(await(client, client.request("POST", "/", {}, std::string(1000, 'x'))).status, "200");
}

TEST_F(Http2ServerTest, WhoKnowsBetterSaysWhatATooLongBodyIsAnswered) {
  HttpLimits limits;
  limits.message.body_bytes_max = 10;
  serve2(echo, limits, nullptr, [](const HttpRequest& so_far) { return HttpResponse{200, {}, so_far.target + " " + so_far.body}; });
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("POST", "/x", {}, "0123456789abc")).body, "/x 0123456789");
}

TEST_F(Http2ServerTest, HeadersOverTheLimitsAreRefused) {
  HttpLimits limits;
  limits.message.header_count_max = 5;
  limits.message.header_bytes_max = 1000;
  limits.message.start_line_bytes_max = 100;
  serve2(echo, limits);
  Http2Peer& client = peer();
  HeaderList many;
  for (int i = 0; i < 5; ++i) many.add("x-" + std::to_string(i), "y");
  EXPECT_THAT(await(client, client.request("GET", "/", many)).body, HasSubstr("more headers than header_count_max=5"));
  EXPECT_THAT(await(client, client.request("GET", "/", {{"x", std::string(1000, 'y')}})).status, "431");
  EXPECT_THAT(await(client, client.request("GET", "/" + std::string(100, 'y'))).status, "414");
  EXPECT_EQ(await(client, client.request("GET", "/")).status, "200");
}

TEST_F(Http2ServerTest, TargetsThatHttp1RefusesAreRefused) {
  serve2(echo);
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("GET", "/a#b")).status, "400");
  Http2Fields connect;
  connect.add_own(":method", "CONNECT");
  connect.add_own(":authority", "h:1");
  EXPECT_EQ(await(client, client.request(connect, "", false)).status, "501");
  EXPECT_EQ(await(client, client.request("OPTIONS", "*")).status, "200");
}

TEST_F(Http2ServerTest, AHeadThatIsEnoughToRefuseIsRefusedBeforeTheBodyComes) {
  serve2(echo, {}, [](const HttpRequest& head) -> std::optional<HttpResponse> {
    if (head.headers.contains("x-token")) return std::nullopt;
    return HttpResponse{401, {}, "no."};
  });
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("POST", "/", {}, "", true)).status, "401");
  const auto allowed = client.request("POST", "/", {{"x-token", "1"}}, "a", true);
  client.end(allowed);
  EXPECT_EQ(await(client, allowed).body, "POST / a.");
}

TEST_F(Http2ServerTest, AClientThatWaitsForContinueIsTold) {
  serve2(echo);
  Http2Peer& client = peer();
  const auto stream = client.request("POST", "/", {{"expect", "100-continue"}}, "", true);
  run_until([&] { return client.answers[stream].interim == 1; });
  client.say(stream, "now");
  client.end(stream);
  EXPECT_EQ(await(client, stream).body, "POST / now.");
  EXPECT_EQ(client.answers[stream].status, "200");
}

TEST_F(Http2ServerTest, ARequestThatDoesNotArriveInTimeIsRefused) {
  HttpLimits limits;
  limits.request_timeout = Duration{20};
  serve2(echo, limits);
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("POST", "/", {}, "a", true)).status, "408");
}

TEST_F(Http2ServerTest, AHeadThatDoesNotArriveInTimeEndsTheConnection) {
  HttpLimits limits;
  limits.request_timeout = Duration{20};
  serve2(echo, limits);
  auto raw = raw_connect();
  raw->say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "") + frame(NGHTTP2_HEADERS, 0, 1, "\x82\x86\x84"));
  run_until([&] { return raw->ended; });
}

TEST_F(Http2ServerTest, RequestsThatAreComingInAreBoundedTogether) {
  HttpLimits limits;
  limits.message.body_bytes_max = 1000;
  limits.buffered_bytes_max = 1500;
  serve2(echo, limits);
  Http2Peer& client = peer();
  const auto first = client.request("POST", "/", {}, std::string(900, 'x'), true);
  settle(client);
  const auto second = client.request("POST", "/", {}, std::string(900, 'x'), true);
  EXPECT_EQ(await(client, second).status, "503");
  EXPECT_EQ(client.answers[second].headers.get("retry-after"), "1");
  client.end(first);
  EXPECT_EQ(await(client, first).status, "200");
  const auto third = client.request("POST", "/", {}, std::string(900, 'x'), true);
  client.end(third);
  EXPECT_EQ(await(client, third).status, "200");
}

TEST_F(Http2ServerTest, AnIdleConnectionIsToldGoodbye) {
  HttpLimits limits;
  limits.idle_timeout = Duration{20};
  serve2(echo, limits);
  Http2Peer& client = peer();
  await(client, client.request("GET", "/"));
  run_until([&] { return client.ended(); });
  EXPECT_EQ(client.goaway, NGHTTP2_NO_ERROR);
}

TEST_F(Http2ServerTest, AnIdleConnectionGivesWayToANewOneAndABusyOneDoesNot) {
  std::vector<Responder> held;
  HttpLimits limits;
  limits.connections_max = 2;
  serve2([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/hold") held.push_back(std::move(responder));
    else responder.send({});
  }, limits);
  Http2Peer& busy = peer();
  const auto stream = busy.request("GET", "/hold");
  run_until([&] { return held.size() == 1; });
  Http2Peer& idle = peer();
  settle(idle);
  Http2Peer& fresh = peer();
  settle(fresh);
  run_until([&] { return idle.ended(); });
  held[0].send({200, {}, "held"});
  EXPECT_EQ(await(busy, stream).body, "held");
  held.clear();
}

TEST_F(Http2ServerTest, DrainingTellsGoodbyeAndFinishesWhatIsUnderWay) {
  std::vector<Responder> held;
  serve2([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); });
  Http2Peer& client = peer();
  Http2Peer& idle = peer();
  const auto stream = client.request("GET", "/");
  run_until([&] { return held.size() == 1 && server_->connections() == 2; });
  bool drained = false;
  server_->drain([&] { drained = true; });
  run_until([&] { return client.goaway.has_value() && idle.ended(); });
  EXPECT_FALSE(drained);
  held[0].send({200, {}, "last words"});
  EXPECT_EQ(await(client, stream).body, "last words");
  run_until([&] { return drained && client.ended(); });
  held.clear();
}

TEST_F(Http2ServerTest, ClosingTheServerInsideAHandlerIsSurvived) {
  serve2([&](HttpRequest&&, Responder responder) {
    server_.reset();
    responder.send({200, {}, "lost"});
  });
  Http2Peer& client = peer();
  client.request("GET", "/");
  client.request("GET", "/");
  run_until([&] { return client.ended(); });
}

TEST_F(Http2ServerTest, AnAnswerThatIsNotThereInTimeIsGivenByTheServer) {
  std::vector<Responder> held;
  bool gone = false;
  serve2([&](HttpRequest&& request, Responder responder) {
    if (request.target == "/settle") return responder.send({});
    responder.expire_after(Duration{10}, {200, {}, "late"});
    responder.on_abort([&] { gone = true; });
    held.push_back(std::move(responder));
  });
  Http2Peer& client = peer();
  const auto stream = client.request("GET", "/");
  EXPECT_EQ(await(client, stream).body, "late");
  EXPECT_TRUE(gone);
  held[0].send({200, {}, "too late"});
  settle(client);
  EXPECT_EQ(client.answers[stream].body, "late");
  held.clear();
}

TEST_F(Http2ServerTest, AnAnswerInTimeIsTheAnswer) {
  serve2([](HttpRequest&&, Responder responder) {
    responder.expire_after(Duration{60'000}, {200, {}, "late"});
    responder.send({200, {}, "in time"});
  });
  Http2Peer& client = peer();
  EXPECT_EQ(await(client, client.request("GET", "/")).body, "in time");
}

TEST_F(Http2ServerTest, FloodsOfFramesThatAskForNothingEndTheConnection) {
  HttpLimits limits;
  limits.http2.idle_frames_per_second_max = 100;
  serve2(echo, limits);
  const std::vector<std::string> floods = {
      frame(NGHTTP2_PING, 0, 0, "12345678"), frame(NGHTTP2_SETTINGS, 0, 0, ""), frame(NGHTTP2_PRIORITY, 0, 1, std::string_view("\0\0\0\0\0", 5)),
      frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string_view("\0\0\0\x01", 4))};
  for (const std::string& flood : floods) {
    auto raw = raw_connect();
    std::string all = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
    for (int i = 0; i < 150; ++i) all += flood;
    raw->say(all);
    run_until([&] { return raw->ended; });
    EXPECT_NE(raw->got.find(std::string_view("\0\0\0\x0b", 4)), std::string::npos) << "no ENHANCE_YOUR_CALM";
  }
}

TEST_F(Http2ServerTest, RapidResetsEndTheConnection) {
  HttpLimits limits;
  limits.http2.resets_per_second_max = 50;
  std::vector<Responder> held;
  serve2([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); }, limits);
  auto raw = raw_connect();
  std::string all = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
  for (std::uint32_t stream = 1; stream < 400; stream += 2)
    all += frame(NGHTTP2_HEADERS, 5, stream, "\x82\x86\x84\x41\x01h") + frame(NGHTTP2_RST_STREAM, 0, stream, std::string_view("\0\0\0\x08", 4));
  raw->say(all);
  run_until([&] { return raw->ended; });
  EXPECT_EQ(held.size(), 51u);
  EXPECT_NE(raw->got.find(std::string_view("\0\0\0\x0b", 4)), std::string::npos) << "no ENHANCE_YOUR_CALM";
  held.clear();
}

TEST_F(Http2ServerTest, WhatIsNotHttp2EndsTheConnectionAndNothingElse) {
  serve2(echo);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
  for (const std::string& bad :
       {std::string("GET / HTTP/1.1\r\n\r\n padding padding"), frame(NGHTTP2_HEADERS, 5, 2, "\x82\x86\x84"),
        frame(NGHTTP2_HEADERS, 5, 1, "\xff\xff\xff\xff\xff\xff"), frame(NGHTTP2_DATA, 0, 1, "x"),
        frame(NGHTTP2_SETTINGS, 0, 0, "abc"), frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string_view("\0\0\0\0", 4)),
        frame(NGHTTP2_PUSH_PROMISE, 4, 1, std::string_view("\0\0\0\x02\x82", 5))}) {
    auto raw = raw_connect();
    raw->say(preface + bad);
    run_until([&] { return raw->ended; });
  }
  // Of one stream only: a name with an upper-case letter.
  auto raw = raw_connect();
  raw->say(preface + frame(NGHTTP2_HEADERS, 5, 1, "\x82\x86\x84\x41\x01h" "\x40\x01X\x01y") + frame(NGHTTP2_HEADERS, 5, 3, "\x82\x86\x84\x41\x01h"));
  run_until([&] { return raw->got.find("GET / .") != std::string::npos; });
  EXPECT_EQ(raw->count(frame(NGHTTP2_RST_STREAM, 0, 1, std::string_view("\0\0\0\x01", 4))), 1u);
}

TEST_F(Http2ServerTest, WhatHangsOnAnAnswerIsLetGoOfWhenItIsSentOrLost) {
  auto hold = std::make_shared<int>(1);
  serve2([&](HttpRequest&& request, Responder responder) {
    responder.send({200, {}, std::string(request.target == "/large" ? 200'000 : 10, 'x')}, hold);
  });
  Http2Peer& client = peer(Http2Peer::Windows::Shut);
  await(client, client.request("GET", "/"));
  EXPECT_EQ(hold.use_count(), 1);
  const auto large = client.request("GET", "/large");
  run_until([&] { return client.answers[large].body.size() > 60'000; });
  EXPECT_EQ(hold.use_count(), 2);
  client.reset(large);
  run_until([&] { return hold.use_count() == 1; });
}

}  // namespace
}  // namespace holdfast::net
