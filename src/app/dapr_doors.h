// DaprDoors: what applications with a sidecar need in this process: their resources loaded, components made, and the ports that they ask at.
// Which types of components there are is the one list in dapr_components.cc.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/time.h"
#include "dapr/app.h"
#include "dapr/grpc_api.h"
#include "dapr/http_api.h"
#include "dapr/sidecar_calls.h"
#include "grpc/server.h"
#include "model/dapr_app.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "ports/items.h"

namespace holdfast::app {

class DaprDoors {
 public:
  static constexpr std::size_t kOutsideBytesMax = 32u << 20;  // Of an answer of a server that is no application.

  struct World {
    ports::Items* items = nullptr;
    const Clock* clock = nullptr;
    std::vector<net::EventLoop*> loops;
    std::size_t connections_max = 0;   // From all applications together.
    std::shared_ptr<net::ConnectionBudget> calls;  // Connections to them, and to others that they call.
    std::function<void()> shut_down;   // An application has asked for it. Any thread.
  };
  struct Port {
    std::string app_id;
    std::string what;  // "http", "grpc", "internal"
    std::unique_ptr<net::HttpServer> server;
  };

  // Says on standard error what is wrong with documents; the first other error there is. Listens, and answers that nothing is ready. Before the
  // loops run.
  [[nodiscard]] static Result<std::unique_ptr<DaprDoors>> open(const std::vector<model::DaprAppSpec>& specs, World world);

  // The runtime is up: what applications ask for is answered, and those that have a port are looked for until they listen.
  void start();
  [[nodiscard]] const std::vector<Port>& ports() const { return ports_; }
  [[nodiscard]] std::vector<const MetricsSource*> metrics() const;

 private:
  struct Sidecar {
    model::DaprAppSpec spec;
    dapr::App app;
    std::unique_ptr<dapr::AppChannel> channel;  // Null: the application does not listen.
    std::unique_ptr<dapr::HttpApi> http;
    std::unique_ptr<dapr::GrpcApi> grpc;
    std::unique_ptr<grpc::Server> grpc_server;
    std::unique_ptr<dapr::InternalApi> internal;  // For other sidecars.
    std::unique_ptr<grpc::Server> internal_server;
  };

  explicit DaprDoors(World world)
      : world_(std::move(world)),
        outside_(world_.loops, kOutsideBytesMax, world_.calls),
        sidecar_clients_(world_.loops, kOutsideBytesMax, world_.calls, net::http2_calls()),
        neighbours_(dapr::Neighbours::default_folder()) {}
  [[nodiscard]] Result<void> add(const model::DaprAppSpec& spec);
  [[nodiscard]] Result<void> open_channel(Sidecar& sidecar);
  [[nodiscard]] Result<void> listen(Sidecar& sidecar, const net::HttpLimits& limits);
  void look_for(Sidecar& sidecar);
  [[nodiscard]] Result<void> listen_to_sidecars(Sidecar& sidecar, const net::HttpLimits& limits);

  World world_;
  dapr::OutsideClients outside_;
  dapr::OutsideClients sidecar_clients_;
  dapr::Neighbours neighbours_;
  std::vector<std::unique_ptr<Sidecar>> sidecars_;
  dapr::Applications applications_;
  std::vector<Port> ports_;
};

}  // namespace holdfast::app
