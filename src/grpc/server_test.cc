#include "grpc/server.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/http2_fixture.h"

namespace holdfast::grpc {
namespace {

using net::HeaderList;
using net::Http2Peer;

class GrpcServerTest : public net::NetTest {
 protected:
  void SetUp() override {
    grpc_.add("t.Echo", "Say", [](const std::shared_ptr<Call>& call) { call->answer("you said " + std::string(call->message())); });
    grpc_.add("t.Echo", "Hold", [this](const std::shared_ptr<Call>& call) {
      call->on_cancel([this] { ++cancelled_; });
      held_.push_back(call);
    });
    grpc_.add("t.Echo", "Drop", [](const std::shared_ptr<Call>&) {});
    auto server = grpc_.listen({&loop_}, {}, {});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    peer_ = std::make_unique<Http2Peer>(raw_connect());
  }
  void TearDown() override {
    held_.clear();
    peer_.reset();
    NetTest::TearDown();
  }
  std::int32_t begin(std::string_view path, std::string body, HeaderList headers = {}) {
    if (!headers.contains("content-type")) headers.add("content-type", "application/grpc");
    headers.add("te", "trailers");
    return peer_->request("POST", path, headers, std::move(body));
  }
  Http2Peer::Answer& await(std::int32_t stream) {
    run_until([&] { return peer_->answers[stream].closed || peer_->ended(); });
    return peer_->answers[stream];
  }
  Http2Peer::Answer& call(std::string_view path, std::string body, HeaderList headers = {}) {
    return await(begin(path, std::move(body), std::move(headers)));
  }
  // Of an answer that has nothing else.
  Status refused(const Http2Peer::Answer& answer) {
    EXPECT_EQ(answer.body, "");
    const auto status = find_status(answer.headers);
    EXPECT_TRUE(status);
    return status.value_or(Status{});
  }

