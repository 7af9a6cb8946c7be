#include "dapr/outside_clients.h"

#include <algorithm>
#include <utility>

namespace holdfast::dapr {
namespace {

constexpr std::size_t kOriginsMax = 256;  // Of one loop, with connections at once.
constexpr std::size_t kHttp2ConnectionsMax = 16;  // To one origin; each carries many calls.
constexpr Duration kCallTimeout{60'000};
constexpr std::size_t kQueueMax = 1'024;  // Calls to one server that wait for a connection.

}  // namespace

OutsideClients::OutsideClients(const std::vector<net::EventLoop*>& loops, std::size_t response_bytes_max,
                               std::shared_ptr<net::ConnectionBudget> connections, net::ClientProtocol protocol)
    : response_bytes_max_(response_bytes_max), connections_(std::move(connections)), protocol_(std::move(protocol)) {
  for (net::EventLoop* loop : loops) lines_.push_back({loop, {}});
}

OutsideClients::Line& OutsideClients::line_here() {
  const auto here = std::ranges::find_if(lines_, [](const Line& line) { return line.loop->is_current(); });
  return here == lines_.end() ? lines_.front() : *here;
}

void OutsideClients::after(Duration time, Task task) {
  net::EventLoop* loop = line_here().loop;
  on_loop(*loop, [loop, time, task = std::move(task)]() mutable { loop->after(time, std::move(task)); });
}

// On the line's loop.
Result<net::HttpClient*> OutsideClients::client_of(Line& line, const net::Url& origin) const {
  const std::string name = origin.origin();
  if (const auto it = line.clients.find(name); it != line.clients.end()) return it->second.get();
  if (line.clients.size() >= kOriginsMax) {
    const auto idle = std::ranges::find_if(line.clients, [](const auto& entry) { return entry.second->pending() == 0; });
    if (idle == line.clients.end()) return fail(ErrorCode::Overloaded, std::to_string(kOriginsMax) + " other servers are being called");
    line.clients.erase(idle);
  }
  net::ClientOptions options;
  options.call_timeout = kCallTimeout;
  options.response_bytes_max = response_bytes_max_;
  options.protocol = protocol_;
  if (protocol_) options.pool_size = kHttp2ConnectionsMax;
  options.user_agent.clear();
  options.connections = connections_;
  options.repeats_all = false;
  options.queue_max = kQueueMax;
  auto made = net::HttpClient::create(*line.loop, origin, std::move(options));
  if (!made) return fail(std::move(made.error()));
  return line.clients.emplace(name, *std::move(made)).first->second.get();
}

void OutsideClients::call(net::Url origin, net::HttpCall call, net::HttpClient::Done done) {
  Line& line = line_here();
  on_loop(*line.loop, [this, &line, origin = std::move(origin), call = std::move(call), done = std::move(done)]() mutable {
    auto client = client_of(line, origin);
    if (!client) return done(tl::unexpected<net::ClientError>({net::ClientError::Kind::Overloaded, std::move(client.error().message)}));
    (*client)->call(std::move(call), std::move(done));
  });
}

}  // namespace holdfast::dapr
