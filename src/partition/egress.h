// What the partition asks about the world around it when it judges a function's answer: which functions there are, and where
// an egress record goes. Both are read-only tables made from configuration: no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/command.h"
#include "model/endpoint.h"
#include "model/invocation.h"
#include "model/message.h"

namespace holdfast::partition {

struct ResolvedEgress {
  std::string stream;
  model::StreamRecord record;  // key and value; the partition adds source, trace and time.
};

struct Retention {
  Duration time;            // 0: for ever.
  std::uint64_t bytes = 0;  // 0: no bound.
};

// What failed for good, on its way to where such things go: a message of a function, a record of an ingress.
struct DeadLetter {
  std::string key;
  bool has_empty_key = false;  // As model::StreamRecord's.
  model::TypedValue value;
  std::string source;  // The address, "namespace/name/id"; of a record, where it came from.
  std::string error;   // Why.
  std::uint32_t attempts = 0;           // 0: none were made.
  std::optional<model::Address> caller;
  std::string traceparent;
  Instant time;  // When it was given up. 0: when it is appended.
};

class EgressResolver {
 public:
  virtual ~EgressResolver() = default;
  // The record that carries `letter` to where the policy sends such letters, in the way that egress takes records.
  [[nodiscard]] virtual model::AppendRecord dead_letter(const model::FailurePolicy& policy, DeadLetter&& letter) const = 0;
  // Where a record goes. An error is the reason why the function's answer is refused: unknown egress, a topic that is not
  // listed, a record that is not what the egress takes.
  [[nodiscard]] virtual Result<ResolvedEgress> resolve(model::EgressMessage message) const = 0;
  // How long a stream keeps its records; for one that no egress feeds any more: for ever.
  [[nodiscard]] virtual Retention retention(std::string_view stream) const = 0;
};

class FunctionDirectory {
 public:
  virtual ~FunctionDirectory() = default;
  [[nodiscard]] virtual bool knows(std::string_view type) const = 0;
};

}  // namespace holdfast::partition
