// CoreTest: the runtime on memory, with functions that are lambdas; everything runs on one loop, in an order that is always the same.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "log/memory_log.h"
#include "runtime/runtime.h"
#include "storage/memory_store.h"
#include "testing/fake_loop.h"

namespace holdfast {

// What a function is asked, kept beyond the call.
struct Asked {
  model::Address address;
  std::vector<model::Message> batch;
  std::size_t states = 0;  // Declared ones.

  [[nodiscard]] const std::string& text() const { return batch.front().argument.value; }
};
using Outcome = model::InvocationOutcome;
using Function = std::function<Outcome(const Asked&)>;

inline model::TypedValue value(std::string text) { return {std::string(model::kStringType), std::move(text), true}; }
inline Outcome failure(std::string why) { return model::InvocationFailure{model::InvocationFailure::Kind::Failed, std::move(why)}; }
// Answers whoever called.
inline Outcome reply(const Asked& asked, const std::string& text) {
  model::InvocationResponse response;
  for (const auto& message : asked.batch)
    if (message.caller) response.sends.push_back({*message.caller, value(text)});
  return response;
}

// A log that can be slow, and that knows what it was given.
class WatchedLog final : public ports::EpochLog {
 public:
  Result<void> replay(model::Epoch after, const Replayed& replayed) override { return log_.replay(after, replayed); }
  Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) override {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    largest_ = std::max(largest_, size);
    return log_.append(epoch, parts);
  }
  Result<void> trim(model::Epoch epoch) override { return log_.trim(epoch); }
  [[nodiscard]] std::uint64_t bytes() const override { return log_.bytes(); }
  [[nodiscard]] std::size_t largest() const { return largest_; }

 private:
  log::MemoryLog log_;
  std::size_t largest_ = 0;
};

class Core : private partition::EgressResolver {
 public:
  static constexpr const char* kLetters = "test/letters/all";
  static constexpr const char* kEgress = "test/out";  // Its records say which topic they are for.

  explicit Core(std::size_t shards = 1) : shards_(shards) {
    init_log(LogLevel::Off, LogFormat::Text);
    options.partitions = 8;
    model::EndpointSpec endpoint{.functions = "test/*", .url_template = "http://in.process/"};
    endpoint.max_batch = 1;
    endpoint.on_failure.retry = {.initial = {1}, .factor = 1, .max = {1}, .jitter = 0, .max_attempts = 2};
    options.endpoints = {endpoint};
  }
  ~Core() override { crash(); }

  // The only endpoint's.
  [[nodiscard]] model::FailurePolicy& policy() { return options.endpoints[0].on_failure; }

  void start() {
    // Loops of their own only for those that block, so that a test can let them.
    runtime::Runtime::World world;
    for (std::size_t i = 0; i < shards_; ++i) world.shard_loops.push_back(&loop());
    world.commit_loop = &disk();
    world.view_loop = &loop();
    world.clock = &loop();
    world.log = &log;
    world.store = &store_;
    world.make_target = [this](const model::EndpointSpec&, Loop&) { return std::make_unique<Target>(*this); };
    world.egress = this;
    world.random_seed = 1;
    auto opened = runtime::Runtime::open(options, std::move(world));
    ASSERT_TRUE(opened) << opened.error().message;
    runtime_ = std::move(*opened);
    runtime_->start();
    run();
  }
  // What is not durable is gone.
  void crash() {
    runtime_.reset();
    loop_ = std::make_unique<testing::FakeLoop>();
    disk_ = std::make_unique<testing::FakeLoop>();
    store_.crash();
  }
  // Until nothing is left to do at this moment.
  void run() {
    do loop_->run();
    while (disk_works && disk_->run_posted() > 0);
  }
  // Lets time pass, a little at a time.
  void advance(Duration by) {
    for (std::int64_t ms = 0; ms < by.ms; ++ms) {
      loop_->advance({1});
      if (disk_works) disk_->advance({1});
    }
    run();
  }
  [[nodiscard]] testing::FakeLoop& loop() { return *loop_; }
  [[nodiscard]] testing::FakeLoop& disk() { return *disk_; }
  [[nodiscard]] runtime::Runtime& runtime() { return *runtime_; }

  // The answer, once there is one.
  using Answer = std::shared_ptr<std::optional<Result<model::TypedValue>>>;
  Answer call(const std::string& id, const std::string& text, const std::string& key = "", Duration timeout = {30'000}) {
    auto answer = std::make_shared<std::optional<Result<model::TypedValue>>>();
    runtime_->call({{"test/f", id}, value(text), "", key}, timeout, [answer](Result<model::TypedValue> given) { *answer = std::move(given); });
    run();
    return answer;
  }
  void send(const std::string& id, const std::string& text) {
    const auto accepted = std::make_shared<bool>(false);  // It may be answered later.
    runtime_->send({{"test/f", id}, value(text), "", ""}, [accepted](Result<void> ok) { *accepted = ok.has_value(); });
    run();
    if (disk_works) {
      EXPECT_TRUE(*accepted) << id;
    }
  }
  // To as many addresses, in one breath.
  void send_all(int count, const std::string& text) {
    for (int i = 0; i < count; ++i)
      runtime_->send({{"test/f", "id" + std::to_string(i)}, value(text), "", ""}, [](Result<void> ok) { EXPECT_TRUE(ok); });
  }

  runtime::Options options;
  Function function = [](const Asked& asked) { return reply(asked, "ok"); };
  std::vector<std::string> heard;  // By all functions, oldest first.
  WatchedLog log;
  bool disk_works = true;          // Or writes to it do not come back.

 private:
  class Target final : public ports::FunctionTarget {
   public:
    explicit Target(Core& core) : core_(core) {}
    void invoke(const ports::Invocation& invocation, Done done) override {
      Asked asked{invocation.address, {}, invocation.states.size()};
      for (const auto* message : invocation.batch) asked.batch.push_back(*message);
      core_.heard.push_back(asked.text());
      core_.loop().post([done = std::move(done), outcome = core_.function(asked)]() mutable { done(std::move(outcome)); });
    }

   private:
    Core& core_;
  };
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override {
    if (message.egress != kEgress) return fail(ErrorCode::Invalid, "unknown egress " + message.egress);
    return partition::ResolvedEgress{message.egress + "/" + message.argument.value, {.value = message.argument}};
  }
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& policy, partition::DeadLetter&& letter) const override {
    return {policy.dead_letter_stream, {.key = letter.key, .value = letter.value, .error = letter.error}};
  }
  [[nodiscard]] partition::Retention retention(std::string_view) const override { return {}; }

  std::size_t shards_;
  std::unique_ptr<testing::FakeLoop> loop_ = std::make_unique<testing::FakeLoop>();
  std::unique_ptr<testing::FakeLoop> disk_ = std::make_unique<testing::FakeLoop>();
  storage::MemoryStore store_;
  std::unique_ptr<runtime::Runtime> runtime_;
};

// An error that came, as "code: message"; or the value; or nothing.
inline std::string shown(const Core::Answer& answer) {
  if (!*answer) return "nothing yet";
  if (**answer) return (**answer)->value;
  switch ((*answer)->error().code) {
    case ErrorCode::Failed: return "failed: " + (*answer)->error().message;
    case ErrorCode::Parked: return "parked: " + (*answer)->error().message;
    case ErrorCode::Timeout: return "timeout";
    default: return "error: " + (*answer)->error().message;
  }
}

}  // namespace holdfast
