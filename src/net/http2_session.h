// Http2Session: the server's end of an HTTP/2 connection, on nghttp2, which keeps the protocol's own books: frames, HPACK, flow control,
// what a peer may send when. Here are the requests that the streams carry, their answers, and our bounds on both. For net/ only.
//
//   Head -> Body -> Busy -> Answering      a stream (Exchange); it is gone when both sides have ended, or either has reset it
//
// A handler may run, and answer, while nghttp2 is on the stack (`inside_`): bytes are written and anything is freed only after. Answers
// that come from elsewhere are written once for all that the loop's turn brings. On the shard's loop, but for what AnswerSink says.
// Not here: requests whose body the handler reads bit by bit (both ways at once); they would begin in on_head().
#pragma once

#include <nghttp2/nghttp2.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/answer_sink.h"
#include "net/http2_fields.h"
#include "net/server_connection.h"
#include "net/stream.h"
#include "net/upgrade.h"

namespace holdfast::net {

class Http2Session final : public UpgradedSession,
                           public IoHandler,
                           public AnswerSink,
                           public std::enable_shared_from_this<Http2Session> {
 public:
  // `place`: whose stream it takes over; there until close() is called.
  Http2Session(std::shared_ptr<ServerShard> shard, ServerConnection& place, std::shared_ptr<const std::string> peer);

  // UpgradedSession. What has been read begins with the preface.
  void begin(EventLoop& loop, UpgradedStream connection, Task ended) override;
  void on_tick() override;
  void drain() override;
  void close() override;

  void on_readable() override;
  void on_writable() override;

  void send(std::uint64_t exchange, HttpResponse response, std::shared_ptr<void> hold) override;
  void send_error(std::uint64_t exchange, int status, std::string_view message) override;
  void upgrade(std::uint64_t exchange, std::string_view protocol, std::shared_ptr<UpgradedSession> session) override;
  void when_gone(std::uint64_t exchange, Task gone) override;
  void expire_after(std::uint64_t exchange, Duration time, HttpResponse late) override;
  std::shared_ptr<std::atomic<std::size_t>> begin_stream(std::uint64_t exchange, int status, HeaderList headers) override;
  void write_stream(std::uint64_t exchange, std::string bytes, std::shared_ptr<void> hold) override;
  void end_stream(std::uint64_t exchange, HeaderList trailers) override;
  void cut(std::uint64_t exchange) override;

 private:
  struct Piece {
    std::string bytes;
    std::shared_ptr<void> hold;
  };
  // One stream. Nodes are used again: a request costs none.
  struct Exchange {
    enum class State { Head, Body, Busy, Answering };
    std::list<Exchange>::iterator self;
    std::int32_t stream = 0;
    State state = State::Head;
    HttpRequest request;
    std::string cookies;
    std::size_t header_bytes = 0;
    std::size_t held_bytes = 0;   // As counted in the shared sum, while the request is coming in.
    int refusal = 0;              // A status, found while the head came in; see `refusal_text`.
    std::string refusal_text;
    bool has_authority = false;
    bool request_ended = false;
    bool grew = false;            // In `grown_`.
    bool is_head_method = false;
    bool answer_ended = false;    // Nothing more is added to the answer.
    std::list<Piece> out;
    std::size_t out_at = 0;       // Of out.front(), taken by nghttp2.
    std::size_t out_bytes = 0;
    HeaderList trailers;
    std::shared_ptr<std::atomic<std::size_t>> buffered;  // Null: the answer came whole.
    Task gone;
    Loop::TimerId expiry = 0;
    std::uint64_t deadline = UINT64_MAX;         // In ticks of the shard.
    std::uint64_t answer_deadline = UINT64_MAX;  // Likewise, for a whole answer.
  };
  using Exchanges = std::list<Exchange>;
  struct Callbacks;
  enum class Body { None, Follows };
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  static constexpr std::size_t kWriteBytesMax = 64 * 1024;  // Made into frames before the system is asked to take them.

  static nghttp2_data_provider body_provider();
  [[nodiscard]] const HttpLimits& limits() const { return shard_->shared().limits; }
  [[nodiscard]] Exchange* find(std::uint64_t exchange) const;
  template <typename F>
  void on_loop(F&& f);

  // What nghttp2 reports.
  void on_begin(std::int32_t stream);
  void on_field(Exchange& exchange, std::string_view name, std::string_view value);
  void on_head(Exchange& exchange);
  void on_body(Exchange& exchange, std::string_view bytes);
  void on_request_end(Exchange& exchange);
  void on_frame(const nghttp2_frame& frame);
  void on_sent(const nghttp2_frame& frame);
  void on_stream_close(std::int32_t stream);
  [[nodiscard]] ssize_t on_wanted(Exchange& exchange, std::size_t bytes_max, std::uint32_t& flags);
  void on_data(Exchange& exchange, const std::uint8_t* frame_head, std::size_t bytes);

  void refuse(Exchange& exchange, int status, const std::string& message);
  void answer(Exchange& exchange, HttpResponse& response, std::shared_ptr<void> hold);
  void submit(Exchange& exchange, int status, const HeaderList& headers, std::optional<std::size_t> content_length, Body body);
  void begin_answering(Exchange& exchange);
  void cut_reader(Exchange& exchange, std::string_view why);
  void cut_if_behind(std::uint64_t number);
  void drop_answer(Exchange& exchange);
  void reset(std::int32_t stream, std::uint32_t why);
  void release_request(Exchange& exchange);
  void grow(Exchange& exchange);
  void hold_grown();
  void begin_second();
  void count_idle_frame();
  void count_reset();
  void calm(std::string_view why);

  void read();
  void feed(std::string_view bytes);
  void flush_later();
  void flush();
  [[nodiscard]] bool write_out(std::string_view bytes);
  void end_if_over();
  void terminate(std::uint32_t why);
  void arm_read();
  void arm_write();
  void finish();

  std::shared_ptr<ServerShard> shard_;
  ServerConnection* place_;
  std::shared_ptr<const std::string> peer_;
  std::unique_ptr<Stream> stream_;
  Task ended_;
  std::unique_ptr<nghttp2_session, SessionFree> session_;
  Exchanges open_;
  Exchanges spare_;
  std::vector<std::int32_t> grown_;  // Streams whose request grew in this read.
  std::string* filling_ = nullptr;   // Where frames are written to, while they are.
  std::string out_;                  // Frames that the system has not taken yet.
  std::size_t out_at_ = 0;
  std::vector<std::shared_ptr<void>> out_holds_;  // Of answers whose last byte is in `out_`.
  std::size_t unread_bytes_ = 0;     // Of answers, not in frames yet.
  std::uint64_t out_deadline_ = UINT64_MAX;
  std::uint64_t idle_deadline_ = UINT64_MAX;
  std::uint64_t second_ends_ = 0;
  std::size_t idle_frames_ = 0;      // In this second, less those that its requests explain.
  std::size_t resets_ = 0;           // Likewise.
  bool inside_ = false;
  bool flush_posted_ = false;
  bool draining_ = false;
  bool terminating_ = false;
  bool closed_ = false;
  bool armed_read_ = false;
  bool armed_write_ = false;
  Http2Fields fields_;
};

}  // namespace holdfast::net
