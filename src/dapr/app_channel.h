// AppChannel: calls to the application that a sidecar stands beside: over HTTP/1.1, HTTP/2, or as gRPC (app_callback.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_client.h"

namespace holdfast::dapr {

// Fields of a message that are about one connection, or that the transport writes itself: a proxy passes on all others.
[[nodiscard]] bool is_hop_by_hop(std::string_view name);
// Why no application that speaks HTTP is called with it: a verb that came in gRPC may be missing (empty), or be none. Empty: it may be.
[[nodiscard]] std::string refusal_of_verb(std::string_view method);

struct AppChannelOptions {
  enum class Speaks { Http1, Http2, Grpc };
  Speaks speaks = Speaks::Http1;
  net::Url origin;
  std::string api_token;            // Sent as dapr-api-token; empty: none.
  std::size_t concurrency_max = 0;  // Calls under way; the others wait. 0: no bound.
  std::size_t waiting_max = 10'000;
  std::size_t waiting_bytes_max = 64u << 20;
  std::size_t response_bytes_max = 4u << 20;
  Duration call_timeout{600'000};
  std::shared_ptr<net::ConnectionBudget> connections;  // Of all that this process calls; null: no bound beside the client's.
};

class AppChannel {
 public:
  // In words, why there is no answer.
  using Answer = tl::expected<net::HttpResponse, std::string>;
  using Done = std::function<void(Answer)>;

  // The loops outlive the channel, which ends when they do not run.
  [[nodiscard]] static Result<std::unique_ptr<AppChannel>> open(const std::vector<net::EventLoop*>& loops, AppChannelOptions options);

  // Answers whoever still waits.
  ~AppChannel();
  // `done` runs on one of the loops: the caller's, if it is on one. Any thread. Trailers are only in answers of gRPC.
  void call(net::HttpCall call, Done done);
  // As it is: to an application that speaks gRPC, a call of that.
  void call_as_is(net::HttpCall call, net::HttpClient::Done done);
  [[nodiscard]] bool is_grpc() const { return options_.speaks == AppChannelOptions::Speaks::Grpc; }
  [[nodiscard]] std::size_t response_bytes_max() const { return options_.response_bytes_max; }

 private:
  struct Line {
    net::EventLoop* loop;
    std::unique_ptr<net::HttpClient> client;
  };
  struct Waiting {
    Line* line = nullptr;
    net::HttpCall call;
    net::HttpClient::Done done;
  };

  explicit AppChannel(AppChannelOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Line& line_here();
  void send(Line& line, net::HttpCall call, net::HttpClient::Done done);
  void send_next();

  AppChannelOptions options_;
  std::mutex mutex_;  // Of what follows; used only where there is a bound.
  std::size_t under_way_ = 0;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;  // Of their bodies.
  std::vector<Line> lines_;        // Goes first: clients that end answer their calls, and whoever waits behind them is sent.
};

}  // namespace holdfast::dapr
