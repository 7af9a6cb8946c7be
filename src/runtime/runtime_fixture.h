// A whole runtime on one loop, with two endpoints that are in whatever mood a test says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "testing/fake_loop.h"
#include "testing/fake_store.h"

namespace holdfast::runtime {

class Log final : public ports::EpochLog {
 public:
  Result<void> replay(model::Epoch after, const Replayed& replayed) override {
    for (const auto& [epoch, payload] : records_)
      if (epoch > after.value)
        if (auto ok = replayed({epoch}, payload); !ok) return ok;
    return {};
  }
  Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) override {
    for (const auto& part : parts) records_[epoch.value] += part;
    return {};
  }
  Result<void> trim(model::Epoch) override { return {}; }
  [[nodiscard]] std::uint64_t bytes() const override { return 0; }
  [[nodiscard]] std::size_t epochs() const { return records_.size(); }

 private:
  std::map<std::uint64_t, std::string> records_;
};

class AnyTopic final : public partition::EgressResolver {
 public:
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& policy, partition::DeadLetter&&) const override {
    return {policy.dead_letter_stream, {}};
  }
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override {
    return partition::ResolvedEgress{message.egress + "/" + message.argument.value, {}};
  }
  [[nodiscard]] partition::Retention retention(std::string_view) const override { return kept; }
  partition::Retention kept;
};

enum class Mood { Fine, Down, Silent, Failing };

class RuntimeFixture : public ::testing::Test {
 protected:
  class Target final : public ports::FunctionTarget {
   public:
    Target(RuntimeFixture& test, std::string functions) : test_(test), functions_(std::move(functions)) {}
    void invoke(const ports::Invocation& invocation, Done done) override {
      std::vector<std::string> batch;
      model::InvocationResponse replies;
      for (const auto* message : invocation.batch) {
        batch.push_back(message->argument.value);
        if (message->caller) replies.sends.push_back({*message->caller, {"t", "done", true}});
      }
      test_.loop_.after(test_.latency_(invocation.address), [this, batch = std::move(batch), replies = std::move(replies), done = std::move(done)] {
        using Kind = model::InvocationFailure::Kind;
        switch (test_.moods_[functions_]) {
          case Mood::Silent: test_.silent_.push_back(done); return;
          case Mood::Down: return done(model::InvocationFailure{Kind::Unreachable, "nobody is there", {}, true});
          case Mood::Failing: return done(model::InvocationFailure{Kind::Failed, "it broke", {}, true});
          case Mood::Fine: break;
        }
        test_.handled_[functions_] += batch.size();
        model::InvocationResponse response = replies;
        for (const auto& value : batch)
          if (value.starts_with("topic")) response.egress.push_back({"test/out", {"t", value, true}});
        done(std::move(response));
        if (test_.answered_) test_.answered_();
      });
    }

   private:
    RuntimeFixture& test_;
    const std::string functions_;
  };

  RuntimeFixture() {
    for (const char* functions : {"bad/*", "good/*"}) {
      model::EndpointSpec spec{.functions = functions};
      spec.on_failure.retry.max_attempts = 0;
      options_.endpoints.push_back(std::move(spec));
    }
  }
  void open() {
    Runtime::World world;
    world.shard_loops.assign(shards_, &loop_);
    world.commit_loop = world.view_loop = &loop_;
    world.clock = &loop_;
    world.log = &log_;
    world.store = &store_;
    world.make_target = [this](const model::EndpointSpec& spec, Loop&) { return std::make_unique<Target>(*this, spec.functions); };
    world.egress = &egress_;
    auto opened = Runtime::open(options_, world);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    runtime_ = std::move(*opened);
    runtime_->start();
    loop_.run();
  }
  // What became of it within a second.
  std::string send(const std::string& type, const std::string& id, std::string value) {
    std::string outcome = "no answer";
    runtime_->send({{type, id}, {"t", std::move(value), true}, "", ""}, [&](Result<void> done) { outcome = done ? "accepted" : done.error().message; });
    loop_.advance({1'000});
    return outcome;
  }
  // Gives messages for a function from a source of its own, as long as they are taken within a second; how many were.
  int take_in(const std::string& type, int count, std::size_t bytes) {
    auto& position = positions_[type];
    int taken = 0;
    for (bool goes_on = true; goes_on && taken < count;) {
      if (waiting_[type]) return taken;
      ports::SourceBatch batch{.source = "test/" + type, .from = position, .next = position.value_or(0) + 1, .commands = {}};
      batch.commands.emplace_back(model::Message{{type, "id" + std::to_string(next_id_++)}, std::nullopt, {"t", std::string(bytes, 'x'), true}, ""});
      position = batch.next;
      waiting_[type] = true;
      runtime_->take_in(std::move(batch), [this, type](Result<void> done) {
        EXPECT_TRUE(done.has_value());
        waiting_[type] = false;
      }, {});
      loop_.advance({1'000});
      goes_on = !waiting_[type];
      taken += goes_on ? 1 : 0;
    }
    return taken;
  }

  std::size_t shards_ = 1;
  testing::FakeLoop loop_;
  Log log_;
  testing::FakeStore store_;
  AnyTopic egress_;
  Options options_;
  std::map<std::string, Mood> moods_;
  std::function<Duration(const model::Address&)> latency_ = [](const model::Address&) { return Duration{1}; };
  std::map<std::string, std::size_t> handled_;
  std::vector<ports::FunctionTarget::Done> silent_;
  std::map<std::string, std::optional<std::uint64_t>> positions_;
  std::map<std::string, bool> waiting_;
  std::function<void()> answered_;  // Before the epoch of the answer is closed.
  int next_id_ = 0;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace holdfast::runtime
