// Against a real HttpServer on loopback that gives canned answers.
#include "targets/statefun_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "codec/standard_types.h"
#include "codec/statefun_v2.h"
#include "net/net_fixture.h"
#include "targets/statefun_answer.h"

namespace holdfast::targets {
namespace {

using Kind = model::InvocationFailure::Kind;
using ::testing::HasSubstr;

class StatefunHttpTest : public net::NetTest {
 protected:
  void TearDown() override {
    target_.reset();
    NetTest::TearDown();
  }

  // Serves `answer` to every request and remembers the requests.
  void answer(net::HttpResponse response, net::HttpLimits limits = {}) {
    serve(
        [this, response](net::HttpRequest&& request, net::Responder responder) {
          requests_.push_back(std::move(request));
          responder.send(response);
        },
        limits);
  }
  void answer_octets(std::string body) { answer({200, {{"Content-Type", "application/octet-stream"}}, std::move(body)}); }

  model::EndpointSpec endpoint(const std::string& path = "/statefun") {
    model::EndpointSpec spec;
    spec.functions = "shop/*";
    spec.url_template = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    return spec;
  }
  StatefunHttpTarget& target(const model::EndpointSpec& spec) {
    target_ = std::make_unique<StatefunHttpTarget>(spec, loop_, nullptr, "holdfast/test");
    return *target_;
  }

  // One batch of one message, "hello", for shop/cart "7".
  model::InvocationOutcome invoke(ports::FunctionTarget& target, const std::string& type = "shop/cart",
                                  const std::string& traceparent = {}, const std::string& argument = "hello") {
    std::optional<model::InvocationOutcome> outcome;
    start(target, type, traceparent, argument, [&](model::InvocationOutcome o) { outcome = std::move(o); });
    EXPECT_FALSE(outcome.has_value()) << "done ran within invoke()";
    run_until([&] { return outcome.has_value(); });
    return outcome ? std::move(*outcome) : model::InvocationOutcome();
  }
  void start(ports::FunctionTarget& target, const std::string& type, const std::string& traceparent,
             const std::string& argument, ports::FunctionTarget::Done done) {
    const model::Address address{type, "7"};
    const model::Message message{address, std::nullopt, {"io.statefun.types/string", codec::encode_string(argument), true}, ""};
    const model::Message* batch[] = {&message};
    const model::StateSpec spec{"seen", "io.statefun.types/int"};
    const model::StateValue value{"seen", codec::encode_int(3), {}};
    const ports::StateEntry states[] = {{&spec, &value}};
    target.invoke({address, states, batch, traceparent}, std::move(done));
  }
  model::InvocationFailure failure(const model::InvocationOutcome& outcome) {
    const auto* found = std::get_if<model::InvocationFailure>(&outcome);
    EXPECT_NE(found, nullptr) << "the outcome is no failure";
    return found ? *found : model::InvocationFailure{};
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  std::vector<net::HttpRequest> requests_;
  std::unique_ptr<StatefunHttpTarget> target_;
};

std::string effects() {
  model::InvocationResponse response;
  response.mutations.push_back({model::StateMutation::Kind::Modify, "seen", "io.statefun.types/int", codec::encode_int(4)});
  std::string out;
  codec::append_from_function(out, response);
  return out;
}

TEST_F(StatefunHttpTest, PostsTheBatchAndReadsTheEffects) {
  answer_octets(effects());
  const auto outcome = invoke(target(endpoint()));
  const auto* response = std::get_if<model::InvocationResponse>(&outcome);
  ASSERT_NE(response, nullptr) << failure(outcome).message;
  ASSERT_EQ(response->mutations.size(), 1u);
  EXPECT_EQ(response->mutations[0].value, codec::encode_int(4));

  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].target, "/statefun");
  EXPECT_EQ(requests_[0].headers.get("content-type"), "application/octet-stream");
  EXPECT_EQ(requests_[0].headers.get("accept"), "application/octet-stream");
  EXPECT_EQ(requests_[0].headers.get("user-agent"), "holdfast/test");
  EXPECT_FALSE(requests_[0].headers.contains("traceparent"));
  const auto batch = codec::parse_to_function(requests_[0].body);
  ASSERT_TRUE(batch.has_value()) << batch.error().message;
  EXPECT_EQ(batch->target, (model::Address{"shop/cart", "7"}));
  ASSERT_EQ(batch->states.size(), 1u);
  EXPECT_EQ(batch->states[0].value->value, codec::encode_int(3));
  EXPECT_EQ(codec::decode_string(batch->invocations.at(0).argument.value).value(), "hello");
}

TEST_F(StatefunHttpTest, CarriesTheTrace) {
  answer_octets("");
  invoke(target(endpoint()), "shop/cart", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].headers.get("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST_F(StatefunHttpTest, EmptyOctetsAreAnAnswerWithoutEffects) {
  answer_octets("");
  const auto outcome = invoke(target(endpoint()));
  const auto* response = std::get_if<model::InvocationResponse>(&outcome);
  ASSERT_NE(response, nullptr) << failure(outcome).message;
  EXPECT_TRUE(response->mutations.empty() && response->sends.empty() && response->delayed.empty() && response->egress.empty());
}

TEST_F(StatefunHttpTest, AskingForStatesIsAnAnswer) {
  std::string body;
  codec::append_from_function(body, model::IncompleteContext{{{"seen", "io.statefun.types/int"}}});
  answer_octets(body);
  const auto outcome = invoke(target(endpoint()));
  ASSERT_TRUE(std::holds_alternative<model::IncompleteContext>(outcome));
  EXPECT_EQ(std::get<model::IncompleteContext>(outcome).missing.at(0).name, "seen");
}

TEST_F(StatefunHttpTest, ContentTypeIsComparedWithoutCase) {
  answer({200, {{"Content-Type", "Application/Octet-Stream"}}, effects()});
  EXPECT_TRUE(std::holds_alternative<model::InvocationResponse>(invoke(target(endpoint()))));
}

TEST_F(StatefunHttpTest, OtherContentTypesAreAFailureWithWhatWasSaid) {
  answer({200, {{"content-type", "text/html"}}, "<html>welcome\n"});
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, origin() + "/statefun answered 200 OK with content-type text/html, expected application/octet-stream "
                                    "(the body begins: <html>welcome\\x0a)");
}

TEST_F(StatefunHttpTest, ContentTypeParametersAreAFailure) {
  answer({200, {{"content-type", "application/octet-stream; charset=utf-8"}}, effects()});
  EXPECT_EQ(failure(invoke(target(endpoint()))).kind, Kind::Failed);
}

TEST_F(StatefunHttpTest, EmptyAnswerWithoutAContentTypeIsAFailure) {
  answer({200, {}, ""});
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, origin() + "/statefun answered 200 OK with no content-type, expected application/octet-stream (the body is empty)");
}

