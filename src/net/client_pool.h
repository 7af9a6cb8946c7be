// ClientPool: the inside of HttpClient: calls, the connections they wait for, and the clocks over both. ClientConnection
// (client_connection.h) moves the bytes of one connection. For net/ only; on the loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/client_calls.h"
#include "net/http_client.h"
#include "net/resolver.h"
#include "net/upgrade.h"

namespace holdfast::net {

class ClientConnection;

struct UpgradeRequest {
  std::string protocol;  // Empty: nothing is said, the connection is taken as it is.
  HttpClient::UpgradeDone done;  // For a 101; PendingCall::done otherwise.
};

struct PendingCall {
  std::string head;
  std::string body;
  HttpClient::Done done;
  std::unique_ptr<UpgradeRequest> upgrade;  // Null: an ordinary call.
  std::int64_t deadline_ms = 0;
  bool is_head_method = false;
  bool idempotent = false;
  bool retried = false;
  ClientConnection* on = nullptr;  // Null: waiting.
};
// Every call there is, oldest first; since all have the same timeout, also in the order of their deadlines.
using PendingCalls = std::list<PendingCall>;
using CallId = PendingCalls::iterator;

class ClientPool final : public ClientCalls, public std::enable_shared_from_this<ClientPool> {
 public:
  ClientPool(EventLoop& loop, Url origin, ClientOptions options);
  ~ClientPool() override;

  void call(HttpCall call, HttpClient::Done done) override;
  void upgrade(std::string target, std::string protocol, HttpClient::UpgradeDone done) override;
  // A connection that is up, for another protocol than HTTP/1.1, which it is told to be by TLS.
  void take(HttpClient::UpgradeDone done) { upgrade("*", {}, std::move(done)); }
  // Fails all calls, closes all connections; afterwards every call fails.
  void shut() override;

  // From connections. Each may run a caller's `done`, as its last act; the caller keeps itself alive.
  void on_connected(ClientConnection& connection);
  void on_connect_failed(ClientConnection& connection, const std::string& why);
  enum class Reuse { KeepOpen, Close };
  void on_answer(ClientConnection& connection, CallId call, HttpResponse response, Reuse reuse);
  // The connection has given away its stream.
  void on_upgraded(ClientConnection& connection, CallId call, std::unique_ptr<UpgradedStream> stream);
  void on_failed(ClientConnection& connection, CallId call, ClientError error);
  // The connection was closed before it gave a byte of the answer: try once more, or fail.
  void on_stale(ClientConnection& connection, CallId call, const std::string& why);
  void on_idle_closed(ClientConnection& connection);

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] const Url& origin() const { return origin_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  // Of the connection that is being opened, see ClientOptions; 0: any.
  [[nodiscard]] std::int64_t next_age_max();
  [[nodiscard]] std::vector<char>& read_buffer() { return read_buffer_; }
  [[nodiscard]] std::size_t connections() const override { return all_.size(); }
  [[nodiscard]] std::size_t idle() const override { return idle_.size(); }
  [[nodiscard]] std::size_t connects() const override { return connects_; }
  [[nodiscard]] std::size_t pending() const override { return calls_.size(); }

 private:
  struct Idle {
    ClientConnection* connection;
    std::int64_t until_ms;
  };

  void begin(HttpCall call, HttpClient::Done done, std::unique_ptr<UpgradeRequest> upgrade);
  void build_head(const HttpCall& call, const UpgradeRequest* upgrade, std::string& out) const;
  void open_connections();
  // All calls that wait, Unreachable.
  void fail_waiting(const std::string& why);
  void on_addresses(const Addresses& found);
  void give_work(ClientConnection& connection);
  void forget(ClientConnection& connection);
  void finish(CallId call, CallResult result);
  void arm_deadline();
  void on_deadline();
  void arm_idle(std::int64_t due_ms);
  void on_idle_timer();
  void start_ticking();

  EventLoop& loop_;
  Url origin_;
  std::string name_;
  ClientOptions options_;
  std::string common_head_;
  std::string connection_field_;
  std::vector<char> read_buffer_;
  PendingCalls calls_;
  std::deque<CallId> waiting_;
  std::deque<CallId> waiting_fresh_;  // Retries: only a new connection will do.
  std::unordered_map<ClientConnection*, std::shared_ptr<ClientConnection>> all_;
  std::vector<Idle> idle_;  // Used last at the back.
  std::size_t connecting_ = 0;
  std::size_t connects_ = 0;
  std::uint32_t ages_ = 0;  // Given out by next_age_max().
  std::vector<std::shared_ptr<ClientConnection>> awaiting_addresses_;
  Loop::TimerId deadline_timer_ = 0;
  Loop::TimerId idle_timer_ = 0;
  std::int64_t idle_due_ms_ = 0;  // When it fires.
  Loop::TimerId tick_timer_ = 0;
  bool shut_ = false;
};

// Milliseconds of the steady clock.
[[nodiscard]] std::int64_t steady_ms();

}  // namespace holdfast::net
