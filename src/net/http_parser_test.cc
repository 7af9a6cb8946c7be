#include "net/http_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using ::testing::HasSubstr;

MessageLimits small() {
  MessageLimits limits;
  limits.start_line_bytes_max = 64;
  limits.header_count_max = 4;
  limits.header_bytes_max = 128;
  limits.body_bytes_max = 32;
  return limits;
}

// Feeds all of it, from `at` on in a second piece; returns what was left over after the message.
template <typename Parser>
std::string feed_split(Parser& parser, std::string_view bytes, std::size_t at) {
  const std::size_t first = parser.feed(bytes.substr(0, at));
  if (parser.state() != ParseState::More) return std::string(bytes.substr(first));
  EXPECT_EQ(first, at);
  return std::string(bytes.substr(at + parser.feed(bytes.substr(at))));
}

ParseError request_error(std::string_view bytes, const MessageLimits& limits = {}) {
  ParseError out;
  // However it is cut, it is refused alike.
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    RequestParser parser(limits);
    feed_split(parser, bytes, at);
    EXPECT_EQ(parser.state(), ParseState::Failed) << "cut at " << at << " of: " << bytes;
    EXPECT_FALSE(parser.keep_alive());
    if (at > 0) {
      EXPECT_EQ(parser.error().status, out.status) << "cut at " << at;
    }
    out = parser.error();
  }
  return out;
}

ParseError response_error(std::string_view bytes, const MessageLimits& limits = {}) {
  ResponseParser parser(limits);
  parser.feed(bytes);
  EXPECT_EQ(parser.state(), ParseState::Failed) << bytes;
  return parser.error();
}

TEST(RequestParser, EverySplitOfAMessageWithALengthGivesTheSameRequest) {
  const std::string message = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-One:  two \t\r\nempty:\r\ncontent-length: 5\r\n\r\nhelloNEXT";
  for (std::size_t at = 0; at <= message.size(); ++at) {
    RequestParser parser({});
    EXPECT_EQ(feed_split(parser, message, at), "NEXT") << at;
    ASSERT_EQ(parser.state(), ParseState::Done) << at << ": " << parser.error().message;
    EXPECT_TRUE(parser.keep_alive());
    const HttpRequest request = parser.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/a?b=c");
    EXPECT_EQ(request.headers.size(), 4u);
    EXPECT_EQ(request.headers.get("x-one"), "two");
    EXPECT_EQ(request.headers.find("empty"), "");
    EXPECT_EQ(request.body, "hello");
    EXPECT_FALSE(parser.started());
  }
}

TEST(RequestParser, EverySplitOfAChunkedMessageWithTrailersGivesTheSameRequest) {
  const std::string message =
      "PUT / HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "4\r\nwiki\r\n00B;name=\"v\"\r\nhello\r\nworl\r\n0\r\nX-Trailer: t\r\n\r\nNEXT";
  for (std::size_t at = 0; at <= message.size(); ++at) {
    RequestParser parser({});
    EXPECT_EQ(feed_split(parser, message, at), "NEXT") << at;
    ASSERT_EQ(parser.state(), ParseState::Done) << at << ": " << parser.error().message;
    const HttpRequest request = parser.take();
    EXPECT_EQ(request.body, "wikihello\r\nworl");
    EXPECT_FALSE(request.headers.contains("x-trailer"));
  }
}

TEST(RequestParser, OneByteAtATimeIsEnough) {
  const std::string message = "\r\nPOST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  RequestParser parser({});
  for (std::size_t round = 0; round < 3; ++round) {
    for (const char c : message) ASSERT_EQ(parser.feed({&c, 1}), 1u);
    ASSERT_EQ(parser.state(), ParseState::Done) << parser.error().message;
    EXPECT_EQ(parser.take().body, "abc");
  }
}

TEST(RequestParser, RequestsSentTogetherComeOutOneByOne) {
  std::string_view bytes = "GET /1 HTTP/1.1\r\nhost: h\r\n\r\nGET /2 HTTP/1.1\r\nhost: h\r\n\r\n";
  RequestParser parser({});
  for (const char* expected : {"/1", "/2"}) {
    bytes.remove_prefix(parser.feed(bytes));
    ASSERT_EQ(parser.state(), ParseState::Done);
    EXPECT_EQ(parser.take().target, expected);
  }
  EXPECT_TRUE(bytes.empty());
}

