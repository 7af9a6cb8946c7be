// Http2Calls: calls to one origin over HTTP/2 with prior knowledge (RFC 9113 section 3.3), or TLS with ALPN: many at once on one
// connection, and on more where the peer takes no more. For net/ only; on the loop's thread.
//
//   waiting -> on a connection (Http2ClientSession) -> answered;   back to waiting, once, if the peer has certainly not acted on it
//
// Connections are opened by a ClientPool, which gives them away once they are up. Of ClientOptions these mean nothing here: read_timeout,
// write_timeout, room and age_max; answers are not decompressed, and none is asked for in another form.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/client_calls.h"
#include "net/client_pool.h"

namespace holdfast::net {

class Http2ClientSession;

struct Http2Call {
  HttpCall call;
  HttpClient::Done done;
  std::int64_t deadline_ms = 0;
  Http2ClientSession* on = nullptr;  // Null: waiting.
  std::int32_t stream = 0;
  std::size_t sent = 0;  // Of the body.
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool has_head = false;  // Of the answer, all of it.
  bool ended = false;     // The answer is whole.
  bool retried = false;
  std::optional<ClientError> failure;
  std::list<Http2Call>::iterator self;
};
// Oldest first; since all have the same timeout, also in the order of their deadlines.
using Http2CallList = std::list<Http2Call>;

class Http2Calls final : public ClientCalls, public std::enable_shared_from_this<Http2Calls> {
 public:
  static constexpr std::size_t kStreamsMax = 1000;  // At once on one connection, if the peer does not say less.

  Http2Calls(EventLoop& loop, Url origin, ClientOptions options);

  void call(HttpCall call, HttpClient::Done done) override;
  void upgrade(std::string target, std::string protocol, HttpClient::UpgradeDone done) override;
  void shut() override;
  [[nodiscard]] std::size_t connections() const override { return sessions_.size() + (is_connecting_ ? 1 : 0); }
  [[nodiscard]] std::size_t idle() const override;
  [[nodiscard]] std::size_t connects() const override { return connects_; }
  [[nodiscard]] std::size_t pending() const override { return calls_.size(); }

  // From connections; may run callers' `done`, as their last act.
  void finish(Http2Call& call, CallResult result);
  // The peer has certainly not acted on it: once more, or fail.
  void again(Http2Call& call, ClientError error);
  void on_room();
  void on_closed(Http2ClientSession& session);

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] const Url& origin() const { return origin_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] std::vector<char>& read_buffer() { return connector_->read_buffer(); }

 private:
  void dispatch();
  void open_connection();
  void on_connected(UpgradeResult result);
  void arm_deadline();
  void on_deadline();

  EventLoop& loop_;
  Url origin_;
  std::string name_;
  ClientOptions options_;
  std::shared_ptr<ClientPool> connector_;
  Http2CallList calls_;
  std::deque<Http2Call*> waiting_;
  std::vector<std::shared_ptr<Http2ClientSession>> sessions_;
  std::size_t connects_ = 0;
  Loop::TimerId deadline_timer_ = 0;
  bool is_connecting_ = false;
  bool shut_ = false;
};

}  // namespace holdfast::net
