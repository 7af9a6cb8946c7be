// DaprResiliency: all Resiliency documents of an app together: policies by name, and which targets they are for. Policies of a later document
// replace those of the same name. The names of Dapr's own policies (DaprBuiltInServiceRetries, DefaultAppRetryPolicy …) are names like others
// here; whoever looks a policy up knows them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

struct DaprRetry {
  enum class Policy : std::uint8_t { Constant, Exponential };
  Policy policy = Policy::Constant;
  Duration duration{5'000};                // Constant: between two tries.
  // Exponential: begins with 500 ms, grows by half each time, give or take a half; neither is configurable in Dapr.
  Duration max_interval{60'000};
  std::optional<std::uint32_t> max_retries;  // None: for ever, which Dapr's exponential policy ends after 15 minutes.
  // Status codes that are tried again, each an inclusive range (Dapr 1.15); none: all failures.
  std::vector<std::pair<std::uint16_t, std::uint16_t>> http_codes, grpc_codes;
};

struct DaprCircuitBreaker {
  std::uint32_t max_requests = 1;  // Let through while half open.
  Duration interval{0};            // Counts of the closed state are forgotten after it; 0: never.
  Duration timeout{60'000};        // Open for so long.
  // CEL over requests, totalSuccesses, totalFailures, consecutiveSuccesses and consecutiveFailures.
  std::string trip = "consecutiveFailures > 5";
};

// Names of policies; empty: none.
struct DaprPolicyNames {
  std::string timeout, retry, circuit_breaker;
};

struct DaprResiliency {
  std::map<std::string, Duration> timeouts;
  std::map<std::string, DaprRetry> retries;
  std::map<std::string, DaprCircuitBreaker> circuit_breakers;

  struct App {
    DaprPolicyNames policies;
    std::uint32_t circuit_breakers_max = 100;  // circuitBreakerCacheSize: endpoints of the app with a breaker of their own.
  };
  struct Component {
    DaprPolicyNames inbound, outbound;
  };
  std::map<std::string, App> apps;
  std::map<std::string, Component> components;
};

}  // namespace holdfast::model