TEST_F(StatefunHttpTest, BytesThatNoFunctionSaidAreAFailure) {
  answer_octets("\xa2\x06\x05\x0a");
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, origin() + "/statefun answered 4 bytes that make no sense: FromFunction field 100 at byte 0: the length is "
                                    "beyond the end (the body begins: \\xa2\\x06\\x05\\x0a)");
}

TEST_F(StatefunHttpTest, WhatTheFunctionSaidWronglyIsRefused) {
  answer_octets(std::string("\xa2\x06\x04\x12\x02\x12\x00", 7));  // A message to nobody.
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_NE(why.message.find("an outgoing message"), std::string::npos) << why.message;
}

TEST_F(StatefunHttpTest, EveryCutOfAnAnswerIsAFailureButTheWholeOne) {
  const std::string whole = effects();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    answer_octets(whole.substr(0, size));
    EXPECT_EQ(failure(invoke(target(endpoint()))).kind, Kind::Failed) << size;
  }
}

// Nothing would tell it from an answer without effects.
TEST_F(StatefunHttpTest, NoBodyAtAllIsAFailureWhereNothingSaidHowLongItIs) {
  model::EndpointSpec spec;
  spec.functions = "shop/*";
  for (const bool says_how_long : {true, false}) {
    raw_serve([&](net::RawPeer& peer) {
      peer.say(std::string("HTTP/1.0 200 OK\r\ncontent-type: application/octet-stream\r\n") + (says_how_long ? "content-length: 0\r\n" : "") +
                 "\r\n");
      peer.hang_up();
    });
    spec.url_template = "http://127.0.0.1:" + std::to_string(listener_->port) + "/";
    EXPECT_EQ(std::holds_alternative<model::InvocationResponse>(invoke(target(spec))), says_how_long);
  }
}

