// What the partition asks about the world around it when it judges a function's answer: which functions there are, and where
// an egress record goes. Both are read-only tables made from configuration: no I/O.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
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

class EgressResolver {
 public:
  virtual ~EgressResolver() = default;
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
