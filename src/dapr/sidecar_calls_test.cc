#include "dapr/sidecar_calls.h"

#include <gtest/gtest.h>

#include "codec/dapr_messages.h"
#include "dapr/app_callback.h"
#include "grpc/wire.h"

namespace holdfast::dapr {
namespace {

namespace wire = codec::dapr;

net::HttpCall some_call() {
  return {"PUT", "/orders/7?a=1", {{"Content-Type", "text/plain"}, {"content-length", "2"}, {"X-Twice", "a"}, {"x-twice", "b"}, {"x-latin", "\xfc"}}, "hi"};
}

TEST(CallLocal, ACallComesThroughWhole) {
  const auto call = read_call_local(call_local(some_call()));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "PUT");
  EXPECT_EQ(call->target, "/orders/7?a=1");
  EXPECT_EQ(call->body, "hi");
  EXPECT_EQ(call->headers.get("content-type"), "text/plain");
  EXPECT_EQ(call->headers.count("x-twice"), 2u);
  EXPECT_EQ(call->headers.get("x-latin"), "?");
}

TEST(CallLocal, AVerbThatIsNoneIsPostAndOneThatIsMissingStaysSo) {
  net::HttpCall call = some_call();
  call.method = "FOO";
  EXPECT_EQ(read_call_local(call_local(call))->method, "POST");
  call.method = "";
  EXPECT_EQ(read_call_local(call_local(call))->method, "");
}

TEST(CallLocal, WhatIsNoCallIsInvalid) {
  EXPECT_EQ(read_call_local("\xff").error().code, grpc::Code::InvalidArgument);
  EXPECT_EQ(read_call_local("").error().message, "parsing InternalInvokeRequest error: field Message is nil");
}

TEST(CallLocal, AnAnswerComesThroughWhole) {
  const net::HttpResponse response{.status = 418, .headers = {{"content-type", "text/plain"}, {"x-own", "a"}, {"x-own", "b"}, {"connection", "close"}}, .body = "tea"};
  const auto back = read_call_local_answer(call_local_answer(response));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->status, 418);
  EXPECT_EQ(back->body, "tea");
  EXPECT_EQ(back->headers.get("content-type"), "text/plain");
  EXPECT_EQ(back->headers.count("content-type"), 1u);
  EXPECT_EQ(back->headers.count("x-own"), 2u);
  EXPECT_FALSE(back->headers.contains("connection"));
  EXPECT_TRUE(back->trailers.empty());
}

TEST(CallLocal, TheStatusOfAnApplicationThatSpeaksGrpcComesThrough) {
  net::HttpResponse response;
  set_grpc_status(response, {grpc::Code::Aborted, "no"});
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.body, R"({"code":10, "message":"no"})");
  const auto back = read_call_local_answer(call_local_answer(response));
  ASSERT_TRUE(back);
  EXPECT_EQ(grpc::find_status(back->trailers)->code, grpc::Code::Aborted);
  EXPECT_EQ(grpc::find_status(back->trailers)->message, "no");
}

TEST(CallLocal, AnAnswerWithoutAStatusOrWithOneThatIsNoneIsAnError) {
  EXPECT_FALSE(read_call_local_answer(""));
  for (const int code : {-1, 17, 100, 199, 600})
    EXPECT_FALSE(read_call_local_answer(wire::write(wire::InternalInvokeResponse{.status = wire::Status{.code = code, .message = {}, .details = {}}}))) << code;
}

wire::InvokeRequest message_of(const net::HttpCall& call, net::HeaderList& metadata) {
  static std::string kept;
  const net::HttpCall made = on_invoke(call);
  EXPECT_EQ(made.target, "/dapr.proto.runtime.v1.AppCallback/OnInvoke");
  metadata = made.headers;
  kept = grpc::unframe(made.body, "", 1000)->bytes;
  return *wire::read<wire::InvokeRequest>(kept);
}

TEST(OnInvoke, HasTheCallAndItsHeadersAsDaprdMakesThem) {
  net::HeaderList metadata;
  auto message = message_of(some_call(), metadata);
  EXPECT_EQ(message.method, "orders/7");
  EXPECT_EQ(message.http_extension->verb, "PUT");
  EXPECT_EQ(message.http_extension->querystring, "a=1");
  EXPECT_EQ(message.content_type, "text/plain");
  EXPECT_EQ(message.data->value, "hi");
  EXPECT_EQ(metadata.get("dapr-content-length"), "2");
  EXPECT_EQ(metadata.get("dapr-content-type"), "text/plain");
  EXPECT_EQ(metadata.get("content-type"), "application/grpc");
  // Of a caller in gRPC, the type is the message's alone.
  message = message_of({"POST", "/x", {{"content-type", "text/plain"}, {"dapr-authority", "a"}, {"x-custom", "v"}}, ""}, metadata);
  EXPECT_FALSE(metadata.contains("dapr-content-type"));
  EXPECT_FALSE(metadata.contains("dapr-authority"));
  EXPECT_EQ(metadata.get("x-custom"), "v");
}

TEST(OnInvoke, AnAnswerIsOneOfHttpThatKnowsItsStatus) {
  const std::string bytes = wire::write(wire::InvokeResponse{.data = wire::Any{.type_url = {}, .value = "yes"}, .content_type = "text/plain"});
  auto response = on_invoke_answer(grpc::Answer{bytes, {{"x-own", "1"}}, {}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "yes");
  EXPECT_EQ(response.headers.get("content-type"), "text/plain");
  EXPECT_EQ(response.headers.get("x-own"), "1");
  EXPECT_EQ(grpc::find_status(response.trailers)->code, grpc::Code::Ok);
  response = on_invoke_answer(tl::unexpected<grpc::Refusal>({{grpc::Code::NotFound, "gone"}, {}, {}}));
  EXPECT_EQ(response.status, 404);
  response = on_invoke_answer(grpc::Answer{"\xff", {}, {}});
  EXPECT_EQ(response.status, 500);
}

}  // namespace
}  // namespace holdfast::dapr