  ServerOptions options() {
    ServerOptions out;
    out.message_bytes_max = 100'000;
    out.check = [](std::string_view, std::string_view method, const HeaderList& headers) -> std::optional<Status> {
      if (method != "Say" || headers.get("x-token") != "bad") return std::nullopt;
      return Status{Code::Unauthenticated, "invalid api token", "details"};
    };
    return out;
  }
  Server grpc_{options()};
  std::unique_ptr<Http2Peer> peer_;
  std::vector<std::shared_ptr<Call>> held_;
  int cancelled_ = 0;
};

TEST_F(GrpcServerTest, AUnaryCallIsAnsweredWithAMessageAndAStatus) {
  const auto& answer = call("/t.Echo/Say", frame("hi"), {{"content-type", "application/grpc+proto"}});
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.headers.get("content-type"), "application/grpc+proto");
  EXPECT_EQ(answer.headers.size(), 1u);
  EXPECT_EQ(answer.body, frame("you said hi"));
  EXPECT_EQ(answer.trailers.get("grpc-status"), "0");
  EXPECT_EQ(answer.trailers.size(), 1u);
}

TEST_F(GrpcServerTest, MetadataGoesBothWaysWithoutReservedNames) {
  const auto stream = begin("/t.Echo/Hold", frame("hi"), {{"x-a", "1"}, {"x-b-bin", "CAoA/w"}});
  run_until([&] { return held_.size() == 1; });
  EXPECT_EQ(held_[0]->headers().get("x-a"), "1");
  EXPECT_EQ(decode_binary(held_[0]->headers().get("x-b-bin")), std::string("\x08\x0a\0\xff", 4));
  EXPECT_EQ(held_[0]->service(), "t.Echo");
  EXPECT_EQ(held_[0]->method(), "Hold");
  EXPECT_TRUE(held_[0]->peer().starts_with("127.0.0.1:"));
  held_[0]->answer("", {{"x-lead", "1"}, {"Content-Type", "text/html"}}, {{"x-trail", "2"}, {"grpc-status", "7"}});
  const auto& answer = await(stream);
  EXPECT_EQ(answer.headers.get("x-lead"), "1");
  EXPECT_EQ(answer.headers.count("content-type"), 1u);
  EXPECT_EQ(answer.trailers.get("x-trail"), "2");
  EXPECT_EQ(answer.trailers.count("grpc-status"), 1u);
  EXPECT_EQ(answer.body, frame(""));
}

TEST_F(GrpcServerTest, AStatusIsAnAnswerToo) {
  auto stream = begin("/t.Echo/Hold", frame("hi"));
  run_until([&] { return held_.size() == 1; });
  held_[0]->fail({Code::Aborted, "no\n", "details"});
  EXPECT_EQ(refused(await(stream)).message, "no\n");
  EXPECT_EQ(find_status(peer_->answers[stream].headers)->details, "details");

  stream = begin("/t.Echo/Hold", frame("hi"));
  run_until([&] { return held_.size() == 2; });
  held_[1]->fail({Code::NotFound, "gone"}, {{"x-lead", "1"}}, {{"x-trail", "2"}});
  const auto& answer = await(stream);
  EXPECT_EQ(answer.headers.get("x-lead"), "1");
  EXPECT_EQ(find_status(answer.trailers)->code, Code::NotFound);
  EXPECT_EQ(answer.trailers.get("x-trail"), "2");
}

TEST_F(GrpcServerTest, AnAnswerMayComeFromAnyThread) {
  const auto stream = begin("/t.Echo/Hold", frame("hi"));
  run_until([&] { return held_.size() == 1; });
  std::thread([&] { held_[0]->answer("late"); }).join();
  EXPECT_EQ(await(stream).body, frame("late"));
}

TEST_F(GrpcServerTest, ACallThatIsDroppedIsAnsweredInternal) {
  EXPECT_EQ(refused(call("/t.Echo/Drop", frame(""))).code, Code::Internal);
}

TEST_F(GrpcServerTest, WhatIsNotThereIsUnimplementedInGrpcGosWords) {
  EXPECT_EQ(refused(call("/t.Echo/Nope", frame(""))).message, "unknown method Nope for service t.Echo");
  EXPECT_EQ(refused(call("/t.Nope/Say", frame(""))).message, "unknown service t.Nope");
  const Status malformed = refused(call("/nothing", frame("")));
  EXPECT_EQ(malformed.code, Code::Unimplemented);
  EXPECT_EQ(malformed.message, "malformed method name: \"/nothing\"");
}

TEST_F(GrpcServerTest, ARequestThatIsNotGrpcIsRefusedAsSuch) {
  const auto& html = await(peer_->request("POST", "/t.Echo/Say", {{"content-type", "text/html"}}, "x"));
  EXPECT_EQ(html.status, "415");
  EXPECT_EQ(refused(html).message, "invalid gRPC request content-type \"text/html\"");
  EXPECT_EQ(await(peer_->request("GET", "/")).status, "415");
  const auto& get = await(peer_->request("GET", "/t.Echo/Say", {{"content-type", "application/grpc"}}));
  EXPECT_EQ(get.status, "405");
  EXPECT_EQ(refused(get).message, "Received a HEADERS frame with :method \"GET\" which should be POST");
  const auto& timeout = call("/t.Echo/Say", frame(""), {{"grpc-timeout", "soon"}});
  EXPECT_EQ(timeout.status, "400");
  EXPECT_EQ(refused(timeout).code, Code::Internal);
}

TEST_F(GrpcServerTest, AMalformedBodyIsAStatusAndTheConnectionGoesOn) {
  EXPECT_EQ(refused(call("/t.Echo/Say", "")).code, Code::Internal);
  EXPECT_EQ(refused(call("/t.Echo/Say", "abc")).code, Code::Internal);
  EXPECT_EQ(refused(call("/t.Echo/Say", frame("abc") + "x")).code, Code::Internal);
  EXPECT_EQ(call("/t.Echo/Say", frame("abc")).body, frame("you said abc"));
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsResourceExhaustedHoweverMuchOfItCame) {
  for (const std::size_t size : {100'001u, 3'000'000u}) {
    const Status status = refused(call("/t.Echo/Say", frame(std::string(size, 'x'))));
    EXPECT_EQ(status.code, Code::ResourceExhausted);
    EXPECT_EQ(status.message, "grpc: received message larger than max (" + std::to_string(size) + " vs. 100000)");
  }
  EXPECT_EQ(call("/t.Echo/Say", frame(std::string(100'000, 'x'))).body.size(), 100'014u);
}

TEST_F(GrpcServerTest, WhoMayNotCallIsToldSo) {
  const Status status = refused(call("/t.Echo/Say", frame("hi"), {{"x-token", "bad"}}));
  EXPECT_EQ(status.code, Code::Unauthenticated);
  EXPECT_EQ(status.message, "invalid api token");
  EXPECT_EQ(call("/t.Echo/Say", frame("hi"), {{"x-token", "good"}}).trailers.get("grpc-status"), "0");
}

TEST_F(GrpcServerTest, ADeadlineThatPassesIsTheAnswerAndCancelsTheCall) {
  const auto stream = begin("/t.Echo/Hold", frame("hi"), {{"grpc-timeout", "10m"}});
  const Status status = refused(await(stream));
  EXPECT_EQ(status.code, Code::DeadlineExceeded);
  EXPECT_EQ(status.message, "context deadline exceeded");
  EXPECT_EQ(cancelled_, 1);
  EXPECT_EQ(held_[0]->timeout()->ms, 10);
  held_[0]->answer("too late");
  EXPECT_EQ(refused(call("/t.Echo/Hold", frame("hi"), {{"grpc-timeout", "0n"}})).code, Code::DeadlineExceeded);
  EXPECT_EQ(held_.size(), 1u);
  EXPECT_EQ(call("/t.Echo/Say", frame("hi"), {{"grpc-timeout", "1H"}}).body, frame("you said hi"));
}

TEST_F(GrpcServerTest, ACallThatIsCancelledIsKnownToBe) {
  const auto stream = begin("/t.Echo/Hold", frame("hi"));
  run_until([&] { return held_.size() == 1; });
  peer_->reset(stream);
  run_until([&] { return cancelled_ == 1; });
  held_[0]->answer("nobody hears it");
  EXPECT_EQ(call("/t.Echo/Say", frame("hi")).body, frame("you said hi"));
}

TEST_F(GrpcServerTest, WhatNetRefusesIsAStatusOfGrpc) {
  HeaderList many;
  for (int i = 0; i < 200; ++i) many.add("x-" + std::to_string(i), "y");
  const Status status = refused(call("/t.Echo/Say", frame("hi"), many));
  EXPECT_EQ(status.code, Code::ResourceExhausted);
  EXPECT_EQ(status.message, "more headers than header_count_max=128");
}

}  // namespace
}  // namespace holdfast::grpc
