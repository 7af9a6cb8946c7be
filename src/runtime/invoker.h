// Invoker: decides which batch is with which function when, and what to do when that does not go well.
//
//   - At most one call at a time for an address; what arrives meanwhile becomes the next batch.
//   - An endpoint has a bound on calls under way, a queue of addresses that wait for a place, and, when it cannot be reached, a pause
//     that grows, after which one call at a time tries again. Other endpoints never notice.
//   - A type that has declared no states and not answered since start is called once, and by nobody else for a moment: its first
//     answer may be that it needs states declared, and a thousand addresses need not all be told so.
//   - Calls under way hold a bounded number of bytes. An answer that the host cannot take yet waits, and counts.
//   - A batch that fails is tried again as its first half, so that one bad message ends up alone before anything final happens to it.
//
// What an answer means is the host's business. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/byte_budget.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "partition/egress.h"
#include "ports/function_target.h"
#include "runtime/entity.h"
#include "runtime/table.h"

namespace holdfast::runtime {

struct Endpoint {
  model::EndpointSpec spec;
  std::unique_ptr<ports::FunctionTarget> target;
  std::uint32_t in_flight = 0;
  std::uint32_t in_flight_max = 1;
  std::deque<Entity*> ready;
  std::uint64_t backlog = 0;         // Messages that wait for it or are with it.
  std::uint64_t parked_backlog = 0;  // Messages of parked addresses.

  bool down = false;
  bool pausing = false;    // Until the next try, which is when `pause` fires.
  Loop::TimerId pause = 0;
  bool probe_due = false;  // While down: one call may go out, and the next when that one takes long.
  std::uint32_t failures_in_a_row = 0;
  Counter calls;
  Counter failed_calls;
  Counter is_down;  // 0 or 1.
  LatencyHistogram latency;
  std::string last_error;
};

struct FunctionType {
  enum class Contact : std::uint8_t { Unknown, Probing, Known };

  std::string name;
  Endpoint* endpoint = nullptr;
  Contact contact = Contact::Unknown;
  bool declaring = false;
  bool held = false;             // What it emits cannot leave: it is not called until release_held().
  std::deque<Entity*> waiting;   // For first contact, for a declaration, or because it is held.
  std::vector<Entity*> asking;   // Those whose call asked for the declaration.

  std::uint64_t in_flight = 0;
  Counter messages;
  Counter failures;
};

class InvokerHost {
 public:
  virtual ~InvokerHost() = default;
  // Takes in the effects of the answer to the first `batch` messages. An error is the reason why the answer is refused.
  [[nodiscard]] virtual Result<void> accept(Entity& entity, std::uint32_t batch, std::string_view traceparent,
                                            model::InvocationResponse&& response) = 0;
  // The first `batch` messages failed for good.
  virtual void settle(Entity& entity, const model::FailurePolicy& policy, std::uint32_t batch, std::string reason) = 0;
  // Asks for states to be declared; Invoker::declared() is called when that is decided, not from within.
  virtual void declare(const std::string& type, std::vector<model::StateSpec>&& missing) = 0;
  // Whether more work may be taken on just now.
  [[nodiscard]] virtual bool may_invoke() const = 0;
  // Whether an answer may be handed to accept() just now; else it waits for a pump() when it may.
  [[nodiscard]] virtual bool may_accept() const = 0;
  virtual void wake() = 0;  // Have pump() called soon.
};

class Invoker final : public partition::FunctionDirectory {
 public:
  struct Limits {
    std::size_t function_types_max = 100'000;
    std::uint64_t in_flight_max = 4096;
    std::size_t call_bytes_max = 128u << 20;  // Requests of calls under way; and their answers, until the host has them.
    Duration endpoint_down_max;
  };

  Invoker(const std::vector<model::EndpointSpec>& endpoints, std::size_t shards, const ports::TargetFactory& make_target,
          Loop& loop, const Clock& clock, Random& random, Table& table, InvokerHost& host, Limits limits);
  ~Invoker() override;

  [[nodiscard]] bool knows(std::string_view type) const override;

  // Says whose the entity is; before mail is put into it, so that its endpoint's backlog counts.
  void attach(Entity& entity);
  [[nodiscard]] std::uint64_t backlog(std::string_view type) const;
  // Index in endpoints(); SIZE_MAX: none serves it.
  [[nodiscard]] std::size_t endpoint_index(std::string_view type) const;
  // The entity has mail, or has been unparked: it is called when its turn comes. Nothing happens for one that is busy, parked or empty.
  void offer(Entity& entity);
  // Calls whoever can be called.
  void pump();
  void hold(FunctionType& type);
  void release_held();
  [[nodiscard]] bool holds_any() const { return held_ > 0; }
  // The answer to InvokerHost::declare(): the type's declaration now, or why not.
  void declared(const std::string& type, Result<void> outcome);

  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t answer_bytes() const { return room_.used(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }
  // In slices; see listing.h.
  [[nodiscard]] bool walk_types(BucketWalk& walk, std::size_t& left, const std::function<void(const FunctionType&)>& visit) const;

 private:
  FunctionType* type_of(const std::string& type);
  Endpoint* endpoint_of(std::string_view type) const;
  void account(Entity& entity);
  void ready(Entity& entity);
  void release_waiting(FunctionType& type);
  void dispatch(Endpoint& endpoint, Entity& entity);
  void follow_probe(Endpoint& endpoint);
  struct Answer {
    Entity* entity = nullptr;
    std::uint32_t batch = 0;
    std::size_t states_sent = 0;
    std::size_t bytes = 0;
    model::InvocationOutcome outcome;
  };
  [[nodiscard]] bool has_room() const { return (request_bytes_ < limits_.call_bytes_max || in_flight_ == 0) && !room_.is_full(); }
  void take_waiting_answers();
  void answered(Entity& entity, std::uint32_t batch, std::size_t states_sent, model::InvocationOutcome&& outcome);
  void finish(Entity& entity, std::uint32_t batch, std::size_t states_sent, model::InvocationOutcome&& outcome);
  void rest(Entity& entity);
  void on_failed(Entity& entity, std::uint32_t batch, std::string why);
  void on_refused(Entity& entity, std::uint32_t batch, std::string why);
  void on_unreachable(Entity& entity, std::string why);
  void on_incomplete(Entity& entity, std::uint32_t batch, std::size_t states_sent, std::vector<model::StateSpec>&& missing);
  void settle(Entity& entity, std::uint32_t batch, std::string why);
  void report(const Entity& entity, const std::string& why);
  void lost_contact(FunctionType& type);
  void made_contact(FunctionType& type);
  void has_answered(Endpoint& endpoint);
  [[nodiscard]] Duration backoff(const model::RetryPolicy& policy, std::uint32_t attempt);

  Loop& loop_;
  const Clock& clock_;
  Random& random_;
  Table& table_;
  InvokerHost& host_;
  Limits limits_;
  ByteBudget room_;              // For answers, while they come in and while they wait.
  std::deque<Answer> answers_;   // That wait for the host, oldest first.
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::unordered_map<std::string, std::unique_ptr<FunctionType>> types_;
  std::uint64_t in_flight_ = 0;
  std::size_t request_bytes_ = 0;  // Of calls under way, about.
  std::size_t held_ = 0;
  std::optional<Moment> report_window_;  // Since when.
  std::uint32_t reported_ = 0;
  std::uint64_t unreported_ = 0;
  std::vector<ports::StateEntry> states_scratch_;
  std::vector<const model::Message*> batch_scratch_;
};

}  // namespace holdfast::runtime
