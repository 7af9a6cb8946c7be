// What comes in and goes out beside plain function calls: ingress and egress documents, as values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

// io.statefun.playground.v1/ingress
struct PlaygroundIngressSpec {
  std::uint16_t port = 8090;
};

// io.statefun.playground.v1/egress: GET /<topic> pops one record.
struct PlaygroundEgressSpec {
  std::uint16_t port = 8091;
  std::vector<std::string> topics;
};
inline constexpr std::string_view kPlaygroundEgress = "io.statefun.playground/egress";
inline constexpr std::string_view kPlaygroundRecordType = "io.statefun.playground/EgressRecord";

// holdfast.streams.v1/egress: records kept durably per topic, read by position.
struct StreamEgressSpec {
  std::string id;                   // The egress that functions name.
  std::vector<std::string> topics;  // Empty: any topic.
  std::string default_topic;        // For records that do not name one; empty: the part of `id` after the slash.
  Duration retention_time{7LL * 24 * 3600 * 1000};  // 0: for ever.
  std::uint64_t retention_bytes = 1ull << 30;       // Per topic; 0: no bound.
};

// The stream that holds a topic of an egress.
[[nodiscard]] inline std::string stream_name(std::string_view egress, std::string_view topic) {
  return std::string(egress) + "/" + std::string(topic);
}

}  // namespace holdfast::model
