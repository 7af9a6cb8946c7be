// Gateway: the way in and out for applications. Messages to functions (sent, or sent and waited for), and streams.
// docs/http-api.md is its description; what it says here is the code of that page.
//
// Runs on the loops of its HTTP server; keeps nothing but what open requests need.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/exchange.h"
#include "api/guard.h"
#include "api/stream_reader.h"
#include "base/time.h"
#include "runtime/runtime.h"

namespace holdfast::api {

struct GatewayOptions {
  GuardOptions guard;
  Duration reply_timeout{30'000};       // Of a call that does not say.
  Duration reply_timeout_max{600'000};
  StreamReaderOptions streams;
};

class Gateway {
 public:
  // The runtime outlives the gateway, the gateway the server and every answer of the runtime.
  Gateway(runtime::Runtime& runtime, GatewayOptions options)
      : runtime_(runtime),
        options_(options),
        guard_(options.guard),
        counters_(std::make_shared<RequestCounters>("gateway")),
        streams_(runtime, std::move(options.streams)) {}

  void handle(net::HttpRequest request, net::Responder responder);
  [[nodiscard]] std::optional<net::HttpResponse> refuse(const net::HttpRequest& head);  // A net::HeadCheck.
  [[nodiscard]] const MetricsSource& metrics() const { return *counters_; }

 private:
  enum class Kind { Send, Call };
  void message(Kind kind, ExchangePtr exchange, model::Address target);

  runtime::Runtime& runtime_;
  GatewayOptions options_;
  Guard guard_;
  std::shared_ptr<RequestCounters> counters_;
  StreamReader streams_;
};

}  // namespace holdfast::api
