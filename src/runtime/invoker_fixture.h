// The invoker with functions, time and a host that do as the test says.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "partition/registration.h"
#include "runtime/invoker.h"
#include "testing/fake_loop.h"
#include "testing/fake_store.h"

namespace holdfast::runtime {

using model::InvocationFailure;
using model::InvocationOutcome;

struct Call {
  model::Address address;
  std::vector<std::string> payloads;
  std::vector<std::string> states;
  std::string traceparent;
  std::size_t bytes = 0;
  Instant at;
};

inline InvocationOutcome ok() { return model::InvocationResponse{}; }
inline InvocationOutcome failure(InvocationFailure::Kind kind) { return InvocationFailure{kind, "it broke", {}, true}; }
inline InvocationOutcome failed() { return failure(InvocationFailure::Kind::Failed); }
inline InvocationOutcome refused() { return failure(InvocationFailure::Kind::Refused); }
inline InvocationOutcome unreachable() { return failure(InvocationFailure::Kind::Unreachable); }
inline InvocationOutcome away(Duration retry_after = {}, bool counts = true) {
  return InvocationFailure{InvocationFailure::Kind::Away, "no healthy upstream", retry_after, counts};
}
inline InvocationOutcome incomplete(std::vector<std::string> names) {
  model::IncompleteContext out;
  for (auto& name : names) out.missing.push_back({std::move(name), "t", model::ExpireMode::None, {}});
  return out;
}

class FakeTarget final : public ports::FunctionTarget {
 public:
  explicit FakeTarget(testing::FakeLoop& loop) : loop_(loop) {}

  std::function<InvocationOutcome(const Call&)> answer = [](const Call&) { return ok(); };
  Duration latency{1};
  bool hold = false;  // Answers are given by the test.
  std::vector<std::pair<Call, Done>> held;
  std::vector<Call> calls;
  std::size_t in_flight_max = 0;
  bool host_of_its_own = false;  // For each function type.

  [[nodiscard]] std::string origin(std::string_view type) const override {
    return host_of_its_own ? "http://" + std::string(type) : "http://all";
  }
  void invoke(const ports::Invocation& invocation, Done done) override {
    Call call{.address = invocation.address, .traceparent = std::string(invocation.traceparent), .at = loop_.now()};
    for (const auto& state : invocation.states) call.states.push_back(state.spec->name);
    for (const auto* message : invocation.batch) {
      call.payloads.push_back(message->argument.value);
      call.bytes += message->argument.value.size();
    }
    ASSERT_FALSE(call.payloads.empty());
    EXPECT_TRUE(busy_.insert(call.address).second) << call.address.id << " is called twice at once";
    in_flight_max = std::max(in_flight_max, busy_.size());
    calls.push_back(call);
    if (hold) {
      held.emplace_back(std::move(call), std::move(done));
      return;
    }
    loop_.after(latency, [this, call = std::move(call), done = std::move(done)] { give(call, done, answer(call)); });
  }
  void give(std::size_t i, InvocationOutcome outcome) {
    auto [call, done] = std::move(held.at(i));
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
    give(call, done, std::move(outcome));
  }

