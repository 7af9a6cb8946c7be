// NativeTarget: functions of a module in this process. A batch is written as the bytes that a function behind HTTP would get, and the
// answer read as if it came from there, so that both mean the same:
//
//   answer                                                          outcome
//   a FromFunction or nothing                                       its effects, or the states it asks for
//   anything else; larger than payload_bytes_max                    Refused
//   a failure; an exception; none within the call timeout           Failed, with what the function said
//   no such function in the module                                  Refused
//
// Quick functions run within invoke(), on the shard's loop, from a buffer that is used again. They cannot be interrupted: one that takes longer
// than kSlowCall is counted and logged. Blocking ones run on the endpoint's pool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/statefun_v3.h"
#include "model/endpoint.h"
#include "native/calls.h"
#include "native/pool.h"
#include "ports/function_target.h"

namespace holdfast::native {

inline constexpr Duration kSlowCall{100};

// What the targets of an endpoint share.
struct EndpointParts {
  std::shared_ptr<Counters> counters = std::make_shared<Counters>();
  Pool pool;
  explicit EndpointParts(std::size_t threads) : pool(threads) {}
};

class NativeTarget final : public ports::FunctionTarget {
 public:
  // `spec.native` is there.
  NativeTarget(const model::EndpointSpec& spec, Loop& loop, const Instance::Created& instance, std::shared_ptr<EndpointParts> parts);
  ~NativeTarget() override;

  void invoke(const ports::Invocation& invocation, Done done) override;
  // From now on calls go to another instance. On the loop's thread.
  void replace(const Instance::Created& instance);

 private:
  [[nodiscard]] bool runs_on_pool(const Function& function) const;
  void note_duration(const Function& function, std::uint64_t us);

  const model::EndpointSpec spec_;
  Loop& loop_;
  const std::shared_ptr<EndpointParts> parts_;
  std::shared_ptr<Calls> calls_;
  std::vector<std::shared_ptr<Calls>> retired_;  // That may still have calls under way.
  std::vector<codec::StateView> states_;         // These two are used again by each call.
  std::string request_;
  std::uint64_t last_report_us_ = 0;
};

}  // namespace holdfast::native
