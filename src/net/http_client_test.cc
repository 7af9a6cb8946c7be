#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "net/net_fixture.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string compress(std::string_view text, int bits) {
  z_stream z{};
  EXPECT_EQ(::deflateInit2(&z, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

class HttpClientTest : public NetTest {
 protected:
  static std::string ok(std::string_view body, std::string_view headers = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(headers) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  // Answers every request that has come whole (none here has a body), the same way.
  void always_answer(std::string answer) {
    raw_serve([answer](RawPeer& peer) {
      if (peer.got.ends_with("\r\n\r\n")) peer.say(answer);
    });
  }
  CallResult answer_of(std::string answer, ClientOptions options = {}) {
    always_answer(std::move(answer));
    return get(connect_raw(std::move(options)), "/");
  }
};

TEST_F(HttpClientTest, TheRequestOnTheWireIsWhatStateFunFunctionsExpect) {
  always_answer(ok("."));
  HttpClient& client = connect_raw();
  ASSERT_TRUE(post(client, "/fn?x", "", {{"content-type", "application/octet-stream"}, {"content-length", "99"}}));
  EXPECT_EQ(listener_->peers[0]->got, "POST /fn?x HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(listener_->port) +
                                          "\r\nuser-agent: holdfast\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"
                                          "content-type: application/octet-stream\r\ncontent-length: 0\r\n\r\n");
}

TEST_F(HttpClientTest, OneConnectionCarriesOneCallAfterAnother) {
  serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, request.body}); });
  HttpClient& client = connect();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(post(client, "/", std::to_string(i))->body, std::to_string(i));
  EXPECT_EQ(client.connects(), 1u);
  EXPECT_EQ(client.idle_connections(), 1u);
  EXPECT_EQ(client.pending(), 0u);
}