 private:
  void give(const Call& call, const Done& done, InvocationOutcome outcome) {
    busy_.erase(call.address);
    done(std::move(outcome));
  }
  testing::FakeLoop& loop_;
  std::set<model::Address> busy_;
};

class World final : public InvokerHost {
 public:
  explicit World(std::vector<model::EndpointSpec> specs, Invoker::Limits limits = {.call_bytes_max = 1'000'000, .endpoint_down_max = {5'000}},
                 std::size_t state_cache_bytes = 1 << 20)
      : table({4, 1 << 20, 1 << 20, state_cache_bytes, 100}, {{0}, {1}, {2}, {3}}, store_),
        invoker(specs, 1,
                [this](const model::EndpointSpec&, Loop&) {
                  auto target = std::make_unique<FakeTarget>(loop);
                  targets.push_back(target.get());
                  return target;
                },
                loop, loop, random_, table, *this, limits) {
    table.begin({1});
  }

  void send(const model::Address& to, std::string payload, std::string trace = "") {
    Entity& entity = table.entity(to);
    table.add_mail(entity, {to, std::nullopt, {"v", std::move(payload), true}, std::move(trace)});
    invoker.offer(entity);
  }
  void send_many(const std::string& type, int addresses, int each = 1) {
    for (int i = 0; i < addresses; ++i)
      for (int j = 0; j < each; ++j) send({type, std::to_string(i)}, std::to_string(j));
  }
  // Whatever is offered again, as a person would after looking.
  [[nodiscard]] std::size_t handled_count() const {
    std::size_t count = 0;
    for (const auto& [address, payloads] : handled) count += payloads.size();
    return count;
  }
  [[nodiscard]] std::size_t calls() const {
    std::size_t count = 0;
    for (const auto* target : targets) count += target->calls.size();
    return count;
  }

  Result<void> accept(Entity& entity, std::uint32_t batch, std::string_view, model::InvocationResponse&&, Duration) override {
    std::vector<std::string> payloads;
    for (std::uint32_t i = 0; i < batch; ++i) payloads.push_back(entity.mailbox.head(i).argument.value);
    if (judge)
      if (auto verdict = judge(payloads); !verdict) return verdict;
    for (auto& payload : payloads) handled[entity.address].push_back(std::move(payload));
    table.apply(partition::ChangeAddress{.address = entity.address, .mail_taken = batch});
    return {};
  }
  void settle(Entity& entity, const model::FailurePolicy& policy, std::uint32_t batch, std::string reason) override {
    table.load_mail(entity, batch, SIZE_MAX);
    for (std::uint32_t i = 0; i < batch; ++i) settled.push_back(entity.mailbox.head(i).argument.value);
    reasons.push_back(std::move(reason));
    partition::ChangeAddress change{.address = entity.address};
    if (policy.then == model::FailureAction::Park) {
      change.park = partition::ChangeAddress::Park::Set;
      change.parked = {"", {}, batch, entity.attempts};
    } else {
      change.mail_taken = batch;
    }
    table.apply(std::move(change));
  }
  void declare(const std::string& type, std::vector<model::StateSpec>&& states, partition::Declaration kind) override {
    ++declarations;
    loop.post([this, type, states = std::move(states), kind]() mutable {
      auto declared = partition::declare_states(type, table.registration(type), std::move(states), kind);
      table.set_registration(type, std::move(declared.row));
      if (declared.refusal) return invoker.declared(type, fail(*declared.refusal));
      invoker.declared(type, {});
    });
  }
  [[nodiscard]] bool may_invoke() const override { return open; }
  [[nodiscard]] bool may_accept() const override { return accepting; }
  void wake() override {
    ++wakes;
    if (scheduled_) return;
    scheduled_ = true;
    loop.post([this] {
      scheduled_ = false;
      if (sweeps) (void)table.sweep_mail(1'000, [this](const FoundMail& found) { invoker.passed(found); });
      invoker.pump();
    });
    if (std::exchange(closes_, true)) return;
    loop.after({5}, [this] {
      closes_ = false;
      if (!table.is_clean()) close_epoch();
    });
  }
  // As happens soon after each change.
  void close_epoch() {
    std::vector<std::pair<std::string, std::uint64_t>> streams;
    (void)table.close({table.open_epoch().value + 1}, streams);
    table.seal();
    wake();
  }

  testing::FakeLoop loop;
  std::vector<FakeTarget*> targets;

 private:
  testing::FakeStore store_;
  SeededRandom random_{1};
  bool scheduled_ = false;
  bool closes_ = false;

 public:
  Table table;
  bool open = true;
  bool sweeps = true;  // After a start, for mail in rows.
  bool accepting = true;
  std::function<Result<void>(const std::vector<std::string>&)> judge;
  std::map<model::Address, std::vector<std::string>> handled;
  std::vector<std::string> settled, reasons;
  std::size_t declarations = 0, wakes = 0;
  Invoker invoker;
};

inline model::EndpointSpec endpoint(std::string functions) {
  model::EndpointSpec spec;
  spec.functions = std::move(functions);
  spec.on_failure.then = model::FailureAction::Drop;
  return spec;
}

inline const model::Address kAlice{"shop/cart", "alice"};

}  // namespace holdfast::runtime
