// Invoker: decides which batch is with which function when, and what to do when that does not go well.
//
//   - At most one call at a time for an address; what arrives meanwhile becomes the next batch.
//   - An endpoint has a bound on calls under way; who gets the next place: upstream.h.
//   - What cannot be reached (a host or socket: an upstream) is paused, for longer each time, after which one call at a time tries again.
//     Other upstreams never notice. A proxy that answers in the place of a function (502, 503, 504, 429) says that it cannot be reached,
//     unless it is meanwhile answered for others: then it is about this address, which waits alone, and whose attempts count.
//   - A type is asked what it declares by a call without states: one that declares some answers with all of them, and is called again.
//     It is asked by its first call, again when its endpoint has been away and when somebody says so (ask_again), because then its code may
//     be another, and now and then. One call at a time asks, and for a moment nobody else is called: a thousand addresses need not all be
//     told so.
//   - Calls under way hold a bounded number of bytes. An answer that the host cannot take yet waits, and counts.
//   - A batch that fails is tried again as its first half, so that one bad message ends up alone before anything final happens to it.
//
// What an answer means is the host's business. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_budget.h"
#include "base/hash.h"
#include "base/loop.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "partition/egress.h"
#include "partition/registration.h"
#include "ports/function_target.h"
#include "runtime/inspect.h"
#include "runtime/report_window.h"
#include "runtime/table.h"
#include "runtime/upstream.h"

namespace holdfast::runtime {

class InvokerHost {
 public:
  virtual ~InvokerHost() = default;
  // Takes in the effects of the answer to the first `batch` messages. An error is the reason why the answer is refused.
  // `took`: from the call to its answer.
  [[nodiscard]] virtual Result<void> accept(Entity& entity, std::uint32_t batch, std::string_view traceparent,
                                            model::InvocationResponse&& response, Duration took) = 0;
  // The first `batch` messages failed for good.
  virtual void settle(Entity& entity, const model::FailurePolicy& policy, std::uint32_t batch, std::string reason) = 0;
  // The function declares states; Invoker::declared() is called when it is decided what becomes of that, not from within.
  virtual void declare(const std::string& type, std::vector<model::StateSpec>&& states, partition::Declaration kind) = 0;
  // Whether more work may be taken on just now.
  [[nodiscard]] virtual bool may_invoke() const = 0;
  // Whether an answer may be handed to accept() just now; else it waits for a pump() when it may.
  [[nodiscard]] virtual bool may_accept() const = 0;
  virtual void wake() = 0;  // Have pump() called soon.
};

class Invoker final : public partition::FunctionDirectory, private MailLedger {
 public:
  struct Limits {
    std::size_t function_types_max = 100'000;  // That have something to do. Beyond it nothing is taken in from outside for others.
    std::uint64_t in_flight_max = 4096;
    std::size_t call_bytes_max = 128u << 20;  // Requests of calls under way; and their answers, until the host has them.
    Duration endpoint_down_max;
    std::size_t ready_addresses_max = 32'768;  // Of all types, about; the others' mail waits in rows.
    std::size_t mail_rows_per_turn = 100;    // Looked at for those others.
    Pace::Limits pace;
  };

  Invoker(const std::vector<model::EndpointSpec>& endpoints, std::size_t shards, const ports::TargetFactory& make_target,
          Loop& loop, const Clock& clock, Random& random, Table& table, InvokerHost& host, Limits limits);
  ~Invoker() override;

  [[nodiscard]] bool knows(std::string_view type) const override;

  // Says whose the entity is; before mail is put into it, so that its endpoint's backlog counts.
  void attach(Entity& entity);
  // Who serves it; null: nobody.
  [[nodiscard]] const Endpoint* endpoint_of(std::string_view type) const;
  // Messages that wait where the type is.
  [[nodiscard]] std::uint64_t backlog_of_upstream(std::string_view type) const;

  // Intake in bursts, see shard_intake.cc.
  enum class Admission : std::uint8_t { Now, AfterAnswers, NextEpoch };
  // When somebody who can wait may give more for the type.
  [[nodiscard]] Admission admission(std::string_view type) const;
  void note_taken_in(const std::string& type, std::uint64_t count);
  // Whether messages that were taken in are being handled. The last part of a burst does not count: its answers and the next burst overlap.
  [[nodiscard]] bool is_burst_under_way() const;
  void epoch_closed();
  // Whether one more type may have something to do, if this one has not.
  [[nodiscard]] bool has_room_for(std::string_view type) const;
  // The entity has mail, or has been unparked: it is called when its turn comes. Nothing happens for one that is busy, parked or empty.
  void offer(Entity& entity);
  // An address has mail and is not in memory. False: no endpoint serves it.
  bool passed(const FoundMail& found);
  // Calls whoever can be called.
  void pump();
  // What it emits goes into an outbox that is full: it is not called before that has room.
  void hold(FunctionType& type, const Levels::Outbox& full);
  void release_held();
  // What waits for an upstream that is down is given up: the oldest of it, at most `messages_max`, for the type or one address of it.
  MailDropped drop_unreachable(const std::string& type, const std::optional<std::string>& id, std::uint64_t messages_max);
  // Functions may be others than they were: each type is asked for its declaration once more, by its next call.
  void ask_again() { ++rounds_; }
  // The answer to InvokerHost::declare(): the type's declaration now, or why not.
  void declared(const std::string& type, Result<void> outcome);

  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t answer_bytes() const { return room_.used(); }
  // An endpoint's place in this list is the same on all shards.
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }
  // In slices; see listing.h.
  [[nodiscard]] bool walk_types(BucketWalk& walk, std::size_t& left, const std::function<void(const FunctionType&)>& visit) const;