TEST(RequestParser, TheConnectionStaysOpenAsVersionAndHeaderSay) {
  const auto keep = [](std::string head) {
    RequestParser parser({});
    parser.feed(head + "\r\n");
    EXPECT_EQ(parser.state(), ParseState::Done) << parser.error().message;
    return parser.keep_alive();
  };
  EXPECT_TRUE(keep("GET / HTTP/1.1\r\nhost: h\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.1\r\nhost: h\r\nconnection: Close\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.1\r\nhost: h\r\nconnection: te , close\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.1\r\nhost: h\r\nconnection: keep-alive\r\nconnection: close\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.0\r\n"));
  EXPECT_TRUE(keep("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n"));
}

TEST(RequestParser, AbsoluteTargetsBecomePathsAndTheirAuthorityTheHost) {
  RequestParser parser({});
  parser.feed("GET http://other:81/x?y HTTP/1.1\r\nhost: h\r\n\r\n");
  ASSERT_EQ(parser.state(), ParseState::Done);
  HttpRequest request = parser.take();
  EXPECT_EQ(request.target, "/x?y");
  EXPECT_EQ(request.headers.get("host"), "other:81");
  EXPECT_EQ(request.headers.count("host"), 1u);
  parser.feed("GET http://other?y HTTP/1.1\r\nhost: h\r\n\r\n");
  ASSERT_EQ(parser.state(), ParseState::Done);
  EXPECT_EQ(parser.take().target, "/?y");
}

TEST(RequestParser, AClientThatWaitsForContinueIsRecognised) {
  RequestParser parser({});
  parser.feed("POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-Continue\r\ncontent-length: 3\r\n\r\n");
  EXPECT_TRUE(parser.wants_continue());
  parser.continued();
  EXPECT_FALSE(parser.wants_continue());
  parser.feed("abc");
  EXPECT_EQ(parser.take().body, "abc");
  parser.feed("POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\na");
  EXPECT_FALSE(parser.wants_continue());
  EXPECT_EQ(request_error("GET / HTTP/1.1\r\nhost: h\r\nexpect: wonders\r\n\r\n").status, 417);
}