TEST_F(StatefunHttpTest, ProxyThatAnswersInTheFunctionsPlaceSaysThatItIsAway) {
  for (const int status : {429, 502, 503, 504}) {
    answer({status, {{"content-type", "text/plain"}, {"retry-after", "7"}}, "no healthy upstream"});
    const auto why = failure(invoke(target(endpoint())));
    EXPECT_EQ(why.kind, Kind::Away) << status;
    EXPECT_EQ(why.retry_after, Duration{7'000});
    EXPECT_EQ(why.counts, status != 429);
  }
  for (const int status : {400, 404, 500, 501, 505}) {
    answer({status, {}, ""});
    EXPECT_EQ(failure(invoke(target(endpoint()))).kind, Kind::Failed) << status;
  }
}

TEST(RetryAfter, IsSecondsOrADateAndNeverTooLong) {
  const auto after = [](const std::string& text) {
    return retry_after({503, {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"retry-after", text}}, ""}).ms;
  };
  EXPECT_EQ(after("0"), 0);
  EXPECT_EQ(after("120"), 120'000);
  EXPECT_EQ(after("86400"), kRetryAfterMax.ms);
  EXPECT_EQ(after("99999999999999999999"), 0);
  EXPECT_EQ(after("-5"), 0);
  EXPECT_EQ(after("soon"), 0);
  EXPECT_EQ(after("Sun, 06 Nov 1994 08:50:07 GMT"), 30'000);
  EXPECT_EQ(after("Sun, 06 Nov 1994 08:49:07 GMT"), 0);
  EXPECT_EQ(after("Mon, 06 Nov 2094 08:49:07 GMT"), kRetryAfterMax.ms);
  EXPECT_EQ(after("Sun, 36 Nov 1994 08:50:07 GMT"), 0);
  EXPECT_EQ(retry_after({503, {}, ""}).ms, 0);
  EXPECT_EQ(retry_after({503, {{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}, ""}).ms, 0);
}

TEST_F(StatefunHttpTest, ErrorStatusIsAFailureWithItsText) {
  answer({500, {{"content-type", "text/plain"}}, "boom"});
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, origin() + "/statefun answered 500 Internal Server Error (the body begins: boom)");
}

TEST_F(StatefunHttpTest, ReasonsNameTheUrlAsItMayBeShown) {
  answer({500, {{"Content-Type", "text/plain"}}, "no"});
  auto spec = endpoint("/statefun?code=secret");
  spec.url_shown = "http://h/{function.name}?code=${KEY}";
  const auto outcome = invoke(target(spec));
  EXPECT_EQ(requests_.at(0).target, "/statefun?code=secret");
  EXPECT_TRUE(failure(outcome).message.starts_with("http://h/cart?code=${KEY} ")) << failure(outcome).message;
}

TEST_F(StatefunHttpTest, AReasonOfAThousandBytesIsWholeAndALongerOneIsCut) {
  answer({500, {{"content-type", "text/plain"}}, std::string(1000, 'x')});
  EXPECT_TRUE(failure(invoke(target(endpoint()))).message.ends_with("(the body begins: " + std::string(1000, 'x') + ")"));
  answer({500, {{"content-type", "text/plain"}}, std::string(1001, 'x')});
  EXPECT_TRUE(failure(invoke(target(endpoint()))).message.ends_with("(the body begins: " + std::string(1000, 'x') + "...)"));
}

TEST_F(StatefunHttpTest, ErrorStatusWithEmptyOctetsIsAFailureToo) {
  answer({500, {{"content-type", "application/octet-stream"}}, ""});
  EXPECT_EQ(failure(invoke(target(endpoint()))).kind, Kind::Failed);
}

TEST_F(StatefunHttpTest, RedirectsAreNotFollowed) {
  answer({302, {{"location", "http://127.0.0.1:1/"}}, ""});
  const auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_NE(why.message.find("302 Found to http://127.0.0.1:1/, and redirects are not followed"), std::string::npos) << why.message;
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(StatefunHttpTest, NobodyListeningIsUnreachable) {
  answer_octets("");
  auto spec = endpoint();
  server_.reset();
  const auto why = failure(invoke(target(spec)));
  EXPECT_EQ(why.kind, Kind::Unreachable);
  EXPECT_NE(why.message.find("/statefun cannot be reached: "), std::string::npos) << why.message;
}

TEST_F(StatefunHttpTest, PlainServerBehindHttpsIsUnreachable) {
  answer_octets("");
  auto spec = endpoint();
  spec.url_template.replace(0, 4, "https");
  auto tls = load_endpoint_tls(spec);
  ASSERT_TRUE(tls.has_value()) << tls.error().message;
  target_ = std::make_unique<StatefunHttpTarget>(spec, loop_, *tls, "holdfast/test");
  EXPECT_EQ(failure(invoke(*target_)).kind, Kind::Unreachable);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(StatefunHttpTest, SilenceIsAFailureAfterTheCallTimeout) {
  std::vector<net::Responder> held;
  serve([&](net::HttpRequest&&, net::Responder responder) { held.push_back(std::move(responder)); });
  auto spec = endpoint();
  spec.call_timeout = Duration{50};
  const auto why = failure(invoke(target(spec)));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_NE(why.message.find("gave no answer: "), std::string::npos) << why.message;
  EXPECT_EQ(held.size(), 1u);
  held.clear();
}

TEST_F(StatefunHttpTest, ConnectionThatEndsWithoutAnAnswerIsAFailure) {
  raw_serve([](net::RawPeer& peer) { peer.hang_up(); });
  model::EndpointSpec spec;
  spec.functions = "shop/*";
  spec.url_template = "http://127.0.0.1:" + std::to_string(listener_->port) + "/";
  EXPECT_EQ(failure(invoke(target(spec))).kind, Kind::Failed);
}

TEST_F(StatefunHttpTest, AnswerOverTheLimitIsRefused) {
  answer_octets(std::string(2001, 'x'));
  auto spec = endpoint();
  spec.payload_bytes_max = 2000;
  const auto why = failure(invoke(target(spec)));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_NE(why.message.find("answered more than the endpoint's limit of 2000 bytes"), std::string::npos) << why.message;
}

TEST_F(StatefunHttpTest, RequestOverTheLimitIsRefusedUnsent) {
  answer_octets("");
  auto spec = endpoint();
  spec.payload_bytes_max = 200;
  const auto why = failure(invoke(target(spec), "shop/cart", "", std::string(200, 'x')));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_NE(why.message.find("is over the endpoint's limit of 200"), std::string::npos) << why.message;
  EXPECT_TRUE(requests_.empty());
}

TEST_F(StatefunHttpTest, FunctionNameGoesIntoTheUrlEscaped) {
  answer_octets("");
  auto& t = target(endpoint("/fn/{function.name}/v1?n={function.name}"));
  invoke(t, "shop/cart");
  invoke(t, "shop/cart");
  invoke(t, "shop/a b?x");
  ASSERT_EQ(requests_.size(), 3u);
  EXPECT_EQ(requests_[0].target, "/fn/cart/v1?n=cart");
  EXPECT_EQ(requests_[1].target, "/fn/cart/v1?n=cart");
  EXPECT_EQ(requests_[2].target, "/fn/a%20b%3Fx/v1?n=a%20b%3Fx");
}

TEST_F(StatefunHttpTest, FunctionNamesThatServersTakeOutOfAPathAreRefused) {
  answer_octets("");
  auto& part = target(endpoint("/fn/{function.name}"));
  for (const char* type : {"shop/.", "shop/.."}) {
    EXPECT_EQ(failure(invoke(part, type)).kind, Kind::Refused);
    EXPECT_THAT(failure(invoke(part, type)).message, HasSubstr("would not stand for itself in http://"));
  }
  EXPECT_TRUE(requests_.empty());
  invoke(part, "shop/...");
  invoke(target(endpoint("/fn-{function.name}?n={function.name}")), "shop/..");
  invoke(target(endpoint("/fixed")), "shop/..");
  ASSERT_EQ(requests_.size(), 3u);
  EXPECT_EQ(requests_[0].target, "/fn/...");
  EXPECT_EQ(requests_[1].target, "/fn-..?n=..");
  EXPECT_EQ(requests_[2].target, "/fixed");
  EXPECT_EQ(failure(invoke(target(endpoint("/.{function.name}/x")), "shop/.")).kind, Kind::Refused);
}

TEST_F(StatefunHttpTest, FunctionNameThatIsNoHostIsRefused) {
  answer_octets("");
  auto spec = endpoint();
  spec.url_template = "http://{function.name}:" + std::to_string(server_->port()) + "/";
  auto& t = target(spec);
  EXPECT_EQ(failure(invoke(t, "shop/evil@host")).kind, Kind::Refused);
  EXPECT_TRUE(std::holds_alternative<model::InvocationResponse>(invoke(t, "shop/127.0.0.1")));
}

TEST_F(StatefunHttpTest, HostsOfOneTemplateAreBoundedAndThoseAtRestGiveWay) {
  answer_octets("");
  auto spec = endpoint();
  spec.url_template = "http://{function.name}:" + std::to_string(server_->port()) + "/";
  auto& t = target(spec);
  const auto name = [](std::size_t i) { return "shop/127.0." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200); };
  EXPECT_NE(t.origin(name(0)), t.origin(name(1)));
  for (int round = 0; round < 2; ++round) {
    std::size_t answers = 0, waiting = 0;
    for (std::size_t i = 0; i < kOriginsMax + 2; ++i)
      start(t, name(i), "", "x", [&](model::InvocationOutcome o) {
        ++answers;
        const auto* why = std::get_if<model::InvocationFailure>(&o);
        waiting += why != nullptr && why->kind == Kind::Unreachable && why->message.ends_with("hosts that are being called at once");
      });
    run_until([&] { return answers == kOriginsMax + 2; });
    EXPECT_EQ(waiting, 2u);  // Every host is being called.
    // Nobody listens there, but it was tried.
    EXPECT_TRUE(failure(invoke(t, name(kOriginsMax + 1))).message.starts_with("http://127.0.1.58:")) << round;
    EXPECT_TRUE(std::holds_alternative<model::InvocationResponse>(invoke(t, name(0))));
  }
}

TEST_F(StatefunHttpTest, TypesOfOneHostHaveOneOrigin) {
  answer_octets("");
  auto& t = target(endpoint("/{function.name}"));
  EXPECT_EQ(t.origin("shop/cart"), origin());
  EXPECT_EQ(t.origin("shop/mailer"), origin());
  auto spec = endpoint();
  spec.url_template = "http+unix:///run/{function.name}.sock/fn";
  auto& sockets = target(spec);
  EXPECT_EQ(sockets.origin("shop/cart"), "http+unix:///run/cart.sock");
  EXPECT_EQ(sockets.origin("shop/mailer"), "http+unix:///run/mailer.sock");
}

TEST_F(StatefunHttpTest, NothingIsAnsweredAfterTheTargetIsGone) {
  std::vector<net::Responder> held;
  serve([&](net::HttpRequest&&, net::Responder responder) { held.push_back(std::move(responder)); });
  bool answered = false;
  start(target(endpoint()), "shop/cart", "", "x", [&](model::InvocationOutcome) { answered = true; });
  auto small = endpoint();
  small.payload_bytes_max = 1;
  StatefunHttpTarget other(small, loop_, nullptr, "");
  {
    auto refusing = std::make_unique<StatefunHttpTarget>(small, loop_, nullptr, "");
    start(*refusing, "shop/cart", "", "x", [&](model::InvocationOutcome) { answered = true; });
  }
  run_until([&] { return held.size() == 1; });
  target_.reset();
  held.clear();
  bool later = false;
  loop_.post([&] { later = true; });
  run_until([&] { return later; });
  EXPECT_FALSE(answered);
}

TEST_F(StatefunHttpTest, FunctionsOfStatefun2AreSpokenToInTheirProtocol) {
  for (const auto protocol : {model::FunctionProtocol::V2, model::FunctionProtocol::Interim}) {
    requests_.clear();
    model::InvocationResponse effects;
    effects.mutations.push_back({model::StateMutation::Kind::Modify, "seen", std::string(model::kUnsetType), "bytes"});
    std::string body;
    codec::v2::append_from_function(body, effects);
    answer_octets(body);
    auto spec = endpoint();
    spec.protocol = protocol;
    const auto outcome = invoke(target(spec));
    const auto* response = std::get_if<model::InvocationResponse>(&outcome);
    ASSERT_NE(response, nullptr) << failure(outcome).message;
    EXPECT_EQ(response->mutations.at(0).value, "bytes");
    ASSERT_EQ(requests_.size(), 1u);
    const auto batch = codec::v2::parse_to_function(requests_[0].body);
    ASSERT_TRUE(batch.has_value()) << batch.error().message;
    EXPECT_EQ(batch->states.at(0).value->value, codec::encode_int(3));
    EXPECT_EQ(batch->invocations.at(0).argument,
              (model::TypedValue{"io.statefun.types/string", codec::encode_string("hello"), true}));
  }
}

TEST_F(StatefunHttpTest, StatesOfConfigurationAreAskedForInTheFunctionsNameWithoutACall) {
  answer_octets("");
  auto spec = endpoint();
  const std::string unset(model::kUnsetType);
  for (const auto protocol : {model::FunctionProtocol::V2, model::FunctionProtocol::Interim}) {
    spec.protocol = protocol;
    spec.states = {{"a", unset}, {"seen", unset}, {"z", unset, model::ExpireMode::AfterInvoke, {1000}}};
    const auto outcome = invoke(target(spec));
    ASSERT_TRUE(std::holds_alternative<model::IncompleteContext>(outcome));
    EXPECT_EQ(std::get<model::IncompleteContext>(outcome).missing, (std::vector{spec.states[0], spec.states[2]}));
    EXPECT_TRUE(requests_.empty());
  }
  spec.states = {{"seen", unset}};
  EXPECT_TRUE(std::holds_alternative<model::InvocationResponse>(invoke(target(spec))));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(StatefunHttpTest, OnlyFunctionsOfTheInterimProtocolMayAskThemselves) {
  std::string body;
  codec::v2::append_from_function(body, model::IncompleteContext{{{"seen", ""}}});
  answer_octets(body);
  auto spec = endpoint();
  spec.protocol = model::FunctionProtocol::Interim;
  EXPECT_TRUE(std::holds_alternative<model::IncompleteContext>(invoke(target(spec))));
  spec.protocol = model::FunctionProtocol::V2;
  const auto why = failure(invoke(target(spec)));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_EQ(why.message, origin() + "/statefun asked for its states, which functions of StateFun 2.0 to 2.2 do not: set protocol: interim for "
                                    "its endpoint (or protocol: v3, if it is made with an SDK of StateFun 3)");
}

TEST_F(StatefunHttpTest, AnswerInTheOtherProtocolIsRefused) {
  model::InvocationResponse effects;
  effects.sends.push_back({{"shop/cart", "8"}, {"a/b", "value", true}});
  std::string v3, v2;
  codec::append_from_function(v3, effects);
  codec::v2::append_from_function(v2, effects);
  answer_octets(v2);
  auto why = failure(invoke(target(endpoint())));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_NE(why.message.find("the function speaks the protocol of StateFun 2"), std::string::npos) << why.message;
  answer_octets(v3);
  auto spec = endpoint();
  spec.protocol = model::FunctionProtocol::V2;
  why = failure(invoke(target(spec)));
  EXPECT_NE(why.message.find("the function speaks the protocol of StateFun 3"), std::string::npos) << why.message;
}

TEST_F(StatefunHttpTest, FactoryMakesTargetsThatWork) {
  answer_octets(effects());
  const std::vector<model::EndpointSpec> endpoints{endpoint()};
  auto certificates = load_endpoint_certificates(endpoints);
  ASSERT_TRUE(certificates.has_value()) << certificates.error().message;
  const auto factory = make_statefun_http_factory(*std::move(certificates), {.user_agent = "holdfast/test", .connections = nullptr});
  const auto made = factory(endpoints[0], loop_);
  EXPECT_TRUE(std::holds_alternative<model::InvocationResponse>(invoke(*made)));
}

TEST_F(StatefunHttpTest, TheEndpointWhoseCertificatesAreMissingIsNamed) {
  model::EndpointSpec spec;
  spec.functions = "shop/*";
  spec.url_template = "https://127.0.0.1/";
  spec.tls.trust_cacerts = "/nowhere/ca.pem";
  const auto certificates = load_endpoint_certificates({&spec, 1});
  ASSERT_FALSE(certificates.has_value());
  EXPECT_TRUE(certificates.error().message.starts_with("endpoint shop/*: ")) << certificates.error().message;
  EXPECT_NE(certificates.error().message.find("/nowhere/ca.pem"), std::string::npos) << certificates.error().message;
}

TEST_F(StatefunHttpTest, WhatIsNoUrlIsRefused) {
  model::EndpointSpec spec;
  spec.functions = "shop/*";
  spec.url_template = "ftp://127.0.0.1/";
  EXPECT_FALSE(load_endpoint_certificates({&spec, 1}).has_value());
}

}  // namespace
}  // namespace holdfast::targets
