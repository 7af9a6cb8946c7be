// StatefunHttpTarget and FunctionPipe against a function server that offers pipelined calls.
#include "targets/function_pipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/standard_types.h"
#include "net/call_server.h"
#include "net/net_fixture.h"
#include "targets/statefun_http.h"

namespace holdfast::targets {
namespace {

using Kind = model::InvocationFailure::Kind;
using ::testing::HasSubstr;

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string effects() {
  model::InvocationResponse response;
  response.mutations.push_back({model::StateMutation::Kind::Modify, "seen", "io.statefun.types/int", codec::encode_int(4)});
  std::string out;
  codec::append_from_function(out, response);
  return out;
}

class FunctionPipeTest : public net::NetTest {
 protected:
  void TearDown() override {
    target_.reset();
    held_.clear();
    NetTest::TearDown();
  }

  // A server that takes calls both ways; `on_call` answers the pipelined ones.
  void serve_functions(net::CallServer::Handler on_call, net::CallLimits limits = {}, net::ListenSpec listen = {}) {
    calls_ = std::make_unique<net::CallServer>(limits, [this, on_call](const net::IncomingCall& call, net::CallToken token) {
      piped_.push_back({std::string(call.path), std::string(call.traceparent), std::string(call.body)});
      on_call(call, std::move(token));
    });
    serve(
        [this](net::HttpRequest&& request, net::Responder responder) {
          if (net::CallServer::is_wanted_by(request)) {
            ++upgrades_;
            if (!refuses_upgrades_) return calls_->accept(request, std::move(responder));
            return responder.send({403, {}, "not here"});
          }
          ++posts_;
          net::HttpResponse response{200, {{"content-type", "application/octet-stream"}}, effects()};
          if (offers_) net::CallServer::advertise(response);
          responder.send(std::move(response));
        },
        {}, std::move(listen));
  }
  void serve_effects(net::CallLimits limits = {}) {
    serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer(effects()); }, limits);
  }
  void serve_held(net::CallLimits limits = {}) {
    serve_functions([this](const net::IncomingCall&, net::CallToken token) { held_.push_back(std::move(token)); }, limits);
  }

  model::EndpointSpec endpoint(const std::string& path = "/statefun") {
    model::EndpointSpec spec;
    spec.functions = "shop/*";
    spec.url_template = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    return spec;
  }
  void use(const model::EndpointSpec& spec) { target_ = std::make_unique<StatefunHttpTarget>(spec, loop_, nullptr, "holdfast/test"); }