TEST(RequestParser, WhatTwoPartiesCouldReadDifferentlyIsRefused) {
  const auto post = [](std::string headers) { return "POST / HTTP/1.1\r\nhost: h\r\n" + headers + "\r\n"; };
  EXPECT_EQ(request_error(post("content-length: 5\r\ntransfer-encoding: chunked\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: 5\r\ncontent-length: 6\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: 5, 5\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: +5\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: -5\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: 0x5\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length:\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length: 99999999999999999999\r\n")).status, 400);
  EXPECT_EQ(request_error(post("content-length : 5\r\n")).status, 400);
  EXPECT_EQ(request_error(post(" folded: 5\r\n")).status, 400);
  EXPECT_EQ(request_error(post("a: b\r\n c\r\n")).status, 400);
  EXPECT_EQ(request_error(post("a: b\rc: d\r\n")).status, 400);
  EXPECT_EQ(request_error(post("a: b\nc: d\r\n")).status, 400);
  EXPECT_EQ(request_error(post(std::string("a: b\0c\r\n", 8))).status, 400);
  EXPECT_EQ(request_error(post("a b: c\r\n")).status, 400);
  EXPECT_EQ(request_error(post("nocolon\r\n")).status, 400);
  EXPECT_EQ(request_error(post(": c\r\n")).status, 400);
  EXPECT_EQ(request_error(post("transfer-encoding: gzip, chunked\r\n")).status, 501);
  EXPECT_EQ(request_error(post("transfer-encoding: xchunked\r\n")).status, 501);
  EXPECT_EQ(request_error(post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n")).status, 400);
  EXPECT_EQ(request_error("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n").status, 400);
  EXPECT_EQ(request_error(post("host: i\r\n")).status, 400);
  EXPECT_EQ(request_error("GET / HTTP/1.1\r\n\r\n").status, 400);
}

TEST(RequestParser, MalformedRequestLinesAreRefused) {
  const auto line = [](std::string text) { return request_error(text + "\r\nhost: h\r\n\r\n"); };
  EXPECT_EQ(line("GET /").status, 400);
  EXPECT_EQ(line("GET").status, 400);
  EXPECT_EQ(line("GET  / HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET / HTTP/1.1 ").status, 400);
  EXPECT_EQ(line(" GET / HTTP/1.1").status, 400);
  EXPECT_EQ(line("G@T / HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET /a b HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET /\x01 HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET /\xff HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET x HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET * HTTP/1.1").status, 400);
  EXPECT_EQ(line("GET / HTTP/11").status, 400);
  EXPECT_EQ(line("GET / http/1.1").status, 400);
  EXPECT_EQ(line("GET / HTTP/2.0").status, 505);
  EXPECT_EQ(line("CONNECT h:1 HTTP/1.1").status, 501);
  EXPECT_EQ(line("GET http://u@h/ HTTP/1.1").status, 400);
  EXPECT_EQ(request_error("GET / HTTP/1.1\nhost: h\n\n").status, 400);
}

TEST(RequestParser, MalformedChunksAreRefused) {
  const auto body = [](std::string text) { return request_error("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n" + text); };
  EXPECT_EQ(body("x\r\n").status, 400);
  EXPECT_EQ(body("\r\n").status, 400);
  EXPECT_EQ(body("-1\r\n").status, 400);
  EXPECT_EQ(body("0x1\r\n").status, 400);
  EXPECT_EQ(body(" 1\r\n").status, 400);
  EXPECT_EQ(body("1\na").status, 400);
  EXPECT_EQ(body("1\r\nab\r\n").status, 400);
  EXPECT_EQ(body("1\r\na\n").status, 400);
  EXPECT_EQ(body("ffffffffffffffffff\r\n").status, 400);
  EXPECT_EQ(body("1;\x01\r\n").status, 400);
  EXPECT_EQ(body("0\r\nbad trailer\r\n").status, 400);
  EXPECT_EQ(body("0\r\n folded: x\r\n").status, 400);
  EXPECT_EQ(body("1;" + std::string(300, 'e')).status, 400);
}

TEST(RequestParser, EachLimitHasItsStatusAndIsNamed) {
  const std::string head = "POST / HTTP/1.1\r\nhost: h\r\n";
  auto error = request_error("GET /" + std::string(60, 'a') + " HTTP/1.1\r\nhost: h\r\n\r\n", small());
  EXPECT_EQ(error.status, 414);
  EXPECT_THAT(error.message, HasSubstr("start_line_bytes_max=64"));
  EXPECT_EQ(request_error("GET /" + std::string(100, 'a'), small()).status, 414);
  error = request_error(head + "a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n", small());
  EXPECT_EQ(error.status, 431);
  EXPECT_THAT(error.message, HasSubstr("header_count_max=4"));
  error = request_error(head + "a: " + std::string(120, 'x') + "\r\n\r\n", small());
  EXPECT_EQ(error.status, 431);
  EXPECT_THAT(error.message, HasSubstr("header_bytes_max=128"));
  EXPECT_EQ(request_error(head + "a: " + std::string(200, 'x'), small()).status, 431);
  error = request_error(head + "content-length: 33\r\n\r\n", small());
  EXPECT_EQ(error.status, 413);
  EXPECT_THAT(error.message, HasSubstr("body_bytes_max=32"));
  EXPECT_EQ(request_error(head + "transfer-encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n11\r\n", small()).status, 413);
  EXPECT_EQ(request_error(head + "transfer-encoding: chunked\r\n\r\n0\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\n", small()).status, 431);
  EXPECT_EQ(request_error(head + "transfer-encoding: chunked\r\n\r\n0\r\na: " + std::string(130, 'x') + "\r\n", small()).status, 431);
}

TEST(RequestParser, WhatIsExactlyAtALimitIsAccepted) {
  RequestParser parser(small());
  const std::string line = "POST /" + std::string(64 - 15, 'a') + " HTTP/1.1";
  ASSERT_EQ(line.size(), 64u);
  std::string headers = "host: h\r\ncontent-length: 32\r\nb: 2\r\n";
  headers += "c: " + std::string(128 - headers.size() - 5, 'x') + "\r\n";
  ASSERT_EQ(headers.size(), 128u);
  const std::string message = line + "\r\n" + headers + "\r\n" + std::string(32, 'b');
  for (const char c : message) parser.feed({&c, 1});
  ASSERT_EQ(parser.state(), ParseState::Done) << parser.error().message;
  EXPECT_EQ(parser.take().body.size(), 32u);
}

TEST(ResponseParser, EverySplitGivesTheSameResponseAndInterimOnesAreSkipped) {
  const std::string message =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nokNEXT";
  for (std::size_t at = 0; at <= message.size(); ++at) {
    ResponseParser parser({});
    EXPECT_EQ(feed_split(parser, message, at), "NEXT");
    ASSERT_EQ(parser.state(), ParseState::Done) << parser.error().message;
    const HttpResponse response = parser.take();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.size(), 1u + 1u);
    EXPECT_EQ(response.body, "ok");
  }
}

TEST(ResponseParser, ABodyWithoutLengthEndsWithTheConnection) {
  ResponseParser parser({});
  parser.feed("HTTP/1.1 200 OK\r\n\r\nab");
  parser.feed("cd");
  EXPECT_EQ(parser.state(), ParseState::More);
  EXPECT_FALSE(parser.keep_alive());
  parser.end_of_input();
  ASSERT_EQ(parser.state(), ParseState::Done);
  EXPECT_EQ(parser.take().body, "abcd");
}

TEST(ResponseParser, AMessageCutShortIsAnErrorAndNoMessageIsNone) {
  for (const char* cut : {"H", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"}) {
    ResponseParser parser({});
    parser.feed(cut);
    EXPECT_EQ(parser.state(), ParseState::More);
    parser.end_of_input();
    EXPECT_EQ(parser.state(), ParseState::Failed) << cut;
  }
  ResponseParser parser({});
  parser.end_of_input();
  EXPECT_EQ(parser.state(), ParseState::More);
  EXPECT_FALSE(parser.started());
}

TEST(ResponseParser, SomeResponsesHaveNoBodyWhateverTheirHeadersSay) {
  for (const char* head : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"}) {
    ResponseParser parser({});
    parser.feed(head);
    EXPECT_EQ(parser.state(), ParseState::Done);
  }
  ResponseParser parser({});
  parser.expect_no_body();
  parser.feed("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
  EXPECT_EQ(parser.state(), ParseState::Done);
}

TEST(ResponseParser, WhatIsNotHttpIsRefused) {
  response_error("SSH-2.0-x\r\n\r\n");
  response_error("HTTP/2 200 OK\r\n\r\n");
  response_error("HTTP/1.1 20 OK\r\n\r\n");
  response_error("HTTP/1.1 2000 OK\r\n\r\n");
  response_error("HTTP/1.1 099 OK\r\n\r\n");
  response_error("HTTP/1.1 101 Switching\r\n\r\n");
  response_error("\r\n\r\n");
  response_error("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n");
  EXPECT_EQ(response_error("HTTP/1.1 200 OK\r\n\r\n" + std::string(33, 'x'), small()).status, 413);
  std::string many;
  for (int i = 0; i < 40; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  response_error(many);
}

TEST(ResponseParser, ASwitchIsTakenWhereItWasAskedForAndEndsWithItsHead) {
  ResponseParser parser({});
  parser.expect_switch();
  const std::string head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\nupgrade: x\r\ncontent-length: 9\r\n\r\n";
  EXPECT_EQ(parser.feed(head + "not HTTP"), head.size());
  ASSERT_EQ(parser.state(), ParseState::Done);
  const HttpResponse response = parser.take();
  EXPECT_EQ(response.status, 101);
  EXPECT_EQ(response.headers.get("upgrade"), "x");
  parser.feed("HTTP/1.1 101 Switching\r\n\r\n");
  EXPECT_EQ(parser.state(), ParseState::Failed) << "asked for once";
}

TEST(HeaderList, ATokenOfAListIsFoundWhateverItsCaseAndBlanks) {
  for (const char* list : {"upgrade", "Upgrade", "keep-alive, upgrade", "upgrade ,close", " \tUPGRADE\t", "a,,upgrade"})
    EXPECT_TRUE(has_token(list, "upgrade")) << list;
  for (const char* list : {"", ",", "upgrades", "up grade", "upgrade;q=1", "x-upgrade"}) EXPECT_FALSE(has_token(list, "upgrade")) << list;
}

TEST(ResponseParser, AStatusWithoutReasonIsAccepted) {
  ResponseParser parser({});
  parser.feed("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(parser.state(), ParseState::Done);
}

}  // namespace
}  // namespace holdfast::net
