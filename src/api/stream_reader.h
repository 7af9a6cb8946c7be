// Reading streams over HTTP: GET /v1/streams/{egress namespace}/{egress name}/{topic}, as pages of JSON with long poll, or as
// server-sent events. Reading takes nothing away; where a reader is, the reader knows.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/exchange.h"
#include "base/loop.h"
#include "base/time.h"
#include "model/edges.h"
#include "runtime/runtime.h"

namespace holdfast::api {

struct StreamReaderOptions {
  std::vector<model::StreamEgressSpec> egresses;   // A stream of another egress is found only if it has records.
  std::vector<model::PlaygroundEgressSpec> playground;
  std::vector<Loop*> loops;                        // All that may run a callback of the runtime.
  Duration wait_max{60'000};                       // Of a long poll.
  std::uint32_t limit_max = 1000;                  // Records of a page.
  Duration heartbeat{15'000};                      // Between two signs of life of an event stream without records.
  std::size_t buffer_bytes_max = 64u << 10;       // Of an event stream: no more is read until the client has taken most of it.
  Duration buffer_pause{50};                       // Between two looks at a client that is behind.
};

class StreamReader {
 public:
  // Both outlive the reader and whatever it has begun.
  StreamReader(runtime::Runtime& runtime, StreamReaderOptions options) : runtime_(runtime), options_(std::move(options)) {}

  void handle(ExchangePtr exchange, std::string egress, std::string topic);

 private:
  struct Subscription;

  void page(ExchangePtr exchange, runtime::StreamQuery query, bool known, const std::string& what);
  void events(ExchangePtr exchange, runtime::StreamQuery query);
  void read_more(const std::shared_ptr<Subscription>& subscription);
  // Reads on as soon as the client has taken enough.
  void continue_on(Loop& loop, const std::shared_ptr<Subscription>& subscription);
  [[nodiscard]] bool knows(const std::string& egress, const std::string& topic) const;

  runtime::Runtime& runtime_;
  StreamReaderOptions options_;
};

}  // namespace holdfast::api