TEST_F(HttpClientTest, ThePoolGrowsToItsSizeAndFurtherCallsWait) {
  std::vector<Responder> held;
  serve([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.pool_size = 3;
  HttpClient& client = connect(options);
  int done = 0;
  for (int i = 0; i < 10; ++i)
    client.post("/", {}, "", [&](CallResult result) {
      EXPECT_TRUE(result);
      ++done;
    });
  EXPECT_EQ(client.pending(), 10u);
  while (done < 10) {
    run_until([&] { return !held.empty(); });
    EXPECT_LE(held.size(), 3u);
    const int before = done;
    held.back().send({200, {}, "."});
    held.pop_back();
    run_until([&] { return done > before; });
  }
  EXPECT_EQ(client.connects(), 3u);
}

TEST_F(HttpClientTest, TheConnectionUsedLastIsUsedFirst) {
  std::vector<std::pair<std::string, Responder>> held;
  serve([&](HttpRequest&& request, Responder responder) { held.emplace_back(*request.peer, std::move(responder)); });
  HttpClient& client = connect();
  int done = 0;
  for (int i = 0; i < 3; ++i) client.post("/", {}, "", [&](CallResult) { ++done; });
  run_until([&] { return held.size() == 3; });
  const std::string last = held[0].first;
  for (const std::size_t i : {2u, 1u, 0u}) {
    held[i].second.send({200, {}, "."});
    run_until([&, want = 3 - static_cast<int>(i)] { return done == want; });
  }
  held.clear();
  client.post("/", {}, "", [&](CallResult) { ++done; });
  run_until([&] { return held.size() == 1; });
  EXPECT_EQ(held[0].first, last);
  held[0].second.send({200, {}, "."});
  run_until([&] { return done == 4; });
}

TEST_F(HttpClientTest, MoreCallsThanTheQueueTakesAreRefused) {
  std::vector<Responder> held;
  serve([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.pool_size = 1;
  options.queue_max = 2;
  HttpClient& client = connect(options);
  int refused = 0;
  for (int i = 0; i < 5; ++i)
    client.post("/", {}, "", [&](CallResult result) {
      if (!result && result.error().kind == Kind::Overloaded) {
        EXPECT_THAT(result.error().message, HasSubstr("queue_max=2"));
        ++refused;
      }
    });
  EXPECT_EQ(refused, 0) << "done ran inside post";
  run_until([&] { return refused == 3; });
}

TEST_F(HttpClientTest, ClientsThatShareABudgetGiveConnectionsWayToEachOther) {
  std::vector<Responder> held;
  serve([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.connections = std::make_shared<ConnectionBudget>(1);
  HttpClient& first = connect(options);
  HttpClient& second = connect(options);
  std::optional<CallResult> answer;
  std::optional<CallResult> waited;
  first.call({}, [&](CallResult r) { answer = std::move(r); });
  first.call({}, [&](CallResult r) { waited = std::move(r); });
  run_until([&] { return held.size() == 1; });
  const CallResult none_left = post(second, "/");
  ASSERT_FALSE(none_left);
  EXPECT_EQ(none_left.error().kind, Kind::Unreachable);
  EXPECT_THAT(none_left.error().message, HasSubstr("all 1 connections that descriptors are left for are taken"));

  held[0].send({200, {}, "."});
  run_until([&] { return answer.has_value() && held.size() == 2; });
  EXPECT_EQ(first.connects(), 1u) << "the call that waited has the connection";
  held[1].send({200, {}, "."});
  run_until([&] { return waited.has_value(); });
  EXPECT_EQ(first.connections(), 0u) << "an idle connection is not kept from the others";
  second.call({}, [&](CallResult r) { answer = std::move(r); });
  run_until([&] { return held.size() == 3; });
  held[2].send({200, {}, "second"});
  run_until([&] { return (*answer)->body == "second"; });
}

TEST_F(HttpClientTest, NobodyListeningIsUnreachable) {
  raw_serve([](RawPeer&) {});
  HttpClient& client = connect_raw();
  listener_->close();
  int failed = 0;
  for (int i = 0; i < 5; ++i)
    client.post("/", {}, "", [&](CallResult result) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().kind, Kind::Unreachable);
      EXPECT_THAT(result.error().message, ::testing::MatchesRegex("cannot connect to http://127.0.0.1:[0-9]+: connection refused"));
      ++failed;
    });
  run_until([&] { return failed == 5; });
  EXPECT_EQ(client.connections(), 0u);
}

TEST_F(HttpClientTest, ASocketFileThatIsNotThereIsUnreachable) {
  const auto origin = parse_url("http+unix:///no/such.sock/x");
  const CallResult result = post(connect(*origin), "/x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Unreachable);
  EXPECT_EQ(result.error().message, "cannot connect to http+unix:///no/such.sock: no such file or directory");
}

TEST_F(HttpClientTest, NamesAreLookedUpAndAllTheirAddressesTried) {
  serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::string(request.headers.get("host"))}); });
  Url origin = url();
  origin.host = "localhost";  // May be ::1 first, where nobody listens.
  const CallResult result = post(connect(origin), "/");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, "localhost:" + std::to_string(server_->port()));
}

TEST_F(HttpClientTest, AServerThatNeverAnswersIsATimeout) {
  raw_serve([](RawPeer&) {});
  ClientOptions options;
  options.call_timeout = Duration{30};
  HttpClient& client = connect_raw(options);
  const CallResult result = post(client, "/", "body");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Timeout);
  EXPECT_THAT(result.error().message, HasSubstr("call_timeout=30 ms"));
  EXPECT_EQ(client.connections(), 0u);
  EXPECT_EQ(client.pending(), 0u);
}

TEST_F(HttpClientTest, ACallThatOnlyWaitedInTheQueueTimesOutAsWell) {
  raw_serve([](RawPeer&) {});
  ClientOptions options;
  options.call_timeout = Duration{30};
  options.pool_size = 1;
  HttpClient& client = connect_raw(options);
  int late = 0;
  for (int i = 0; i < 3; ++i)
    client.post("/", {}, "", [&](CallResult result) { late += !result && result.error().kind == Kind::Timeout; });
  run_until([&] { return late == 3; });
}