  void start(const std::string& id, const std::string& argument = "hello", const std::string& type = "shop/cart") {
    const model::Address address{type, id};
    const model::Message message{address, std::nullopt, {"io.statefun.types/string", codec::encode_string(argument), true}, ""};
    const model::Message* batch[] = {&message};
    target_->invoke({address, {}, batch, kTrace}, [this, id](model::InvocationOutcome outcome) {
      EXPECT_TRUE(outcomes_.emplace(id, std::move(outcome)).second) << "done ran twice";
    });
    EXPECT_FALSE(outcomes_.contains(id)) << "done ran within invoke()";
  }
  void invoke(const std::string& id, const std::string& argument = "hello", const std::string& type = "shop/cart") {
    start(id, argument, type);
    run_until([&] { return outcomes_.contains(id); });
  }
  // Until calls go over the pipe: one by HTTP brings the offer.
  void open_pipe(const std::string& type = "shop/cart") {
    const std::string first = "first" + std::to_string(posts_);
    invoke(first, "hello", type);
    for (int i = 0; piped_.empty() && i < 1000; ++i) invoke(first + "/" + std::to_string(i), "hello", type);
    ASSERT_FALSE(piped_.empty());
  }
  // The same where the server does not answer: it is left with some calls.
  void open_held_pipe() {
    invoke("http");
    run_until([&] {
      if (piped_.empty()) start("opening " + std::to_string(started_++));
      return !piped_.empty();
    });
  }
  bool is_effects(const std::string& id) { return std::holds_alternative<model::InvocationResponse>(outcomes_.at(id)); }
  model::InvocationFailure failure(const std::string& id) {
    const auto* found = std::get_if<model::InvocationFailure>(&outcomes_.at(id));
    EXPECT_NE(found, nullptr) << id << " is no failure";
    return found ? *found : model::InvocationFailure{};
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  struct Piped {
    std::string path, traceparent, body;
  };
  std::unique_ptr<net::CallServer> calls_;
  std::vector<Piped> piped_;
  std::vector<net::CallToken> held_;
  std::map<std::string, model::InvocationOutcome> outcomes_;
  std::unique_ptr<StatefunHttpTarget> target_;
  int started_ = 0;
  int posts_ = 0;
  int upgrades_ = 0;
  bool offers_ = true;
  bool refuses_upgrades_ = false;
};

TEST_F(FunctionPipeTest, CallsGoOverThePipeOnceItIsOffered) {
  serve_effects();
  use(endpoint("/fn?x=1"));
  open_pipe();
  const int posts = posts_;
  for (int i = 0; i < 100; ++i) start(std::to_string(i));
  run_until([&] { return outcomes_.contains("99"); });
  EXPECT_EQ(posts_, posts);
  EXPECT_EQ(upgrades_, 1);
  EXPECT_TRUE(is_effects("0"));
  EXPECT_EQ(piped_[0].path, "/fn?x=1");
  EXPECT_EQ(piped_[0].traceparent, kTrace);
  const auto batch = codec::parse_to_function(piped_.back().body);
  ASSERT_TRUE(batch.has_value()) << batch.error().message;
  EXPECT_EQ(batch->target, (model::Address{"shop/cart", "99"}));
}

TEST_F(FunctionPipeTest, OverUnixSocketsToo) {
  net::ListenSpec listen;
  listen.unix_path = ::testing::TempDir() + "hf_pipe_" + std::to_string(::getpid()) + ".sock";
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer(effects()); }, {}, listen);
  auto spec = endpoint();
  spec.url_template = "http+unix://" + listen.unix_path + "/fn";
  use(spec);
  open_pipe();
  EXPECT_EQ(piped_[0].path, "/fn");
}

TEST_F(FunctionPipeTest, AServerThatDoesNotOfferIsNeverAsked) {
  offers_ = false;
  serve_effects();
  use(endpoint());
  for (int i = 0; i < 10; ++i) invoke(std::to_string(i));
  EXPECT_EQ(posts_, 10);
  EXPECT_EQ(upgrades_, 0);
}

TEST_F(FunctionPipeTest, EndpointsMaySayNo) {
  serve_effects();
  for (int why = 0; why < 2; ++why) {
    auto spec = endpoint();
    if (why == 0) spec.pipelining = false;
    if (why == 1) spec.protocol = model::FunctionProtocol::V2;
    use(spec);
    for (int i = 0; i < 5; ++i) invoke(std::to_string(why) + "/" + std::to_string(i));
    EXPECT_EQ(upgrades_, 0) << why;
  }
}

TEST_F(FunctionPipeTest, AnOfferThatIsNotKeptIsNotTakenUpAgainAtOnce) {
  refuses_upgrades_ = true;
  serve_effects();
  use(endpoint());
  for (int i = 0; i < 50; ++i) {
    invoke(std::to_string(i));
    EXPECT_TRUE(is_effects(std::to_string(i)));
  }
  EXPECT_EQ(posts_, 50);
  EXPECT_GE(upgrades_, 1);
  EXPECT_LT(upgrades_, 10);
}

TEST_F(FunctionPipeTest, AskingForStatesIsAnAnswerThereToo) {
  std::string body;
  codec::append_from_function(body, model::IncompleteContext{{{"seen", "io.statefun.types/int"}}});
  serve_functions([body](const net::IncomingCall&, net::CallToken token) { token.answer(body); });
  use(endpoint());
  open_pipe();
  invoke("x");
  ASSERT_TRUE(std::holds_alternative<model::IncompleteContext>(outcomes_.at("x")));
  EXPECT_EQ(std::get<model::IncompleteContext>(outcomes_.at("x")).missing.at(0).name, "seen");
}

