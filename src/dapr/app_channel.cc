#include "dapr/app_channel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dapr/app_callback.h"
#include "dapr/error.h"

namespace holdfast::dapr {
namespace {

constexpr std::size_t kHttp2ConnectionsMax = 16;  // Of one loop; each carries many calls.
constexpr std::size_t kQueueMax = 1'024;  // Calls of one loop that wait for a connection.

}  // namespace

bool is_hop_by_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kNames = {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
                                                              "trailer",    "transfer-encoding", "upgrade", "content-length", "host", "accept-encoding"};
  return std::ranges::any_of(kNames, [name](std::string_view known) { return net::equals_ignoring_case(name, known); });
}

std::string refusal_of_verb(std::string_view method) {
  if (method.empty()) return rpc_error_text(grpc::Code::InvalidArgument, "missing HTTP extension field");
  if (method == "NONE" || method == "CONNECT") return rpc_error_text(grpc::Code::InvalidArgument, "invalid HTTP verb");
  return {};
}

Result<std::unique_ptr<AppChannel>> AppChannel::open(const std::vector<net::EventLoop*>& loops, AppChannelOptions options) {
  std::unique_ptr<AppChannel> channel(new AppChannel(std::move(options)));
  for (net::EventLoop* loop : loops) {
    net::ClientOptions client;
    client.call_timeout = channel->options_.call_timeout;
    client.response_bytes_max = channel->options_.response_bytes_max;
    if (channel->options_.speaks != AppChannelOptions::Speaks::Http1) {
      client.protocol = net::http2_calls();
      client.pool_size = kHttp2ConnectionsMax;
    }
    client.user_agent.clear();  // The caller's is passed on.
    client.connections = channel->options_.connections;
    client.repeats_all = false;
    client.queue_max = kQueueMax;
    auto made = net::HttpClient::create(*loop, channel->options_.origin, std::move(client));
    if (!made) return fail(made.error());
    channel->lines_.push_back({loop, *std::move(made)});
  }
  return channel;
}

AppChannel::~AppChannel() {
  for (auto& waiting : std::exchange(waiting_, {})) waiting.done(tl::unexpected<net::ClientError>({net::ClientError::Kind::Disconnected, "the sidecar is stopping"}));
  lines_.clear();
}

AppChannel::Line& AppChannel::line_here() {
  const auto here = std::ranges::find_if(lines_, [](const Line& line) { return line.loop->is_current(); });
  return here == lines_.end() ? lines_.front() : *here;
}

void AppChannel::call(net::HttpCall call, Done done) {
  if (is_grpc()) {
    return call_as_is(on_invoke(call), [done = std::move(done), most = response_bytes_max()](net::CallResult result) {
      if (!result && result.error().kind == net::ClientError::Kind::Overloaded) return done(tl::unexpected(std::move(result.error().message)));
      done(on_invoke_answer(grpc::read_answer(std::move(result), most)));
    });
  }
  if (auto refusal = refusal_of_verb(call.method); !refusal.empty()) {
    on_loop(*line_here().loop, [done = std::move(done), refusal = std::move(refusal)] { done(tl::unexpected(refusal)); });
    return;
  }
  call_as_is(std::move(call), [done = std::move(done)](net::CallResult result) {
    if (!result) return done(tl::unexpected(std::move(result.error().message)));
    result->trailers.clear();
    done(*std::move(result));
  });
}

void AppChannel::call_as_is(net::HttpCall call, net::HttpClient::Done done) {
  if (!options_.api_token.empty()) call.headers.set("dapr-api-token", options_.api_token);
  Line& line = line_here();
  if (options_.concurrency_max != 0) {
    const std::lock_guard lock(mutex_);
    if (under_way_ == options_.concurrency_max) {
      if (waiting_.size() < options_.waiting_max && waiting_bytes_ + call.body.size() <= options_.waiting_bytes_max) {
        waiting_bytes_ += call.body.size();
        waiting_.push_back({&line, std::move(call), std::move(done)});
        return;
      }
      on_loop(*line.loop, [done = std::move(done), count = waiting_.size(), bytes = waiting_bytes_] {
        done(tl::unexpected<net::ClientError>({net::ClientError::Kind::Overloaded, std::to_string(count) + " calls of " + std::to_string(bytes) +
                                                                                       " bytes wait for the application already"}));
      });
      return;
    }
    ++under_way_;
  }
  send(line, std::move(call), std::move(done));
}

void AppChannel::send(Line& line, net::HttpCall call, net::HttpClient::Done done) {
  on_loop(*line.loop, [this, &line, call = std::move(call), done = std::move(done)]() mutable {
    line.client->call(std::move(call), [this, done = std::move(done)](net::CallResult result) {
      if (options_.concurrency_max != 0) send_next();
      done(std::move(result));
    });
  });
}

void AppChannel::send_next() {
  Waiting next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --under_way_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= next.call.body.size();
  }
  send(*next.line, std::move(next.call), std::move(next.done));
}

}  // namespace holdfast::dapr