TEST_F(HttpClientTest, AnAnswerThatStopsMidwayIsAReadTimeout) {
  raw_serve([](RawPeer& peer) { peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart"); });
  ClientOptions options;
  options.read_timeout = Duration{20};
  const CallResult result = post(connect_raw(options), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Timeout);
  EXPECT_THAT(result.error().message, HasSubstr("read_timeout=20 ms"));
}

TEST_F(HttpClientTest, AServerThatDoesNotReadIsAWriteTimeout) {
  ClientOptions options;
  options.write_timeout = Duration{20};
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // The system accepts, nobody reads.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  Url origin;
  origin.host = "127.0.0.1";
  origin.port = ntohs(address.sin_port);
  const CallResult result = post(connect(origin, options), "/", std::string(64 * 1024 * 1024, 'x'));
  ::close(fd);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Timeout);
  EXPECT_THAT(result.error().message, HasSubstr("write_timeout=20 ms"));
}

TEST_F(HttpClientTest, AKeptConnectionTheServerClosedIsReplacedUnseen) {
  raw_serve([](RawPeer& peer) {
    if (peer.count("\r\n\r\n") == 1) return peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.");
    peer.hang_up();  // Closes on the second request, as a server does whose idle time has just run out.
  });
  HttpClient& client = connect_raw();
  ASSERT_TRUE(get(client, "/1"));
  const CallResult second = get(client, "/2");
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(client.connects(), 2u);
  ASSERT_EQ(listener_->peers.size(), 2u);
  EXPECT_THAT(listener_->peers[1]->got, StartsWith("GET /2 "));
}

TEST_F(HttpClientTest, AKeptConnectionThatClosesWhileIdleIsForgotten) {
  always_answer(ok("."));
  HttpClient& client = connect_raw();
  ASSERT_TRUE(get(client, "/"));
  EXPECT_EQ(client.idle_connections(), 1u);
  listener_->peers[0]->hang_up();
  run_until([&] { return client.connections() == 0; });
  ASSERT_TRUE(get(client, "/"));
  EXPECT_EQ(client.connects(), 2u);
}

TEST_F(HttpClientTest, AFreshConnectionClosedBeforeTheAnswerIsNotTriedAgain) {
  raw_serve([](RawPeer& peer) { peer.hang_up(); });
  HttpClient& client = connect_raw();
  const CallResult result = get(client, "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Disconnected);
  EXPECT_EQ(client.connects(), 1u);
}

TEST_F(HttpClientTest, ACallIsRepeatedOnceAndNotTwice) {
  int requests = 0;
  raw_serve([&](RawPeer& peer) {
    if (++requests == 1) peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.");
    else peer.hang_up();
  });
  HttpClient& client = connect_raw();
  ASSERT_TRUE(get(client, "/"));
  const CallResult result = get(client, "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Disconnected);
  EXPECT_EQ(requests, 3);
}

TEST_F(HttpClientTest, WhereThatIsAskedForOnlyWhatMayBeMadeTwiceIsRepeated) {
  int requests = 0;  // Of each connection the second is not answered.
  raw_serve([&](RawPeer& peer) {
    if (++requests % 2 == 1) peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.");
    else peer.hang_up();
  });
  ClientOptions options;
  options.repeats_all = false;
  HttpClient& client = connect_raw(options);
  ASSERT_TRUE(get(client, "/"));
  const CallResult posted = post(client, "/", "1");
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().kind, Kind::Disconnected);
  ASSERT_TRUE(get(client, "/"));
  EXPECT_TRUE(get(client, "/"));
  EXPECT_EQ(requests, 5);
}

TEST_F(HttpClientTest, AnAnswerThatHasBegunIsNeverRepeated) {
  int requests = 0;
  raw_serve([&](RawPeer& peer) {
    if (++requests == 1) return peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.");
    peer.say("HTTP/1.1 200");
    peer.hang_up();
  });
  HttpClient& client = connect_raw();
  ASSERT_TRUE(get(client, "/"));
  const CallResult result = get(client, "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Disconnected);
  EXPECT_EQ(requests, 2);
}

TEST_F(HttpClientTest, IdleConnectionsAreClosedAfterTheirTime) {
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "."}); });
  ClientOptions options;
  options.idle_timeout = Duration{10};
  HttpClient& client = connect(options);
  ASSERT_TRUE(get(client, "/"));
  run_until([&] { return client.connections() == 0 && server_->connections() == 0; });
}

