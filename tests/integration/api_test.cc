// The HTTP APIs over the real runtime: what a client sees.
#include "api_fixture.h"

namespace holdfast {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

using GatewayApi = ApiTest;

TEST_F(GatewayApi, ACallGetsTheReplyWithItsType) {
  const auto reply = text("/v1/functions/test/greeter/al/call", "hello");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "you said hello");
  EXPECT_EQ(reply.headers.get("x-value-type"), "io.statefun.types/string");
  EXPECT_THAT(std::string(reply.headers.get("content-type")), HasSubstr("text/plain"));

  const auto raw = text("/v1/functions/test/greeter/al/call?timeout=5s", "raw");
  EXPECT_EQ(raw.body, "\xff\x01");
  EXPECT_EQ(raw.headers.get("content-type"), "application/vnd.my/type");
  EXPECT_EQ(raw.headers.get("x-value-type"), "my/type");
}

TEST_F(GatewayApi, ASendIsAcceptedAndHandledBeforeALaterCall) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text("/v1/functions/test/greeter/al/send", "x").status, 202);
  EXPECT_EQ(text("/v1/functions/test/greeter/al/call", "y").status, 200);
  const auto state = admin("GET", "/v1/state/test/greeter/al");
  EXPECT_EQ(state.body,
            "{\"type\":\"test/greeter\",\"id\":\"al\",\"states\":[{\"name\":\"heard\",\"type\":\"io.statefun.types/string\",\"value\":\"xxxxxy\"}]}\n");
}

TEST_F(GatewayApi, IdsAreDecodedAndKeptApart) {
  EXPECT_EQ(text("/v1/functions/test/greeter/a%2Fb%20%C3%BC/call", "1").status, 200);
  EXPECT_THAT(admin("GET", "/v1/state/test/greeter/a%2Fb%20%C3%BC").body, HasSubstr("\"id\":\"a/b ü\""));
  EXPECT_EQ(text("/v1/functions/test/greeter/a/b/call", "1").status, 404);
}

TEST_F(GatewayApi, TheEmptyIdIsOneLikeAnyOther) {
  EXPECT_EQ(text("/v1/functions/test/greeter//call", "1").status, 200);
  EXPECT_EQ(text("/v1/functions/test/greeter//send", "2").status, 202);
  EXPECT_EQ(text("/v1/functions/test/greeter//call", "3").status, 200);
  EXPECT_THAT(admin("GET", "/v1/state/test/greeter/").body, AllOf(HasSubstr("\"id\":\"\""), HasSubstr("\"value\":\"123\"")));
}

