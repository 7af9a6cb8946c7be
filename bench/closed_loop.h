// A closed loop: N connections, each with one request under way at a time. One thread, one epoll. The rate is what the server makes of
// it; a server that stalls is asked less, so latencies say how long a caller of these N waited, not how long one of an open
// crowd would have.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "bench/histogram.h"
#include "bench/requests.h"
#include "bench/response_reader.h"
#include "net/url.h"

namespace holdfast::bench {

struct LoopPlan {
  net::Url server;
  std::size_t connections = 64;
  std::uint64_t keys = 1;
  bool in_turn = false;  // One key after the other, where they are random else.
  std::uint64_t seed = 1;
  double seconds = 5;         // No new requests after it; those under way are waited for.
  std::uint64_t count = 0;    // Not 0: so many requests instead.
  double patience_seconds = 60;  // Without any answer, that is the end.
  int expected_status = 200;
};

struct LoopOutcome {
  Histogram latency_ns;         // Of the requests that got the expected status.
  double seconds = 0;           // From the first request to the last answer.
  std::map<std::string, std::uint64_t> errors;  // By what happened.
  std::string first_error;      // The body of the first unexpected answer.
  [[nodiscard]] std::uint64_t error_count() const;
};

[[nodiscard]] Result<LoopOutcome> run_closed_loop(const LoopPlan& plan, Requests requests);

// One request on a connection of its own.
[[nodiscard]] Result<Response> ask_once(const net::Url& server, std::string_view request);

}  // namespace holdfast::bench
