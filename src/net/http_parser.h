// Incremental HTTP/1.x parsers (RFC 9112): bytes in, in pieces of any size; one whole message out at a time.
//
// Strict where leniency lets two parties disagree on where a message ends: a message with both content-length and
// transfer-encoding, differing content-lengths, a bare CR or LF, folded headers, blanks before a colon or a transfer coding other than
// chunked is refused. A parser that has failed stays failed. Trailers are checked and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace holdfast::net {

struct MessageLimits {
  std::size_t start_line_bytes_max = 16 * 1024;
  std::size_t header_count_max = 128;
  std::size_t header_bytes_max = 64 * 1024;  // All headers together; trailers again.
  std::size_t body_bytes_max = 32 * 1024 * 1024;
};

enum class ParseState {
  More,    // All bytes given are used; more are needed.
  Done,    // A message is complete: take() it. Bytes after it are not used.
  Failed,  // See error().
};

struct ParseError {
  int status = 400;  // What a server answers: 400, 413, 414, 431, 501, 505. For a response only the message matters.
  std::string message;
};

// The part both share: head, then a body with a length, in chunks, or up to the end of the connection.
class HeadParser {
 public:
  // Uses bytes from the front and returns how many; afterwards see state().
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] ParseState state() const { return state_; }
  [[nodiscard]] const ParseError& error() const { return error_; }
  // Whether any byte of a message has been seen since the last take().
  [[nodiscard]] bool started() const { return started_; }
  // The head is complete, the body may not be.
  [[nodiscard]] bool has_head() const { return phase_ != Phase::Head; }
  // Whether the connection may carry another message after this one. Valid once there is a head.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool is_http_1_0() const { return minor_ == 0; }

 protected:
  enum class Kind { Request, Response };
  enum class Phase : std::uint8_t { Head, Length, UntilClose, ChunkSize, ChunkData, ChunkEnd, Trailer, Complete };

  HeadParser(Kind kind, const MessageLimits& limits) : kind_(kind), limits_(limits) {}
  void reset();
  void fail(int status, std::string message);

  Kind kind_;
  MessageLimits limits_;
  ParseState state_ = ParseState::More;
  Phase phase_ = Phase::Head;
  bool started_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool no_body_ = false;  // Response to HEAD.
  bool may_switch_ = false;  // Response to an `upgrade`.
  int minor_ = 1;
  HttpRequest request_;    // Kind::Request
  HttpResponse response_;  // Kind::Response
  ParseError error_;

 private:
  struct Framing;
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_line(std::string_view bytes);  // Chunk sizes and trailers.
  std::size_t feed_data(std::string_view bytes);
  void parse_head(std::string_view head);
  bool parse_request_line(std::string_view line, std::string& authority);
  bool parse_status_line(std::string_view line);
  bool parse_headers(std::string_view block, HeaderList& out, Framing& framing);
  void read_connection(std::string_view value, Framing& framing);
  void begin_body(const Framing& framing);
  void end_line(std::string_view line);
  std::string& body() { return kind_ == Kind::Request ? request_.body : response_.body; }

  std::string pending_;        // An incomplete head or line.
  std::size_t searched_ = 0;   // Bytes of pending_ known not to end the head.
  std::uint64_t remaining_ = 0;  // Of the body or the chunk.
  std::size_t trailer_bytes_ = 0;
  std::size_t trailer_count_ = 0;
  int interim_ = 0;            // 1xx responses skipped.
};

class RequestParser : public HeadParser {
 public:
  explicit RequestParser(const MessageLimits& limits) : HeadParser(Kind::Request, limits) {}
  // All but the body, once has_head().
  [[nodiscard]] const HttpRequest& head() const { return request_; }
  // Of the body, come so far.
  [[nodiscard]] std::size_t body_bytes() const { return request_.body.size(); }
  // The client waits for "100 Continue" before it sends the body. True until continued() is called or body bytes came.
  [[nodiscard]] bool wants_continue() const { return expects_continue_ && has_head() && state_ == ParseState::More; }
  void continued() { expects_continue_ = false; }
  // Only when Done; the parser is ready for the next message.
  [[nodiscard]] HttpRequest take();
};

class ResponseParser : public HeadParser {
 public:
  explicit ResponseParser(const MessageLimits& limits) : HeadParser(Kind::Response, limits) {}
  // The next response answers a HEAD request: it has no body whatever its headers say.
  void expect_no_body() { no_body_ = true; }
  // The next response may be a 101, which ends with its head: what follows is the other protocol's.
  void expect_switch() { may_switch_ = true; }
  // The connection has ended: completes a body that goes up to the end, fails anything else that has begun.
  void end_of_input();
  // Only when Done; interim (1xx) responses are skipped and never seen here.
  [[nodiscard]] HttpResponse take();
};

}  // namespace holdfast::net
