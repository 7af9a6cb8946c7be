// HttpServer: accepts HTTP/1.1 and, where it is asked to, HTTP/2 connections, on a port or a unix socket, plain or TLS, and hands whole
// requests to a handler.
//
// A connection lives on one loop; the handler runs there and must not block. It answers through the Responder, now or later
// and from any thread. Of HTTP/1.1 one request per connection is under way at a time: a client that pipelines is answered in order. Of
// HTTP/2 there are many, and each is answered when its answer is there. Everything a client can make us hold is bounded by HttpLimits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "base/time.h"
#include "net/connection_budget.h"
#include "net/event_loop.h"
#include "net/http_message.h"
#include "net/http_parser.h"
#include "net/tls.h"

namespace holdfast::net {

struct ListenSpec {
  std::string host = "127.0.0.1";  // A name or an address.
  std::uint16_t port = 0;          // 0: a free one, see HttpServer::port().
  std::string unix_path;           // Not empty: this instead of host and port. A socket nobody listens on is replaced.
  TlsServer tls;                   // Null: plain.
};

class ServerConnection;
class ServerShard;
class UpgradedSession;  // net/upgrade.h
using Http2Protocol = std::shared_ptr<UpgradedSession> (*)(std::shared_ptr<ServerShard> shard, ServerConnection& place,
                                                           std::shared_ptr<const std::string> peer);
// Apart, so that a program that does not speak HTTP/2, as the SDK's server, needs no nghttp2.
[[nodiscard]] Http2Protocol http2();

// What one HTTP/2 connection may have of us, beside what HttpLimits says of any connection and of any request.
struct Http2Limits {
  // http2(): connections that begin with HTTP/2's preface speak it ("prior knowledge"), and TLS offers it (ALPN). Null: HTTP/1.1 only.
  Http2Protocol protocol = nullptr;
  std::uint32_t streams_max = 250;  // Requests at once.
  // Answers that wait to be taken: who has more waiting begins no further request (REFUSED_STREAM, so that it may be tried again).
  // A connection holds this, and the answers to streams_max requests.
  std::size_t unread_bytes_max = 16 * 1024 * 1024;
  // In each second: requests taken back, and frames that ask for nothing (PING, SETTINGS, empty DATA …) beyond some for each request.
  // Who sends more is told GOAWAY (ENHANCE_YOUR_CALM) and cut.
  std::uint32_t resets_per_second_max = 1000;
  std::uint32_t idle_frames_per_second_max = 10'000;
};

struct HttpLimits {
  MessageLimits message;
  // One more takes the place of the one that is idle longest; where none is, it is answered 503 and closed.
  std::size_t connections_max = 10'000;
  std::shared_ptr<ConnectionBudget> connections;  // Of several servers together, beside that; null: as many as each may have.
  Duration idle_timeout{120'000};        // Between requests.
  Duration request_timeout{60'000};      // From a request's first byte to its last; TLS handshake likewise.
  Duration write_stall_timeout{30'000};  // The client takes no byte of what we send.
  Duration answer_timeout{300'000};      // From an answer's first byte to its last; streams take as long as they take.
  std::size_t stream_buffer_bytes_max = 1024 * 1024;  // A stream whose client is further behind is cut.
  // Bodies of all connections that are still coming in. Who goes beyond is answered 503; never less than one whole body.
  std::size_t buffered_bytes_max = 256 * 1024 * 1024;
  Http2Limits http2;
};

// What the server answers by itself, to requests that never reach the handler: one it cannot read, one too many, a handler that
// dropped its Responder. `message` names limits as the members of HttpLimits are called. Any thread.
using ErrorFormatter = HttpResponse (*)(int status, std::string_view message);
[[nodiscard]] HttpResponse plain_text_error(int status, std::string_view message);

// What is answered to a request whose head (all but the body) is enough to refuse it: asked before a body is waited for, which is then
// never kept. None: read on. Not asked where the body came with the head; the handler decides in any case. Any thread.
using HeadCheck = std::function<std::optional<HttpResponse>(const HttpRequest& head)>;

// HTTP/2 only: what is answered to a request whose body is longer than body_bytes_max. `so_far` has what has come of it. None: the
// ErrorFormatter's 413. Any thread.
using OversizeAnswer = std::function<HttpResponse(const HttpRequest& so_far)>;

class AnswerSink;  // net/answer_sink.h
class StreamWriter;

// The right to answer one request, exactly once. Dropped without an answer: 500. Any thread.
class Responder {
 public:
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  // `hold` is let go of when the system has all of the answer, or it is lost: what is counted until then hangs on it.
  void send(HttpResponse response, std::shared_ptr<void> hold = nullptr);
  // Sends the head now and the body bit by bit (chunked). See StreamWriter.
  [[nodiscard]] StreamWriter stream(int status, HeaderList headers);
  // Answers 101: the connection speaks `protocol` from here on, and is the session's. Only where the request asked for it in an `upgrade`
  // field. It still counts as one of the server's, which tells the session to drain or to close.
  void upgrade(std::string_view protocol, std::shared_ptr<UpgradedSession> session);
  // `gone` runs on the connection's loop if the client goes away, or the server closes, before the answer is given. At most
  // once, at once if it already happened; not after send(). The answer may still be given, and is lost.
  void on_abort(Task gone);
  // HTTP/2 only, else nothing happens: if there is no answer by then, `late` is the answer, what on_abort() has set runs, and what comes
  // after is lost. Within the handler, at most once.
  void expire_after(Duration time, HttpResponse late);

 private:
  friend class AnswerSink;
  Responder(std::shared_ptr<AnswerSink> sink, std::uint64_t exchange) : sink_(std::move(sink)), exchange_(exchange) {}
  std::shared_ptr<AnswerSink> sink_;
  std::uint64_t exchange_ = 0;
};

// The open body of an answer. Dropped without close(): the connection, or the one stream of it, is cut, so that the client sees an
// incomplete body. Any thread.
class StreamWriter {
 public:
  StreamWriter(StreamWriter&& other) noexcept = default;
  StreamWriter& operator=(StreamWriter&& other) noexcept;
  ~StreamWriter();

  // Does nothing once the client is gone. `hold` as in Responder::send().
  void write(std::string bytes, std::shared_ptr<void> hold = nullptr);
  // `trailers`: HTTP/2 only, as HttpResponse::trailers.
  void close(HeaderList trailers = {});
  // Bytes written here that the system has not taken yet.
  [[nodiscard]] std::size_t buffered() const;
  // `gone` runs on the connection's loop when the stream ends without our close(): the client went away, fell behind
  // stream_buffer_bytes_max, or the server closed. At most once, at once if it already happened.
  void on_close(Task gone);

 private:
  friend class Responder;
  StreamWriter(std::shared_ptr<AnswerSink> sink, std::uint64_t exchange, std::shared_ptr<std::atomic<std::size_t>> buffered)
      : sink_(std::move(sink)), exchange_(exchange), buffered_(std::move(buffered)) {}
  std::shared_ptr<AnswerSink> sink_;
  std::uint64_t exchange_ = 0;
  std::shared_ptr<std::atomic<std::size_t>> buffered_;
};

class HttpServer {
 public:
  using Handler = std::function<void(HttpRequest&&, Responder)>;

  // Listens at once, so that port() is known and a taken port is an error here; serves as soon as the loops run. The loops outlive the
  // server. Accepts on loops[0] and spreads connections over all of them. Call before the loops run, or on loops[0].
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(std::vector<EventLoop*> loops, ListenSpec spec,
                                                                  HttpLimits limits, Handler handler,
                                                                  ErrorFormatter format_error = plain_text_error,
                                                                  HeadCheck check_head = nullptr,
                                                                  OversizeAnswer answer_oversize = nullptr);
  // After the loops have stopped, or after close() has reported; otherwise a handler might still be running.
  ~HttpServer();

  [[nodiscard]] std::uint16_t port() const;
  // "127.0.0.1:8090" or the socket's path.
  [[nodiscard]] const std::string& address() const;
  // Open now. Any thread.
  [[nodiscard]] std::size_t connections() const;

  // All from any thread; the callbacks run on some loop of the server.
  // No more connections; those there are go on.
  void stop_accepting();
  // stop_accepting(), closes idle connections, answers what is under way with `connection: close` or behind a GOAWAY. `drained` when
  // none is left.
  void drain(Task drained);
  // Everything at once; `closed` when no handler runs and none will.
  void close(Task closed);

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::net