TEST_F(HttpClientTest, ConnectionsOfTheirAgeCarryNoFurtherCall) {
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "."}); });
  ClientOptions options;
  options.idle_timeout = Duration{3'600'000};
  options.age_max = Duration{20};
  HttpClient& client = connect(options);
  for (int i = 0; client.connects() < 3; ++i) {
    ASSERT_LT(i, 100'000);
    ASSERT_TRUE(get(client, "/"));
  }
  run_until([&] { return client.connections() == 0 && server_->connections() == 0; });  // Long before they have been idle for long.
}

TEST_F(HttpClientTest, AnIdleConnectionEndsWithItsAgeWhicheverWasUsedLast) {
  std::vector<Responder> held;
  serve([&](HttpRequest&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.idle_timeout = Duration{3'600'000};
  options.age_max = Duration{100};
  HttpClient& client = connect(options);
  std::size_t answered = 0;
  for (int i = 0; i < 3; ++i) client.call({"GET", "/", {}, {}}, [&](CallResult result) { answered += result.has_value(); });
  run_until([&] { return held.size() == 3; });
  // The one that was opened last is idle first, so the order in which they are due is not that in which they were used.
  while (!held.empty()) {
    held.back().send({200, {}, "."});
    held.pop_back();
  }
  run_until([&] { return answered == 3; });
  run_until([&] { return client.connections() == 0; });
}

TEST_F(HttpClientTest, WithoutIdleTimeEveryCallHasAConnectionOfItsOwn) {
  serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::string(request.headers.get("connection"))}); });
  ClientOptions options;
  options.idle_timeout = Duration{0};
  HttpClient& client = connect(options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(client, "/")->body, "close");
  EXPECT_EQ(client.connects(), 3u);
  EXPECT_EQ(client.connections(), 0u);
}

