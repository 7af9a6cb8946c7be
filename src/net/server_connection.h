// ServerConnection: one accepted connection, and ServerShard: all of them on one loop. For net/ only.
//
//   Handshake -> Reading -> Busy -> Writing -> Reading ...      (TLS only the first)
//                           Busy -> Streaming -> Writing ...
//                           Busy -> Upgraded                     the session has the stream, this only its place among the connections
//              Reading -> Upgraded                               likewise, where the first bytes are HTTP/2's preface
//   any -> Lingering -> Closed                                   a refusal is sent, the rest of the request is thrown away
//
// All of it happens on the shard's loop, but for what Responder and StreamWriter call, which is marked.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/answer_sink.h"
#include "net/http_server.h"
#include "net/stream.h"
#include "net/upgrade.h"

namespace holdfast::net {

class ServerConnection;

// What shards of one server share; does not change once it serves.
struct ServerShared {
  HttpLimits limits;
  HttpServer::Handler handler;
  HeadCheck check_head;
  OversizeAnswer answer_oversize;
  TlsServer tls;
  ErrorFormatter format_error = plain_text_error;
  std::string answer_when_full;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered_bytes{0};  // See HttpLimits::buffered_bytes_max.
  std::atomic<std::size_t> without_place{0};   // Accepted, on their way to a shard that may make room for them.

  // Counts one more connection; false: there are as many as there may be.
  [[nodiscard]] bool take_place(ConnectionBudget::Place& place);
};

// A connection just accepted, on its way to its shard.
struct Arrival {
  UniqueFd fd;
  std::shared_ptr<const std::string> peer;
  bool has_place = false;
  ConnectionBudget::Place place;
};

class ServerShard : public std::enable_shared_from_this<ServerShard> {
 public:
  ServerShard(EventLoop& loop, std::shared_ptr<ServerShared> shared);

  void add(Arrival arrival);
  void remove(ServerConnection* connection);
  // Connections that wait for a request, longest first: the front is the one that may be closed for another. `self`: the connection's
  // node, which it has while it is not in the list.
  using Idle = std::list<ServerConnection*>;
  void enter_idle(Idle& self) { idle_.splice(idle_.end(), self); }
  void leave_idle(Idle& self, Idle::iterator at) { self.splice(self.end(), idle_, at); }
  void drain(Task drained);
  void close();

  [[nodiscard]] std::uint64_t tick() const { return tick_; }
  // The tick after which at least `timeout` has passed.
  [[nodiscard]] std::uint64_t tick_after(Duration timeout) const;
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const ServerShared& shared() const { return *shared_; }
  // Bytes of bodies that come in; the sum over the server, after.
  std::size_t hold_bytes(std::size_t bytes) { return shared_->buffered_bytes.fetch_add(bytes) + bytes; }
  void release_bytes(std::size_t bytes) { shared_->buffered_bytes.fetch_sub(bytes); }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] const LoopHandle& handle() const { return handle_; }
  // A whole field line, and its value.
  [[nodiscard]] std::string_view date() const { return date_; }
  [[nodiscard]] std::string_view date_value() const { return std::string_view(date_).substr(6, date_.size() - 8); }

  std::vector<char> read_buffer;  // Shared by the connections: what is left of it is copied when a handler does not answer at once.
  std::string head_buffer;
  std::string frame_buffer;  // What an HTTP/2 session is about to write.

 private:
  void start_ticking();
  void on_tick();
  void refresh_date();
  bool close_longest_idle();

  EventLoop& loop_;
  LoopHandle handle_;
  std::shared_ptr<ServerShared> shared_;
  std::unordered_map<ServerConnection*, std::shared_ptr<ServerConnection>> connections_;
  Idle idle_;
  std::uint64_t tick_ = 0;
  std::int64_t tick_ms_ = 1000;
  bool ticking_ = false;
  bool draining_ = false;
  bool closed_ = false;
  Task drained_;
  std::string date_;
};

class ServerConnection final : public IoHandler, public AnswerSink, public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerShard> shard, Arrival arrival);

  void start();
  void on_tick();
  void on_drain();
  void close();

  void on_readable() override;
  void on_writable() override;

  // Whether it waits for a request, and may be closed for another connection. Also for the session it has become.
  void set_idle();
  void set_busy();

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
  enum class State { Handshake, Reading, Busy, Writing, Streaming, Upgraded, Lingering, Closed };

  template <typename F>
  void on_loop(F&& f);
  [[nodiscard]] bool is_current(std::uint64_t exchange) const { return state_ != State::Closed && exchange == exchange_; }

  void shake_hands();
  void read_requests();
  void consume(std::string_view bytes);
  void begin_http2(std::string bytes);
  void dispatch();
  void resume();
  void read_ahead();
  void discard();
  void refuse(int status, const std::string& message);
  void refuse(HttpResponse response);
  [[nodiscard]] bool hold_body();
  void release_body();
  void build_head(std::string& out, int status, const HeaderList& headers, std::size_t body_size, bool chunked);
  void do_send(HttpResponse& response, std::shared_ptr<void> hold);
  void do_begin_stream(int status, const HeaderList& headers);
  void do_write_stream(const std::string& bytes, std::shared_ptr<void> hold);
  void hand_over();
  void flush();
  void written(std::size_t bytes);
  void finish_answer();
  void tell_gone();
  void cut_reader(std::string_view why);
  void arm_read();
  void arm_write();

  std::shared_ptr<ServerShard> shard_;
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<const std::string> peer_;
  RequestParser parser_;
  State state_ = State::Reading;
  std::uint64_t exchange_ = 0;
  std::uint64_t deadline_ = UINT64_MAX;         // In ticks of the shard.
  std::uint64_t answer_deadline_ = UINT64_MAX;  // Likewise, for a whole answer that the client did not take at once.
  ServerShard::Idle idle_node_;  // Empty while it is in the shard's list.
  ServerShard::Idle::iterator idle_at_;
  bool armed_read_ = false;
  bool armed_write_ = false;
  bool may_be_http2_ = false;  // Nothing but a beginning of HTTP/2's preface has come; it is in `ahead_`.
  bool dispatching_ = false;  // consume() is on the stack and goes on with the next request itself.
  bool head_checked_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_1_0_ = false;
  bool peer_done_ = false;
  bool ending_ = false;  // The stream's last chunk is queued.
  bool linger_ = false;  // After the answer, throw away what the client still sends.
  std::string ahead_;    // Read, not yet parsed: requests sent before the answer to the one before.
  struct Out {
    std::string bytes;
    std::shared_ptr<void> hold = nullptr;
  };
  std::deque<Out> out_;
  std::size_t out_at_ = 0;  // Of out_.front(), taken by the system.
  std::size_t out_bytes_ = 0;
  std::size_t stream_bytes_in_out_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::size_t held_bytes_ = 0;  // Of the body that is coming in, as counted in the shared sum.
  std::atomic<std::size_t> buffered_{0};
  Task gone_;
  std::shared_ptr<UpgradedSession> session_;
};

}  // namespace holdfast::net
