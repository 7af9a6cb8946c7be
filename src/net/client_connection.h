// ClientConnection: one connection of a ClientPool: connect, TLS, then one call after another. For net/ only.
//
//   Connecting -> Handshake (TLS) -> Idle <-> Busy;   any -> Closed; Busy -> Closed also when it changes its protocol and is given away
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/client_pool.h"
#include "net/http_parser.h"
#include "net/stream.h"

namespace holdfast::net {

class ClientConnection final : public IoHandler,
                               public ByteBudget::Reader,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  // `place`: its share of ClientOptions::connections.
  ClientConnection(std::shared_ptr<ClientPool> pool, ConnectionBudget::Place place);

  // Tries the addresses in turn.
  void connect(std::vector<SocketAddress> addresses);
  void fail_connect(std::string why);  // By value: the text may be that of the stream, which ends here.
  void start_connect_timer();
  // Only when idle.
  void begin(CallId call);
  void become_idle();
  void close();
  // Closed by then, if it is idle (ClientOptions::age_max).
  [[nodiscard]] std::int64_t ends_ms() const { return ends_ms_; }
  // Whether it has carried a call to its end.
  [[nodiscard]] bool is_reused() const { return reused_; }
  // It would read on, but there is no room for it (ClientOptions::room).
  [[nodiscard]] bool is_paused() const { return paused_; }
  // Closes it if read_timeout or write_timeout is over.
  void on_tick(std::int64_t now_ms);

  void on_readable() override;
  void on_writable() override;
  void go_on() override;

 private:
  enum class State { Connecting, Handshake, Idle, Busy, Closed };

  void next_address(std::string why);
  void shake_hands();
  void established();
  void send_rest();
  void receive();
  void receive_later();
  [[nodiscard]] bool has_room();
  void leave_room();
  void check_idle();
  void ended(std::string why);
  void answered(ClientPool::Reuse reuse, std::string_view more_bytes);
  void give_away(std::string_view more_bytes);
  void switched(const HttpResponse& response, std::string_view more_bytes);
  void arm_read();
  void arm_write();

  std::shared_ptr<ClientPool> pool_;
  ConnectionBudget::Place place_;
  std::unique_ptr<Stream> stream_;
  ResponseParser parser_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  Loop::TimerId connect_timer_ = 0;
  State state_ = State::Connecting;
  CallId call_{};
  std::size_t sent_ = 0;  // Of head and body together.
  bool sending_ = false;
  bool reused_ = false;
  bool paused_ = false;
  std::size_t received_ = 0;  // Of the answer.
  bool armed_read_ = false;
  bool armed_write_ = false;
  std::int64_t ends_ms_ = INT64_MAX;
  std::int64_t progress_ms_ = 0;  // Only kept where there is a read or write timeout.
};

}  // namespace holdfast::net