TEST_F(HttpClientTest, BytesAfterAnAnswerAreNotTakenForTheNextOne) {
  always_answer(ok("one") + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  HttpClient& client = connect_raw();
  EXPECT_EQ(get(client, "/")->body, "one");
  EXPECT_EQ(get(client, "/")->body, "one");
  EXPECT_EQ(client.connects(), 2u);
}

TEST_F(HttpClientTest, CompressedAnswersAreDecoded) {
  const std::string text(100'000, 'z');
  const struct {
    const char* coding;
    int bits;
  } cases[] = {{"gzip", 31}, {"GZIP", 31}, {"deflate", 15}, {"deflate", -15}};
  for (const auto& each : cases) {
    const CallResult result = answer_of(ok(compress(text, each.bits), std::string("content-encoding: ") + each.coding + "\r\n"));
    ASSERT_TRUE(result) << each.coding << each.bits << ": " << result.error().message;
    EXPECT_TRUE(result->body == text) << each.coding << each.bits;
    EXPECT_FALSE(result->headers.contains("content-encoding"));
  }
}

TEST_F(HttpClientTest, SeveralGzipMembersAreOneBody) {
  EXPECT_EQ(answer_of(ok(compress("one ", 31) + compress("two", 31), "content-encoding: gzip\r\n"))->body, "one two");
}

TEST_F(HttpClientTest, DamagedOrUnknownCodingsAreProtocolErrors) {
  const std::string good = compress("hello hello hello", 31);
  for (const std::string& bad : {good.substr(0, good.size() - 1), good + "x", std::string("plain text")}) {
    const CallResult result = answer_of(ok(bad, "content-encoding: gzip\r\n"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::Protocol);
  }
  const CallResult result = answer_of(ok("x", "content-encoding: br\r\n"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Protocol);
  EXPECT_THAT(result.error().message, HasSubstr("content-encoding br"));
}

TEST_F(HttpClientTest, ALongAnswerIsReadInTurnsBetweenWhichOthersHaveTheirs) {
  std::size_t taken = 0;
  raw_serve([&](RawPeer& peer) {
    if (!peer.got.ends_with("\r\n\r\n")) return;
    peer.say("HTTP/1.1 200 OK\r\n\r\n");  // It ends with the connection.
    const std::string bytes(64 * 1024, 'x');
    const std::string_view part = bytes;
    for (IoResult put; (put = peer.stream->write({&part, 1})).status == IoStatus::Done;) taken += put.bytes;
    peer.hang_up();
  });
  std::optional<CallResult> result;
  ByteBudget room(64 * 1024 * 1024);
  ClientOptions options;
  options.room = &room;
  std::size_t before = 0;
  std::size_t most = 0;
  connect_raw(options).call({"GET", "/", {}, {}}, [&](CallResult r) { result = std::move(r); });
  run_until([&] {
    most = std::max(most, room.used() - std::min(before, room.used()));
    before = room.used();
    return result.has_value();
  });
  ASSERT_TRUE(*result) << result->error().message;
  EXPECT_EQ((*result)->body.size(), taken);
  ASSERT_GT(taken, 2'000'000u);  // Else it shows nothing.
  EXPECT_LE(most, 512u * 1024) << "in one turn";
}

TEST_F(HttpClientTest, AnAnswerOverTheLimitIsTooLargeBeforeAndAfterDecompression) {
  ClientOptions options;
  options.response_bytes_max = 1000;
  EXPECT_TRUE(answer_of(ok(std::string(1000, 'x')), options));
  EXPECT_TRUE(answer_of(ok(compress(std::string(1000, 'x'), 31), "content-encoding: gzip\r\n"), options));
  for (const std::string& answer :
       {ok(std::string(1001, 'x')), "HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'),
        ok(compress(std::string(1001, 'x'), 31), "content-encoding: gzip\r\n"),
        ok(compress(std::string(500'000, 'x'), 31), "content-encoding: gzip\r\n")}) {
    const CallResult result = answer_of(answer, options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::TooLarge) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr("=1000"));
  }
}

TEST_F(HttpClientTest, WhatIsNotHttpIsAProtocolError) {
  const CallResult result = answer_of("SSH-2.0-OpenSSH\r\n\r\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Protocol);
}

TEST_F(HttpClientTest, ATargetThatWouldBreakTheRequestIsRefused) {
  always_answer(ok("."));
  HttpClient& client = connect_raw();
  for (const char* bad : {"", "x", "/a b", "/a\r\nx: y"}) {
    const CallResult result = get(client, bad);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::Protocol);
  }
  EXPECT_EQ(client.connects(), 0u);
}

TEST_F(HttpClientTest, DestroyingTheClientFailsWhatIsPending) {
  raw_serve([](RawPeer&) {});
  ClientOptions options;
  options.pool_size = 1;
  HttpClient& client = connect_raw(options);
  int failed = 0;
  for (int i = 0; i < 3; ++i)
    client.post("/", {}, "", [&](CallResult result) { failed += !result && result.error().kind == Kind::Disconnected; });
  run_until([&] { return !listener_->peers.empty() && !listener_->peers[0]->got.empty(); });
  clients_.clear();
  EXPECT_EQ(failed, 3);
}

TEST_F(HttpClientTest, ACallMayDestroyItsClientAndAnotherMayBeginInItsDone) {
  always_answer(ok("."));
  HttpClient& client = connect_raw();
  int done = 0;
  client.post("/", {}, "", [&](CallResult first) {
    EXPECT_TRUE(first);
    client.post("/", {}, "", [&](CallResult second) {
      EXPECT_TRUE(second);
      clients_.clear();
      ++done;
    });
  });
  run_until([&] { return done == 1; });
}

TEST_F(HttpClientTest, AFailedConnectMayDestroyItsClientToo) {
  raw_serve([](RawPeer&) {});
  HttpClient& client = connect_raw();
  listener_->close();
  int done = 0;
  for (int i = 0; i < 3; ++i)
    client.post("/", {}, "", [&](CallResult) {
      ++done;
      clients_.clear();
    });
  run_until([&] { return done == 3; });
}

}  // namespace
}  // namespace holdfast::net
