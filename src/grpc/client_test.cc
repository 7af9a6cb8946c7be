#include "grpc/client.h"

#include <gtest/gtest.h>

#include "grpc/server.h"
#include "net/net_fixture.h"

namespace holdfast::grpc {
namespace {

class GrpcClientTest : public net::NetTest {
 protected:
  void SetUp() override {
    grpc_.add("t.Echo", "Say", [](const std::shared_ptr<Call>& call) {
      call->answer("you said " + std::string(call->message()), {{"x-lead", call->headers().get("x-own")}}, {{"x-trail", "2"}});
    });
    grpc_.add("t.Echo", "Refuse", [](const std::shared_ptr<Call>& call) { call->fail({Code::Aborted, "no\n", "details"}, {{"x-lead", "1"}}); });
    grpc_.add("t.Echo", "Hold", [this](const std::shared_ptr<Call>& call) { held_.push_back(call); });
    auto server = grpc_.listen({&loop_}, {}, {});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    net::ClientOptions options;
    options.protocol = net::http2_calls();
    client_ = &connect(std::move(options));
  }
  void TearDown() override {
    held_.clear();
    NetTest::TearDown();
  }
  tl::expected<Answer, Refusal> call(std::string path, std::string message, net::HeaderList metadata = {}, std::optional<Duration> timeout = {}) {
    return read_answer(NetTest::call(*client_, call_of(std::move(path), std::move(message), metadata, timeout)), 1000);
  }
  Server grpc_{ServerOptions{}};
  net::HttpClient* client_ = nullptr;
  std::vector<std::shared_ptr<Call>> held_;
};

TEST_F(GrpcClientTest, ACallIsAnsweredWithAMessageAndMetadata) {
  const auto answer = call("/t.Echo/Say", "hi", {{"x-own", "mine"}, {"grpc-status", "7"}});
  ASSERT_TRUE(answer) << answer.error().status.message;
  EXPECT_EQ(answer->message, "you said hi");
  EXPECT_EQ(answer->headers.get("x-lead"), "mine");
  EXPECT_EQ(answer->headers.size(), 1u);
  EXPECT_EQ(answer->trailers.get("x-trail"), "2");
  EXPECT_EQ(answer->trailers.size(), 1u);
  EXPECT_EQ(call("/t.Echo/Say", "")->message, "you said ");
}

TEST_F(GrpcClientTest, ARefusalHasItsStatusWholeAndItsMetadata) {
  const auto answer = call("/t.Echo/Refuse", "hi");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().status.code, Code::Aborted);
  EXPECT_EQ(answer.error().status.message, "no\n");
  EXPECT_EQ(answer.error().status.details, "details");
  EXPECT_EQ(answer.error().headers.get("x-lead"), "1");
  EXPECT_EQ(call("/t.Echo/Nope", "").error().status.code, Code::Unimplemented);
}

TEST_F(GrpcClientTest, TheServerHearsOfTheTimeout) {
  const auto answer = call("/t.Echo/Hold", "hi", {}, Duration{10});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().status.code, Code::DeadlineExceeded);
}

TEST_F(GrpcClientTest, AMessageOverTheLimitIsResourceExhausted) {
  EXPECT_EQ(call("/t.Echo/Say", std::string(2000, 'x')).error().status.code, Code::ResourceExhausted);
}

Code code_of(net::CallResult result) {
  const auto answer = read_answer(std::move(result), 1000);
  return answer ? Code::Ok : answer.error().status.code;
}

TEST(GrpcAnswer, WhatIsNoneHasTheStatusThatItStandsFor) {
  EXPECT_EQ(code_of(net::HttpResponse{.status = 404, .headers = {}, .body = "x"}), Code::Unimplemented);
  EXPECT_EQ(code_of(net::HttpResponse{.status = 503, .headers = {}, .body = "x"}), Code::Unavailable);
  EXPECT_EQ(code_of(net::HttpResponse{.status = 200, .headers = {{"content-type", "text/html"}}, .body = "x"}), Code::Unknown);
  EXPECT_EQ(code_of(net::HttpResponse{.status = 200, .headers = {{"content-type", "application/grpc"}}, .body = {}}), Code::Internal);
  using Kind = net::ClientError::Kind;
  for (const auto& [kind, code] : {std::pair{Kind::Unreachable, Code::Unavailable}, {Kind::Timeout, Code::DeadlineExceeded}, {Kind::Disconnected, Code::Unavailable},
                                   {Kind::TooLarge, Code::ResourceExhausted}, {Kind::Protocol, Code::Internal}})
    EXPECT_EQ(code_of(tl::unexpected<net::ClientError>({kind, "why"})), code);
}

}  // namespace
}  // namespace holdfast::grpc
