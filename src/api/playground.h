// The ways in and out of the Flink StateFun playground: PUT or POST /<namespace>/<type>/<id> on the port of an ingress, GET
// /<topic> on that of an egress, which takes one record away.
//
// Compatible where it went well: 200, and for an empty topic 200 with an empty body. The playground says the rest in a header
// called "status" under a status line that is always 200; we send that header too, but an error has its own status
// line, and a message is answered when it is durable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/exchange.h"
#include "api/guard.h"
#include "runtime/runtime.h"

namespace holdfast::api {

class PlaygroundIngress {
 public:
  PlaygroundIngress(runtime::Runtime& runtime, GuardOptions guard)
      : runtime_(runtime), guard_(std::move(guard)), counters_(std::make_shared<RequestCounters>("playground-ingress")) {}
  void handle(net::HttpRequest request, net::Responder responder);
  [[nodiscard]] std::optional<net::HttpResponse> refuse(const net::HttpRequest& head) {  // A net::HeadCheck.
    return refuse_head(guard_.check(head, true), head, *counters_);
  }
  [[nodiscard]] const MetricsSource& metrics() const { return *counters_; }

 private:
  runtime::Runtime& runtime_;
  Guard guard_;
  std::shared_ptr<RequestCounters> counters_;
};

class PlaygroundEgress {
 public:
  PlaygroundEgress(runtime::Runtime& runtime, GuardOptions guard, std::vector<std::string> topics)
      : runtime_(runtime), guard_(std::move(guard)), counters_(std::make_shared<RequestCounters>("playground-egress")), topics_(std::move(topics)) {}
  void handle(net::HttpRequest request, net::Responder responder);
  [[nodiscard]] std::optional<net::HttpResponse> refuse(const net::HttpRequest& head) {  // A net::HeadCheck.
    return refuse_head(guard_.check(head, true), head, *counters_);
  }
  [[nodiscard]] const MetricsSource& metrics() const { return *counters_; }

 private:
  runtime::Runtime& runtime_;
  Guard guard_;
  std::shared_ptr<RequestCounters> counters_;
  std::vector<std::string> topics_;
};

}  // namespace holdfast::api
