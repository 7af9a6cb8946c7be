// CallSession: one connection of a CallServer. For net/ only; on the connection's loop, but for finish().
//
//   Serving -> Ending (the client broke the rules: it is told why, what it still sends is thrown away) -> Closed
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/call_frame.h"
#include "net/call_server.h"
#include "net/upgrade.h"

namespace holdfast::net {

// What the connections of a CallServer share.
struct CallServerShared {
  CallLimits limits;
  CallServer::Handler handler;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> under_way{0};
  std::atomic<std::uint64_t> taken{0};
};

class CallSession final : public UpgradedSession, public IoHandler, public std::enable_shared_from_this<CallSession> {
 public:
  CallSession(std::shared_ptr<CallServerShared> shared, std::string path);
  ~CallSession() override;

  void begin(EventLoop& loop, UpgradedStream connection, Task ended) override;
  void on_tick() override;
  void drain() override;
  void close() override;

  void on_readable() override;
  void on_writable() override;

  // Ends the call of a token: `kind` is Answer or Failed. Any thread.
  void finish(std::uint32_t slot, FrameKind kind, std::uint16_t detail, std::string_view payload);

 private:
  enum class State { Serving, Ending, Closed };
  struct Slot {
    enum class Use : std::uint8_t { Free, Running, TakenBack };
    std::uint64_t call = 0;
    std::uint32_t bytes = 0;
    Use use = Use::Free;
  };
  struct RemoteAnswer {
    std::uint32_t slot;
    std::size_t bytes;  // Of its frame.
  };

  void receive();
  void take_frames();
  [[nodiscard]] bool may_take() const;
  void take_call(const Frame& frame);
  void take_back(std::uint64_t call);
  void take_remote();
  [[nodiscard]] bool release(std::uint32_t slot);
  void end_window(const Slot& slot);
  void resume();
  void go_away();
  void broken(const std::string& why);
  void discard();
  void flush();
  void flush_later();
  void publish();
  void arm_read();
  void arm_write();
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }

  const std::shared_ptr<CallServerShared> shared_;
  const std::string path_;
  EventLoop* loop_ = nullptr;
  std::optional<LoopHandle> handle_;  // Outlives the loop; tokens do, too.
  std::unique_ptr<Stream> stream_;
  Task ended_;
  State state_ = State::Serving;
  FrameReader reader_;
  std::string out_;
  std::size_t sent_ = 0;  // Of out_.

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t running_ = 0;       // Slots with a token.
  std::size_t window_calls_ = 0;  // Those that the client counts.
  std::size_t window_bytes_ = 0;
  std::size_t counted_ = 0;       // Of running_, in the shared sum.
  std::uint64_t taken_ = 0;       // Not in the shared sum yet.
  std::size_t answer_bytes_max_ = 0;  // The client's; 0: it has not said hello. Set before there is a token.

  bool armed_read_ = false;
  bool armed_write_ = false;
  bool taking_ = false;  // take_frames() is on the stack.
  bool paused_ = false;  // A call waits for may_take(), and what follows it is not read.
  bool flush_posted_ = false;
  bool said_goaway_ = false;
  bool is_active_ = false;        // A call has come since the last tick.
  std::int64_t active_ms_ = 0;    // When a call came, or goodbye was said.
  std::int64_t progress_ms_ = 0;  // Since when the client has taken nothing of out_; 0: it does.
  std::size_t discarded_bytes_ = 0;

  // Answers given on other threads.
  std::mutex mutex_;
  std::string remote_frames_;               // Under `mutex_`, as the next two.
  std::vector<RemoteAnswer> remote_answers_;
  bool remote_posted_ = false;
  std::string frames_scratch_;
  std::vector<RemoteAnswer> answers_scratch_;
};

}  // namespace holdfast::net
