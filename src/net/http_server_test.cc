#include "net/http_server.h"

#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/net_fixture.h"

namespace holdfast::net {
namespace {

TEST_F(NetTest, ARequestReachesTheHandlerWholeAndTheAnswerComesBack) {
  serve([](HttpRequest&& request, Responder responder) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query(), "x=1");
    EXPECT_EQ(request.headers.get("X-Test"), "yes");
    EXPECT_TRUE(request.peer->starts_with("127.0.0.1:")) << *request.peer;
    responder.send({201, {{"x-answer", "42"}}, "got " + request.body});
  });
  HttpClient& client = connect();
  const CallResult result = post(client, "/a/b?x=1", "hello", {{"x-test", "yes"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->headers.get("x-answer"), "42");
  EXPECT_EQ(result->body, "got hello");
}

}  // namespace
}  // namespace holdfast::net