TEST_F(FunctionPipeTest, AnEmptyAnswerIsOneWithoutEffects) {
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer(""); });
  use(endpoint());
  open_pipe();
  invoke("x");
  EXPECT_TRUE(is_effects("x"));
}

TEST_F(FunctionPipeTest, BytesThatNoFunctionSaidAreAFailure) {
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer("\xa2\x06\x05\x0a"); });
  use(endpoint());
  open_pipe();
  invoke("x");
  EXPECT_EQ(failure("x").kind, Kind::Failed);
  EXPECT_EQ(failure("x").message, origin() + "/statefun answered 4 bytes that make no sense: FromFunction field 100 at byte 0: the length is "
                                             "beyond the end (the body begins: \\xa2\\x06\\x05\\x0a)");
}

TEST_F(FunctionPipeTest, AFailureOfTheFunctionIsAFailureWithItsText) {
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.fail(500, "boom"); });
  use(endpoint());
  open_pipe();
  invoke("x");
  EXPECT_EQ(failure("x").kind, Kind::Failed);
  EXPECT_EQ(failure("x").message, origin() + "/statefun answered 500 Internal Server Error (the body begins: boom)");
}

TEST_F(FunctionPipeTest, AnAnswerOverTheLimitIsRefused) {
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer(std::string(20'000, 'x')); });
  auto spec = endpoint();
  spec.payload_bytes_max = 10'000;
  use(spec);
  open_pipe();
  invoke("x");
  EXPECT_EQ(failure("x").kind, Kind::Refused);
  EXPECT_THAT(failure("x").message, HasSubstr("answered more than the endpoint's limit of 10000 bytes: "));
}

TEST_F(FunctionPipeTest, LateAnswersAreFailures) {
  serve_held();
  auto spec = endpoint();
  spec.call_timeout = {1'000};
  use(spec);
  open_held_pipe();
  start("x");
  run_until([&] { return outcomes_.contains("x"); });
  EXPECT_EQ(failure("x").kind, Kind::Failed);
  EXPECT_EQ(failure("x").message, origin() + "/statefun gave no answer: no answer within call_timeout=1000 ms");
}

TEST_F(FunctionPipeTest, ACallOverTheServersLimitGoesByHttp) {
  net::CallLimits limits;
  limits.frame_bytes_max = 4096;
  serve_effects(limits);
  use(endpoint());
  open_pipe();
  const int posts = posts_;
  const auto piped = piped_.size();
  invoke("big", std::string(10'000, 'x'));
  EXPECT_TRUE(is_effects("big"));
  EXPECT_EQ(posts_, posts + 1);
  invoke("small");
  EXPECT_EQ(piped_.size(), piped + 1);
}

TEST_F(FunctionPipeTest, AServerThatDiesFailsTheCallsItHasAndTheOthersGoByHttp) {
  net::CallLimits limits;
  limits.calls_max = 2;
  serve_held(limits);
  use(endpoint());
  open_held_pipe();
  for (auto& token : held_) token.answer(effects());
  held_.clear();
  run_until([&] { return calls_->calls_under_way() == 0; });
  for (const char* id : {"a", "b", "c", "d"}) start(id);
  run_until([&] { return held_.size() == 2; });
  const auto port = server_->port();
  net::HttpServer* dying = server_.get();
  bool closed = false;
  dying->close([&] { closed = true; });
  run_until([&] { return closed && outcomes_.contains("d"); });
  for (const char* id : {"a", "b"}) {
    EXPECT_EQ(failure(id).kind, Kind::Failed);
    EXPECT_THAT(failure(id).message, HasSubstr("/statefun gave no answer: the pipelined connection was lost: "));
  }
  // Not sent, so tried by HTTP, where nobody listens any more: innocent.
  for (const char* id : {"c", "d"}) EXPECT_EQ(failure(id).kind, Kind::Unreachable);
  held_.clear();

  // It comes back: HTTP first, then the pipe again.
  piped_.clear();
  net::ListenSpec again;
  again.port = port;
  serve_functions([](const net::IncomingCall&, net::CallToken token) { token.answer(effects()); }, {}, again);
  run_until([&] {
    if (piped_.empty()) start("again " + std::to_string(started_++));
    return !piped_.empty();
  });
}

TEST_F(FunctionPipeTest, ADrainingServerAnswersWhatItHas) {
  serve_held();
  use(endpoint());
  open_held_pipe();
  start("x");
  run_until([&] { return held_.size() >= 2; });
  bool drained = false;
  server_->drain([&] { drained = true; });
  bool turned = false;
  loop_.post([&] { loop_.post([&] { turned = true; }); });
  run_until([&] { return turned; });
  for (auto& token : held_) token.answer(effects());
  held_.clear();
  run_until([&] { return drained && outcomes_.contains("x"); });
  EXPECT_TRUE(is_effects("x"));
}

TEST_F(FunctionPipeTest, EachUrlHasItsOwnPipe) {
  serve_effects();
  use(endpoint("/{function.name}"));
  open_pipe("shop/cart");
  piped_.clear();
  open_pipe("shop/stock");
  EXPECT_EQ(upgrades_, 2);
  EXPECT_EQ(piped_[0].path, "/stock");
  EXPECT_EQ(calls_->connections(), 2u);
}

TEST_F(FunctionPipeTest, ATargetThatGoesTellsNobody) {
  serve_held();
  use(endpoint());
  open_held_pipe();
  const auto ended = outcomes_.size();
  target_.reset();
  run_until([&] { return calls_->connections() == 0; });
  EXPECT_EQ(outcomes_.size(), ended);
}

// Whoever came behind the name meanwhile is to get calls, too.
TEST_F(FunctionPipeTest, AnOldPipeIsReplacedAndEndsWithItsLastAnswer) {
  serve_held();
  auto spec = endpoint();
  spec.connection_age_max = {40};
  use(spec);
  open_held_pipe();
  ASSERT_EQ(upgrades_, 1);
  const int posts = posts_;
  run_until([&] { return upgrades_ == 2; });
  // Once the second is up it has the next call; each has one by then, so that none is idle and no third comes by HTTP.
  const auto before = held_.size();
  run_until([&] {
    if (held_.size() == before) start("next " + std::to_string(started_++));
    return calls_->connections() >= 2 && held_.size() > before;
  });
  EXPECT_EQ(posts_, posts) << "no call went by HTTP meanwhile";
  while (!held_.empty() || outcomes_.size() < static_cast<std::size_t>(started_ + 1)) {
    for (auto& token : std::exchange(held_, {})) token.answer(effects());
    run_until([&] { return !held_.empty() || outcomes_.size() == static_cast<std::size_t>(started_ + 1); });
  }
  for (const auto& [id, outcome] : outcomes_) EXPECT_TRUE(is_effects(id)) << id;
  run_until([&] { return calls_->connections() == 0; });  // Nobody calls any more, so none is opened in their place.
}

TEST_F(FunctionPipeTest, WithoutAnAgeAPipeStaysAsLongAsItIsUsed) {
  serve_effects();
  auto spec = endpoint();
  spec.connection_age_max = {0};
  use(spec);
  open_pipe();
  for (int i = 0; i < 200; ++i) invoke("more " + std::to_string(i));
  EXPECT_EQ(upgrades_, 1);
}

TEST_F(FunctionPipeTest, AnIdlePipeIsClosedAndOpenedAgainWithoutDelay) {
  serve_effects();
  auto spec = endpoint();
  spec.idle_timeout = {30};
  use(spec);
  open_pipe();
  run_until([&] { return calls_->connections() == 0; });
  EXPECT_EQ(upgrades_, 1);
  piped_.clear();
  open_pipe();
  EXPECT_EQ(upgrades_, 2);
}

}  // namespace
}  // namespace holdfast::targets
