// FunctionTarget: a place where functions run. One instance serves one endpoint of one shard, on that shard's loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/byte_budget.h"
#include "base/loop.h"
#include "model/endpoint.h"
#include "model/invocation.h"
#include "model/message.h"
#include "model/state.h"

namespace holdfast::ports {

struct StateEntry {
  const model::StateSpec* spec = nullptr;
  const model::StateValue* value = nullptr;  // Null: declared, but empty.
};

// One batch for one address. Everything is borrowed for the duration of invoke() and not a moment longer: the target
// writes its request bytes there and then.
struct Invocation {
  const model::Address& address;
  std::span<const StateEntry> states;
  std::span<const model::Message* const> batch;  // At least one.
  std::string_view traceparent;                  // Of the first message that carries one; may be empty.
};

class FunctionTarget {
 public:
  using Done = std::function<void(model::InvocationOutcome)>;

  virtual ~FunctionTarget() = default;
  // The bound over all answers of the shard while they come in, and until they are part of an epoch. A target that gets them from outside
  // lets them wait there by it. Before the first invoke(); `room` outlives the target.
  virtual void share(ByteBudget& room) { (void)room; }
  // Calls the function; `done` runs exactly once, on the shard's loop, never from within invoke(), and not at all
  // if the target is destroyed first. Answers in time: after its call timeout a target gives a Failed outcome.
  virtual void invoke(const Invocation& invocation, Done done) = 0;
  // Where the functions of a type are: equal for types that can be reached, or not, together. For people, too.
  [[nodiscard]] virtual std::string origin(std::string_view type) const {
    (void)type;
    return {};
  }
};

// Makes the target of an endpoint for the shard that runs on `loop`.
using TargetFactory = std::function<std::unique_ptr<FunctionTarget>(const model::EndpointSpec&, Loop&)>;

}  // namespace holdfast::ports