 private:
  FunctionType* type_of(const std::string& type);
  Upstream& upstream_of(Endpoint& endpoint, const std::string& type);
  void let_types_go();
  void let_go(Upstream& upstream);
  void keep_pace(Upstream& upstream);
  void account(Entity& entity);
  void ready(Entity& entity);
  void line_up(FunctionType& type);
  void line_up(Upstream& upstream);
  void line_up(Endpoint& endpoint);
  void call_next(Endpoint& endpoint);
  void release_waiting(FunctionType& type);
  void brought_in(Entity& entity, bool is_counted) override;
  void let_go(Entity& entity, std::uint64_t bytes, bool is_counted) override;
  [[nodiscard]] std::size_t ready_max(const FunctionType& type) const;
  void count_left(FunctionType& type, std::int64_t change);
  [[nodiscard]] bool must_wait(const FunctionType& type, const Entity& entity) const;
  void leave(Entity& entity);
  void activate(Entity& entity);
  void refill_soon(FunctionType& type);
  void refill();
  bool refill(FunctionType& type, std::size_t& rows);
  void stuck(FunctionType& type);
  void spill_stuck();
  void dispatch(Endpoint& endpoint, Entity& entity);
  void follow_probe(Upstream& upstream);
  [[nodiscard]] std::uint64_t question(const Upstream& upstream) const { return rounds_ + upstream.outages; }
  struct Answer {
    Entity* entity = nullptr;
    std::uint32_t batch = 0;
    std::uint64_t question = 0;  // 0, or that which the call has put.
    Duration took;
    model::InvocationOutcome outcome;
    std::size_t bytes = 0;  // While it waits.
  };
  [[nodiscard]] bool has_room() const { return (request_bytes_ < limits_.call_bytes_max || in_flight_ == 0) && !room_.is_full(); }
  void take_waiting_answers();
  void answered(Answer&& answer);
  void finish(Answer&& answer);
  void rest(Entity& entity);
  void on_failed(Entity& entity, std::uint32_t batch, std::string why, Duration not_before = {});
  void on_refused(Entity& entity, std::uint32_t batch, std::string why);
  void on_unreachable(Entity& entity, std::string why, Duration not_before = {});
  void on_away(Entity& entity, std::uint32_t batch, model::InvocationFailure&& failure);
  void on_incomplete(Entity& entity, std::uint32_t batch, std::uint64_t question, std::vector<model::StateSpec>&& missing);
  bool answers_without_states(Entity& entity, std::uint64_t question, const model::InvocationResponse& response);
  void declare(FunctionType& type, std::vector<model::StateSpec>&& states, partition::Declaration kind);
  void settle(Entity& entity, std::uint32_t batch, std::string why);
  void wait_alone(Entity& entity, std::string why, Duration pause);
  void pause(Upstream& upstream, std::string why, Duration not_before);
  void report(const Entity& entity, const std::string& why);
  [[nodiscard]] bool may_report();
  void report_failing(const Entity& entity);
  void lost_contact(FunctionType& type);
  void made_contact(FunctionType& type);
  void has_answered(Upstream& upstream);
  void is_up(Upstream& upstream);
  void show_down(Endpoint& endpoint);
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
  std::unordered_map<std::string, std::unique_ptr<FunctionType>, StringHash, std::equal_to<>> types_;
  std::size_t active_types_ = 0;
  std::size_t types_next_ = 0;  // So many there have to be before it is worth looking again for those that are at rest.
  std::size_t ready_ = 0;  // Addresses, of all types.
  std::deque<FunctionType*> short_;  // Few of them are ready, and others could be; see refill().
  std::deque<Endpoint*> line_;
  std::uint64_t in_flight_ = 0;
  std::size_t request_bytes_ = 0;  // Of calls under way, about.
  std::vector<Upstream*> paced_;   // That take in, or are at work.
  std::vector<std::pair<const Levels::Outbox*, std::vector<FunctionType*>>> held_;  // By what they are held for.
  std::deque<FunctionType*> spilling_;  // Nobody will call them soon; see FunctionType::unspilled.
  std::uint64_t rounds_ = 1;  // Of questions to everybody.
  ReportWindow final_reports_;    // Of what nobody tries again, and of hosts.
  ReportWindow failing_reports_;  // Of calls that failed and are made again.
  std::vector<ports::StateEntry> states_scratch_;
  std::vector<const model::Message*> batch_scratch_;
};

}  // namespace holdfast::runtime
