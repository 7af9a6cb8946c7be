// CallPipe: the client's end of holdfast-calls/1 (call_frame.h): many calls under way at once over one connection.
//
//   Opening -> Open -> Leaving (the server has said goaway, or we want another) -> Closed;   Opening -> Closed
//
// Calls made in one turn of the loop leave in one write. More calls than the server takes at once wait in a queue, which has bounds as
// well. A call that gets no answer within call_timeout is taken back; a pipe on which nothing at all came in that time is closed, as is
// one that is idle for idle_timeout. What became of each call is told to a CallReceiver. On the loop's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_budget.h"
#include "base/time.h"
#include "net/call_frame.h"
#include "net/fd_watcher.h"
#include "net/http_client.h"

namespace holdfast::net {

class CallPipe;
class Stream;

struct CallPipeOptions {
  Duration call_timeout{120'000};   // From begin_call() on, waiting in the queue included.
  const char* timeout_name = "call_timeout";  // What messages call it.
  Duration write_timeout{120'000};  // The server takes no byte of what we send.
  Duration idle_timeout{15'000};
  Duration age_max{0};              // After it, CallReceiver::on_aged() is told, again and again. 0: never.
  Duration hello_timeout{10'000};
  std::size_t answer_bytes_max = 32 * 1024 * 1024;
  std::size_t queue_calls_max = 65'536;  // Calls that wait for those under way.
  std::size_t queue_bytes_max = 64 * 1024 * 1024;
  ByteBudget* room = nullptr;  // As ClientOptions::room.
};

struct CallFailure {
  enum class Kind {
    Status,    // The server said so: `status` and its reason.
    TooLarge,  // The answer is over answer_bytes_max.
    Timeout,   // The server may have acted on the call.
    Lost,      // The connection ended before the answer. Likewise.
  };
  Kind kind = Kind::Status;
  int status = 0;
  std::string_view message;
};

// Exactly one of the first three comes for each call, never from within begin_call() or end_call(). By then its slot is free, and may be
// that of a new call already if the receiver makes one.
class CallReceiver {
 public:
  virtual ~CallReceiver() = default;
  // `body` is valid for the duration of the call.
  virtual void on_answer(std::uint32_t slot, std::string_view body) = 0;
  virtual void on_failed(std::uint32_t slot, const CallFailure& failure) = 0;
  // The call was never sent, and the pipe takes no more: it can be made in another way.
  virtual void on_unsent(std::uint32_t slot, std::string_view traceparent, std::string_view body) = 0;
  virtual void on_open() = 0;
  // The pipe is as old as it may be, and takes calls as before: leave() it when there is another.
  virtual void on_aged() {}
  // Last of all, and always, but for shut(). The receiver may be gone after it.
  virtual void on_closed(std::string_view why) = 0;
};

class CallPipe final : public IoHandler, public ByteBudget::Reader, public std::enable_shared_from_this<CallPipe> {
 public:
  // Asks `client` for a connection, which leaves its pool. `receiver` lives until on_closed() or shut().
  [[nodiscard]] static std::shared_ptr<CallPipe> open(EventLoop& loop, HttpClient& client, std::string path_and_query,
                                                      CallPipeOptions options, CallReceiver& receiver);
  ~CallPipe() override;

  // Whether a call of that size may begin now.
  [[nodiscard]] bool takes(std::size_t traceparent_bytes, std::size_t body_bytes) const;
  // Begins a call: the caller appends exactly `body_bytes` to what it is given, then says end_call(). Only if takes() is true.
  [[nodiscard]] std::string& begin_call(std::string_view traceparent, std::size_t body_bytes);
  // The call's slot, a small number; other calls of this pipe have others until it ends.
  std::uint32_t end_call();
  // Takes no more calls, and closes when those that there are have ended. Only when Open.
  void leave();
  // Closes without a word to the receiver.
  void shut();

  enum class State { Opening, Open, Leaving, Closed };
  [[nodiscard]] State state() const { return state_; }
  // Closed because it was idle, or because one of the two said goodbye.
  [[nodiscard]] bool has_ended_well() const { return ended_well_; }
  // Waiting or under way.
  [[nodiscard]] std::size_t pending() const { return live_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  // System calls that wrote something.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

  void on_readable() override;
  void on_writable() override;
  void go_on() override;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Slot {
    enum class Use : std::uint8_t { Free, Waiting, Sent, GivenUp };
    Use use = Use::Free;
    std::uint16_t traceparent_bytes = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t times_used = 0;  // Half of the call's id, so that a late answer is not taken for another call's.
    std::uint32_t older = kNone;   // Waiting and Sent: since all have the same timeout, also in the order of their deadlines.
    std::uint32_t newer = kNone;
    std::uint64_t reads_before = 0;
    std::int64_t deadline_ms = 0;
  };

  CallPipe(EventLoop& loop, CallPipeOptions options, CallReceiver& receiver);
  void on_stream(std::unique_ptr<UpgradedStream> connection);
  void receive();
  [[nodiscard]] bool has_room();
  void leave_room();
  void take_frames();
  void take_hello(const Frame& frame);
  void take_end(const Frame& frame);
  void take_goaway(const Frame& frame);
  [[nodiscard]] bool has_window(std::size_t payload_bytes) const;
  void send_waiting();
  void unlink(std::uint32_t slot);
  void free_slot(std::uint32_t slot);
  void give_up_late_calls();
  void drop_timed_out_from_queue(const std::vector<std::uint32_t>& late);
  void return_waiting();
  void flush();
  void flush_later();
  void broken(const std::string& why);
  void end(std::string why);  // By value: it may be what the stream said, which goes here.
  void end_well(std::string why);
  void arm_timer(std::int64_t due_ms);
  void on_timer();
  void arm_read();
  void arm_write();
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }

  EventLoop& loop_;
  const CallPipeOptions options_;
  CallReceiver* receiver_;
  std::unique_ptr<Stream> stream_;
  FrameReader reader_;
  State state_ = State::Opening;
  Hello server_;  // What it takes.

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
  std::size_t live_ = 0;          // Waiting and Sent.
  std::size_t window_calls_ = 0;  // Sent and GivenUp.
  std::size_t window_bytes_ = 0;
  std::uint32_t begun_ = kNone;   // Between begin_call() and end_call().
  std::string* begun_in_ = nullptr;
  std::size_t begun_end_ = 0;

  std::string out_;
  std::size_t sent_ = 0;  // Of out_.
  std::deque<std::uint32_t> waiting_;
  std::string waiting_frames_;  // Of waiting_, in its order.
  std::size_t waiting_at_ = 0;  // Where the first one's is.

  bool ended_well_ = false;
  std::int64_t paused_ms_ = 0;    // Since when there is no room for more answers; 0: there is.
  bool armed_read_ = false;
  bool armed_write_ = false;
  bool flush_posted_ = false;
  std::uint64_t writes_ = 0;
  std::int64_t now_ms_ = 0;       // Of this turn.
  std::uint64_t reads_ = 0;       // That gave something.
  std::int64_t opening_ms_ = 0;   // Since when the server could have said hello.
  std::int64_t progress_ms_ = 0;  // Since when the server has taken nothing of out_; 0: it does.
  std::int64_t idle_since_ms_ = 0;
  std::int64_t aged_ms_ = INT64_MAX;  // When it is too old, or that is to be said again.
  const char* leaving_why_ = "";
  Loop::TimerId timer_ = 0;
  std::int64_t timer_due_ms_ = 0;
};

}  // namespace holdfast::net