TEST_F(GatewayApi, WhatIsWrongIsSaid) {
  EXPECT_EQ(code_of(text("/v1/functions/nobody/here/x/send", "x")), "not_found");
  EXPECT_EQ(code_of(text("/v1/functions/test/greeter/%zz/send", "x")), "invalid");
  EXPECT_EQ(code_of(text("/v1/functions/test/greeter/x/call?timout=1s", "x")), "invalid");
  EXPECT_EQ(code_of(text("/v1/functions/test/greeter/x/call?timeout=1", "x")), "invalid");
  EXPECT_EQ(code_of(text("/v1/functions/test/greeter/x/send", std::string(200'001, 'x'))), "too_large");
  EXPECT_EQ(code_of(text("/v1/functions/test/greeter/x/send", "\xff")), "invalid");
  EXPECT_EQ(code_of(ask(gateway_url_, "POST", "/v1/functions/test/greeter/x/send", {{"content-type", "application/x-www-form-urlencoded"}}, "a=b")),
            "invalid");
  EXPECT_EQ(code_of(text("/v1/nothing", "x")), "not_found");
  const auto get = ask(gateway_url_, "GET", "/v1/functions/test/greeter/x/send");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.get("allow"), "POST");
  RawConnection rebound(servers_.front()->port());
  rebound.write("GET /v1/streams/test/out/told HTTP/1.1\r\nhost: evil.example\r\n\r\n");
  EXPECT_EQ(rebound.read_until("\r\n"), "HTTP/1.1 403 Forbidden\r\n");
}

TEST_F(GatewayApi, ACallWithoutAReplyTimesOutAndStaysAccepted) {
  const auto reply = text("/v1/functions/test/silent/s/call?timeout=50ms", "hm");
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(code_of(reply), "timeout");
  EXPECT_THAT(admin("GET", "/v1/state/test/silent/s").body, HasSubstr("\"value\":\"hm\""));
}

TEST_F(GatewayApi, ARepeatedKeyGivesTheFirstAnswerAndAnotherBodyIsRefused) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(text("/v1/functions/test/greeter/k/call", "once", {{"idempotency-key", "k1"}}).body, "you said once");
    EXPECT_EQ(text("/v1/functions/test/greeter/k/send", "sent", {{"idempotency-key", "k2"}}).status, 202);
  }
  EXPECT_THAT(admin("GET", "/v1/state/test/greeter/k").body, HasSubstr("\"value\":\"oncesent\""));
  const auto other = text("/v1/functions/test/greeter/k/call", "other", {{"idempotency-key", "k1"}});
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(code_of(other), "idempotency_key_reused");
}

TEST_F(GatewayApi, TraceContextReachesTheFunctionTheReplyAndTheRecord) {
  const auto reply = text("/v1/functions/test/teller/t/call", "x", {{"traceparent", kTrace}});
  EXPECT_EQ(reply.headers.get("traceparent"), kTrace);
  EXPECT_THAT(ask(gateway_url_, "GET", "/v1/streams/test/out/told").body, HasSubstr(kTrace));
  {
    std::unique_lock lock(mutex_);
    EXPECT_THAT(traces_, Contains(kTrace));
  }
  EXPECT_EQ(text("/v1/functions/test/teller/t/call", "x", {{"traceparent", "garbage"}}).headers.get("traceparent", "none"), "none");
}

using StreamsApi = ApiTest;

TEST_F(StreamsApi, PagesAreReadByPosition) {
  for (const char* word : {"a", "b", "{\"n\": 1}"}) EXPECT_EQ(text("/v1/functions/test/teller/t/call", word).status, 200);
  const auto first = ask(gateway_url_, "GET", "/v1/streams/test/out/told?limit=2");
  const auto page = cli::Json::parse(first.body).value();
  ASSERT_EQ(page["records"].items().size(), 2u);
  EXPECT_EQ(page["records"].items()[0]["value"].text(), "a");
  EXPECT_EQ(page["records"].items()[0]["key"].text(), "t");
  EXPECT_EQ(page["records"].items()[0]["source"].text(), "test/teller/t");
  const auto rest = cli::Json::parse(ask(gateway_url_, "GET", "/v1/streams/test/out/told?from=" + page["next"].text()).body).value();
  ASSERT_EQ(rest["records"].items().size(), 1u);
  EXPECT_EQ(rest["records"].items()[0]["value"].raw(), "{\"n\":1}");
  const auto end = cli::Json::parse(ask(gateway_url_, "GET", "/v1/streams/test/out/told?wait=1ms&from=" + rest["next"].text()).body).value();
  EXPECT_TRUE(end["records"].items().empty());
  EXPECT_EQ(end["next"].raw(), rest["next"].raw());
}

TEST_F(StreamsApi, ALongPollIsAnsweredWhenARecordComes) {
  auto polled = std::async(std::launch::async, [&] { return ask(gateway_url_, "GET", "/v1/streams/test/out/told?wait=20s").body; });
  EXPECT_EQ(text("/v1/functions/test/teller/t/send", "here").status, 202);
  EXPECT_THAT(polled.get(), HasSubstr("\"value\":\"here\""));
}

TEST_F(StreamsApi, UnknownStreamsAndWrongParametersAreRefused) {
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/nowhere/told?wait=20s").status, 404);
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/out/told?wait=61s").status, 400);
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/out/told?limit=0").status, 400);
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/out/told?limit=1001").status, 400);
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/out/told?from=-1").status, 400);
  EXPECT_EQ(ask(gateway_url_, "POST", "/v1/streams/test/out/told").status, 405);
  EXPECT_EQ(ask(gateway_url_, "GET", "/v1/streams/test/out/empty").status, 200);
}

TEST_F(StreamsApi, EventStreamsGoOnAndResumeBehindTheLastEvent) {
  EXPECT_EQ(text("/v1/functions/test/teller/t/call", "one").status, 200);
  const std::uint16_t port = servers_.front()->port();
  std::string last;
  {
    RawConnection reader(port);
    reader.write("GET /v1/streams/test/out/told HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    EXPECT_THAT(reader.read_until("\r\n\r\n"), HasSubstr("content-type: text/event-stream"));
    EXPECT_THAT(reader.read_until("\"value\":\"one\""), HasSubstr("id: 0\ndata: {\"position\":0"));
    EXPECT_THAT(reader.read_until(": still here\n\n"), Not(HasSubstr("two"))) << "a sign of life";
    EXPECT_EQ(text("/v1/functions/test/teller/t/call", "two").status, 200);
    EXPECT_THAT(reader.read_until("\"value\":\"two\""), HasSubstr("id: 1\n"));
  }
  RawConnection again(port);
  again.write("GET /v1/streams/test/out/told HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nlast-event-id: 0\r\n\r\n");
  EXPECT_THAT(again.read_until("\"value\":\"two\""), Not(HasSubstr("\"value\":\"one\"")));
}

TEST_F(StreamsApi, OpenReadersAreAnsweredWhenTheRuntimeStops) {
  RawConnection events(servers_.front()->port());
  events.write("GET /v1/streams/test/out/told HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
  EXPECT_THAT(events.read_until(": open\n\n"), HasSubstr("200 OK"));
  auto polled = std::async(std::launch::async, [&] { return ask(gateway_url_, "GET", "/v1/streams/test/out/told?wait=20s").status; });
  stop_runtime();
  EXPECT_THAT(events.read_until("0\r\n\r\n"), HasSubstr("retry: 1000\n")) << "a whole body, and a word when to come back";
  EXPECT_EQ(polled.get(), 200);
}

// More than all buffers between server and client hold: the stream waits for the client, and neither is cut nor leaves anything out.
TEST_F(StreamsApi, AnEventStreamWaitsForASlowClient) {
  constexpr int kRecords = 150;
  for (int i = 0; i < kRecords; ++i) {
    ASSERT_EQ(text("/v1/functions/test/teller/t" + std::to_string(i) + "/call", std::string(100'000, 'x')).status, 200);
  }
  RawConnection reader(servers_.front()->port());
  reader.write("GET /v1/streams/test/out/told HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
  EXPECT_THAT(reader.read_until("id: 0\n"), HasSubstr("200 OK"));
  // Meanwhile the server has all the time it needs to run ahead.
  for (int i = 0; i < 20; ++i) ASSERT_EQ(text("/v1/functions/test/greeter/g/call", "x").status, 200);
  for (int i = 1; i < kRecords; ++i) {
    const std::string event = reader.read_until("id: " + std::to_string(i) + "\n");
    ASSERT_THAT(event.substr(0, 100), HasSubstr("\"position\":" + std::to_string(i - 1))) << i;
  }
}

TEST_F(StreamsApi, ThePlaygroundTakesMessagesInAndRecordsAway) {
  const auto put = ask(ingress_url_, "PUT", "/test/teller/p", {{"content-type", "application/vnd.my/type"}}, "typed");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.headers.get("status"), "200");
  EXPECT_EQ(ask(ingress_url_, "POST", "/test/teller/p", {}, "plain").status, 200);
  EXPECT_EQ(ask(ingress_url_, "GET", "/test/teller/p").status, 405);
  EXPECT_EQ(ask(ingress_url_, "PUT", "/test/teller", {}, "x").status, 400);
  EXPECT_EQ(ask(ingress_url_, "PUT", "/nobody/here/x", {}, "x").status, 404);
  EXPECT_EQ(text("/v1/functions/test/teller/p/call", "last").status, 200);  // Both have been handled when this is answered.
  for (const char* expected : {"typed", "plain", "last", ""}) {
    const auto popped = ask(egress_url_, "GET", "/told");
    EXPECT_EQ(popped.status, 200);
    EXPECT_EQ(popped.body, expected);
  }
  EXPECT_EQ(ask(egress_url_, "GET", "/unheard").status, 404);
  EXPECT_EQ(ask(egress_url_, "GET", "/told", {{"sec-fetch-site", "cross-site"}}).status, 403);
}

TEST_F(GatewayApi, WhatTheHttpLayerRefusesHasTheSameFormAndTheUsersNames) {
  const auto answer_to = [&](const std::string& bytes) {
    RawConnection raw(servers_.front()->port());
    raw.write(bytes);
    return raw.read_until("}}\n");
  };
  const std::string head = "POST /v1/functions/test/greeter/x/send HTTP/1.1\r\nhost: localhost\r\n";
  const auto large = answer_to(head + "content-length: 99000000\r\n\r\n");
  EXPECT_THAT(large, HasSubstr("HTTP/1.1 413 "));
  EXPECT_THAT(large, HasSubstr("content-type: application/json\r\n"));
  EXPECT_THAT(large, HasSubstr("{\"error\":{\"code\":\"too_large\",\"message\":\"a body of 99000000 bytes, more than requestBytes="));
  EXPECT_THAT(answer_to(head + "content-length: 1\r\ncontent-length: 2\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"invalid\",\"message\":\"two content-lengths that differ\"}}"));
  EXPECT_THAT(answer_to(head + "expect: more\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"invalid\""));
  EXPECT_THAT(answer_to("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"too_large\",\"message\":\"the first line is longer than the limit of 16384\"}}"));
  EXPECT_THAT(answer_to(head + "a: " + std::string(70'000, 'a') + "\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"too_large\",\"message\":\"the headers are longer than the limit of 65536\"}}"));
  EXPECT_THAT(answer_to("CONNECT / HTTP/1.1\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"not_implemented\""));
  EXPECT_THAT(answer_to("GET / HTTP/2.0\r\n\r\n"), HasSubstr("{\"error\":{\"code\":\"not_implemented\""));
}

TEST_F(GatewayApi, WhatIsAmbiguousIsRefused) {
  const std::string path = "/v1/functions/test/greeter/x/";
  EXPECT_EQ(code_of(text(path + "call?timeout=1s&timeout=2s", "x")), "invalid");
  EXPECT_EQ(code_of(text(path + "send", "x", {{"idempotency-key", "a"}, {"idempotency-key", "b"}})), "invalid");
  EXPECT_EQ(code_of(text(path + "send", "x", {{"x-value-type", "nonsense"}})), "invalid");
  EXPECT_EQ(code_of(text(path + "send", "x", {{"x-value-type", "/"}})), "invalid");
  EXPECT_EQ(code_of(ask(gateway_url_, "POST", path + "send", {{"content-type", "application/vnd.a/"}}, "x")), "invalid");
  EXPECT_EQ(text(path + "send", "x", {{"content-encoding", "gzip"}}).status, 415);
  EXPECT_EQ(text(path + "send", "x", {{"content-encoding", "identity"}}).status, 202);
  const auto deep = ask(gateway_url_, "POST", path + "send", {{"content-type", "application/json"}}, std::string(100'000, '['));
  EXPECT_EQ(deep.status, 400);
  EXPECT_THAT(deep.body, HasSubstr("nested at most 128 deep"));
}

TEST_F(GatewayApi, HeadIsGetWithoutTheBody) {
  EXPECT_EQ(text("/v1/functions/test/teller/k/call", "1").status, 200);
  const auto answer_to = [](const net::HttpServer& server, const std::string& rest) {
    RawConnection raw(server.port());
    raw.write("HEAD " + rest + "\r\nhost: localhost\r\nauthorization: Bearer secret\r\nconnection: close\r\n\r\n");
    return raw.read_until("nothing of the kind");  // Up to the end.
  };
  for (const auto& [at, rest] : {std::pair(1, "/healthz HTTP/1.1"), std::pair(1, "/v1/functions HTTP/1.1"), std::pair(0, "/v1/streams/test/out/told HTTP/1.1"),
                                 std::pair(0, "/v1/streams/test/out/told HTTP/1.1\r\naccept: text/event-stream")}) {
    const std::string answer = answer_to(*servers_[static_cast<std::size_t>(at)], rest);
    EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 200 OK\r\n")) << rest;
    EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n")) << rest;
    EXPECT_THAT(answer, HasSubstr("content-type: ")) << rest;
  }
  EXPECT_EQ(ask(gateway_url_, "POST", "/v1/streams/test/out/told").headers.get("allow"), "GET, HEAD");
}

using AdminApi = ApiTest;

TEST_F(AdminApi, TimersOfOurOwnAreShownOnlyWhenAskedFor) {
  EXPECT_EQ(text("/v1/functions/test/greeter/al/call", "x", {{"idempotency-key", "k"}}).status, 200);
  EXPECT_EQ(admin("GET", "/v1/timers").body, "{\"timers\":[]}\n");
  EXPECT_THAT(admin("GET", "/v1/timers?all").body, HasSubstr("\"kind\":\"forget-request\""));
  EXPECT_THAT(admin("GET", "/v1/timers?kind=forget-request").body, HasSubstr("\"kind\":\"forget-request\""));
  EXPECT_EQ(admin("GET", "/v1/timers?kind=trim-stream").body, "{\"timers\":[]}\n");
  EXPECT_EQ(admin("GET", "/v1/timers?kind=other").status, 400);
  EXPECT_EQ(admin("GET", "/v1/timers?kind=trim-stream&all").status, 400);
}

TEST_F(AdminApi, AsksForTheTokenButForProbes) {
  EXPECT_EQ(ask(admin_url_, "GET", "/v1/functions").status, 401);
  EXPECT_EQ(ask(admin_url_, "GET", "/metrics").status, 401);
  EXPECT_EQ(ask(admin_url_, "GET", "/healthz").status, 200);
  EXPECT_EQ(ask(admin_url_, "GET", "/readyz").status, 200);
  EXPECT_EQ(admin("GET", "/v1/functions").status, 200);
  EXPECT_EQ(admin("GET", "/v1/nothing").status, 404);
  EXPECT_EQ(admin("POST", "/v1/functions").status, 405);
  EXPECT_EQ(admin("GET", "/v1/states?limit=10001").status, 400);
  EXPECT_EQ(admin("GET", "/v1/version").body, "{\"version\":\"test 1\"}\n");
}

TEST_F(AdminApi, ShowsFunctionsWithTheirStatesAndEndpoints) {
  EXPECT_EQ(text("/v1/functions/test/greeter/al/call", "x").status, 200);
  EXPECT_THAT(admin("GET", "/v1/functions").body,
              HasSubstr("\"type\":\"test/greeter\",\"endpoint\":\"test/*\",\"invocations\":1,\"failures\":0,\"in_flight\":0,"
                        "\"states\":[{\"name\":\"heard\",\"type\":\"io.statefun.types/string\",\"expiration\":\"none\"}]"));
  EXPECT_THAT(admin("GET", "/v1/endpoints").body, HasSubstr("{\"functions\":\"test/*\",\"url\":\"http://in.process/\""));
  EXPECT_THAT(admin("GET", "/v1/states?type=test/greeter&prefix=a").body, HasSubstr("\"id\":\"al\""));
  EXPECT_EQ(admin("GET", "/v1/states?prefix=b").body, "{\"addresses\":[]}\n");
  EXPECT_EQ(admin("GET", "/v1/state/test/greeter/nobody").status, 404);
}

TEST_F(AdminApi, ListsGoOnFromPageToPage) {
  std::string expected;
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(text(std::string("/v1/functions/test/greeter/") + id + "/call", "x").status, 200);
    expected += id;
  }
  for (const char* limit : {"1", "2", "5", "100"}) {
    std::string path = std::string("/v1/states?limit=") + limit, listed, page;
    do {
      const auto json = cli::Json::parse(admin("GET", page.empty() ? path : path + "&page=" + page).body).value();
      EXPECT_LE(json["addresses"].items().size(), static_cast<std::size_t>(std::stoi(limit)));
      for (const auto& address : json["addresses"].items()) listed += address["id"].text();
      page = json["next"].text();
    } while (!page.empty() && listed.size() < expected.size());
    EXPECT_EQ(listed, expected) << limit;
    EXPECT_EQ(page, "") << limit;
  }
  for (const char* path : {"/v1/functions?limit=1&page=YQ", "/v1/streams?prefix=test&page=YQ", "/v1/timers?page=YQ", "/v1/parked?page=YQ", "/v1/addresses?page=YQ"})
    EXPECT_EQ(admin("GET", path).status, 200) << path;
  for (const char* path : {"/v1/states?page=!", "/v1/states?limit=0", "/v1/functions?prefix=x", "/v1/streams?type=a/b"})
    EXPECT_EQ(admin("GET", path).status, 400) << path;
}

TEST_F(AdminApi, ParkedWorkIsShownRetriedAndSkipped) {
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(text(std::string("/v1/functions/test/broken/") + id + "/send", "x").status, 202);
  // Parking takes two attempts; a call behind them is not answered, so ask until they are there.
  std::string parked;
  for (int i = 0; i < 2000 && cli::Json::parse(parked = admin("GET", "/v1/parked").body).value()["parked"].items().size() < 3; ++i) {
    std::this_thread::yield();
  }
  EXPECT_THAT(parked, HasSubstr("out of order"));
  EXPECT_THAT(parked, HasSubstr("\"messages\":[{\"type\":\"io.statefun.types/string\",\"value\":\"x\"}]"));
  EXPECT_EQ(admin("POST", "/v1/parked/test/broken/nobody/retry").status, 404);
  EXPECT_EQ(admin("POST", "/v1/parked/retry").status, 400) << "which?";
  EXPECT_EQ(admin("GET", "/v1/parked/test/broken/a/retry").status, 405);

  for (const auto& key : {net::HeaderList{}, net::HeaderList{{"idempotency-key", "k"}}}) {
    const auto refused = text("/v1/functions/test/broken/a/call", "y", key);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(code_of(refused), "parked");
  }
  EXPECT_EQ(admin("POST", "/v1/parked/test/broken/a/skip").body, "{\"skipped\":1}\n");
  {
    std::unique_lock lock(mutex_);
    broken_ = false;
  }
  EXPECT_EQ(admin("POST", "/v1/parked/retry?all&before=1").body, "{\"retried\":0,\"more\":false}\n") << "what was parked later is left alone";
  EXPECT_EQ(admin("POST", "/v1/parked/retry?type=test/other").body, "{\"retried\":0,\"more\":false}\n");
  EXPECT_EQ(admin("POST", "/v1/parked/retry?type=test/broken").body, "{\"retried\":2,\"more\":false}\n");
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(text(std::string("/v1/functions/test/broken/") + id + "/call", "y").status, 200);
  EXPECT_THAT(admin("GET", "/v1/state/test/broken/a").body, HasSubstr("\"value\":\"y\"")) << "x was skipped";
  EXPECT_THAT(admin("GET", "/v1/state/test/broken/b").body, HasSubstr("\"value\":\"xy\"")) << "x was retried";
  EXPECT_EQ(admin("GET", "/v1/parked").body, "{\"parked\":[]}\n");
}

TEST_F(AdminApi, MetricsCountWhatWasAnswered) {
  EXPECT_EQ(text("/v1/functions/test/greeter/al/call", "x").status, 200);
  EXPECT_EQ(text("/v1/functions/nobody/here/al/call", "x").status, 404);
  const auto metrics = admin("GET", "/metrics");
  EXPECT_THAT(std::string(metrics.headers.get("content-type")), HasSubstr("version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("holdfast_api_requests_total{listener=\"gateway\",status=\"200\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("holdfast_api_requests_total{listener=\"gateway\",status=\"404\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nholdfast_runtime_messages_in_total 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nprocess_resident_memory_bytes "));
}

TEST_F(AdminApi, AStoppedRuntimeIsNotReadyAndTakesNothing) {
  EXPECT_EQ(text("/v1/functions/test/greeter/al/call", "x").status, 200);
  stop_runtime();
  const auto ready = ask(admin_url_, "GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr("\"reason\":"));
  EXPECT_EQ(ask(admin_url_, "GET", "/healthz").status, 200);
  const auto refused = text("/v1/functions/test/greeter/al/send", "x");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("retry-after"), "1");
}

}  // namespace
}  // namespace holdfast
