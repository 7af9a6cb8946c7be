#include "bench/response_reader.h"

#include <gtest/gtest.h>

namespace holdfast::bench {
namespace {

using State = ResponseReader::State;

// Every prefix is incomplete, the whole is complete, one byte more is malformed.
Response read_all(const std::string& bytes) {
  const ResponseReader reader;
  Response out;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(reader.read(std::string_view(bytes).substr(0, size), Body::Keep, out), State::Incomplete) << size;
  EXPECT_EQ(reader.read(bytes + "x", Body::Keep, out), State::Malformed);
  EXPECT_EQ(reader.read(bytes, Body::Keep, out), State::Complete);
  return out;
}

TEST(ResponseReader, ReadsABodyOfGivenLength) {
  const Response r = read_all("HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\nx: y\r\n\r\nhello");
  EXPECT_EQ(r.status, 202);
  EXPECT_EQ(r.body, "hello");
  EXPECT_TRUE(r.keeps_alive);
}

TEST(ResponseReader, ReadsChunksThatLookLikeTheirOwnEnd) {
  const Response r = read_all("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n");
  EXPECT_EQ(r.body, "0\r\n\r\n0123456789");
}

TEST(ResponseReader, SeesThatTheConnectionEnds) {
  EXPECT_FALSE(read_all("HTTP/1.1 503 Unavailable\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n").keeps_alive);
}

TEST(ResponseReader, RefusesWhatItCannotFindTheEndOf) {
  const ResponseReader reader;
  Response out;
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\n\r\n", Body::Skip, out), State::Malformed);
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", Body::Skip, out), State::Malformed);
  EXPECT_EQ(reader.read("SMTP 200\r\n\r\n", Body::Skip, out), State::Malformed);
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Body::Skip, out), State::Malformed);
}

}  // namespace
}  // namespace holdfast::bench
