#include "world.h"

#include <utility>

#include "base/bytes.h"
#include "log/segment_log.h"
#include "replica.h"

namespace holdfast::sim {

class World::Target final : public ports::FunctionTarget {
 public:
  Target(World& world, Loop& loop) : world_(world), loop_(loop) {}

  void invoke(const ports::Invocation& invocation, Done done) override {
    ++world_.calls;
    using Kind = model::InvocationFailure::Kind;
    auto& random = world_.random_;
    const Duration delay{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(world_.faults.slow_ms_max) + 1))};
    const auto chance = random.below(1000);
    const Faults& f = world_.faults;
    model::InvocationOutcome outcome;
    if (chance < f.unreachable) {
      outcome = model::InvocationFailure{Kind::Unreachable, "connection refused"};
    } else if (chance < f.unreachable + f.fail) {
      outcome = model::InvocationFailure{Kind::Failed, "status 500"};
    } else {
      std::vector<model::Message> batch;
      bool poisoned = false;
      for (const auto* message : invocation.batch) {
        batch.push_back(*message);
        ByteReader in(message->argument.value);
        (void)in.varint();
        poisoned |= world_.poison.contains(in.varint());
      }
      outcome = run_replica(random, invocation.states, batch);
      if (random.below(20) == 0) world_.runtime_->ask_declarations();
      if (random.below(20) == 0) world_.runtime_->drop_orphan(invocation.address.type, own_state(random), [](const Result<void>&) {});
      if (poisoned && std::holds_alternative<model::InvocationResponse>(outcome))
        std::get<model::InvocationResponse>(outcome).egress.push_back({"sim/no-such-egress", {}});
      if (chance < f.unreachable + f.fail + f.lose) outcome = model::InvocationFailure{Kind::Failed, "connection reset"};
    }
    loop_.after(delay, [done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  }

 private:
  World& world_;
  Loop& loop_;
};

World::World(std::uint64_t seed, Random& random) : outside(random), random_(random), scheduler_(random), disk_(seed) {}

World::~World() {
  scheduler_.crash();
  source_.reset();
  outbox_.reset();
  runtime_.reset();
}

Result<partition::ResolvedEgress> World::resolve(model::EgressMessage message) const {
  if (message.egress == kOutsideEgress)
    return partition::ResolvedEgress{connect::outbox_stream(message.egress), {.value = message.argument}};
  if (message.egress != kEgress) return fail(ErrorCode::Invalid, "unknown egress " + message.egress);
  return partition::ResolvedEgress{"sim/out/records", {.value = message.argument}};
}

model::AppendRecord World::dead_letter(const model::FailurePolicy& to, partition::DeadLetter&& letter) const {
  return connect::dead_letter_record(to.dead_letter_stream, to.dead_letter_topic, std::move(letter));
}

partition::Retention World::retention(std::string_view) const { return {}; }

Result<void> World::start() {
  dying_ = false;
  ++life_;
  log::SegmentLog::Options log_options;
  log_options.segment_bytes = 2048 + random_.below(3) * 6000;
  log_options.first_segment_bytes = 2048;
  log_options.seed = random_.next() | 1;
  auto opened = log::SegmentLog::open("/log", log_options, disk_);
  if (!opened) return fail(std::move(opened.error()));
  log_ = std::move(*opened);

  runtime::Options options;
  options.partitions = 8;
  model::EndpointSpec endpoint;
  endpoint.functions = "sim/*";
  endpoint.max_batch = static_cast<std::uint32_t>(1 + random_.below(8));
  endpoint.max_concurrent = static_cast<std::uint32_t>(1 + random_.below(12));
  endpoint.on_failure = policy;
  endpoint.on_failure.retry.initial = {2};
  endpoint.on_failure.retry.max = {50};
  endpoint.on_failure.retry.max_attempts = 0;
  options.endpoints = {endpoint};
  options.mailbox_bytes_in_memory = random_.below(2) == 0 ? 600 : 1u << 20;
  options.address_mailbox_bytes_in_memory = random_.below(2) == 0 ? 300 : 1u << 20;
  options.state_cache_bytes = random_.below(2) == 0 ? 1500 : 1u << 20;
  options.open_epoch_bytes_max = random_.below(2) == 0 ? 3000 : 1u << 20;
  options.timers_in_memory_max = 2 + random_.below(6);
  options.link_messages_max = 4 + random_.below(50);
  options.dirty_bytes_max = 500 + random_.below(5000);
  options.log_bytes_max = 3000 + random_.below(20'000);
  options.epoch_open_max = {static_cast<std::int64_t>(random_.below(10))};
  options.endpoint_down_max = {40};
  options.backlog_messages_max = 100'000;
  options.intake_backlog_messages = 1 + random_.below(30);
  options.intake_burst_min = 1 + random_.below(10);
  options.intake_burst_time = {static_cast<std::int64_t>(random_.below(100))};
  options.intake_burst_max = {static_cast<std::int64_t>(random_.below(200))};
  options.outboxes = {{connect::outbox_stream(std::string(kOutsideEgress)), 200 + random_.below(3'000)}};

  runtime::Runtime::World world;
  const std::size_t shards = 1 + random_.below(3);
  for (std::size_t i = 0; i < shards; ++i) world.shard_loops.push_back(&scheduler_.add_loop(0));
  world.commit_loop = &scheduler_.add_loop(static_cast<std::int64_t>(random_.below(6)));
  world.view_loop = &scheduler_.add_loop(static_cast<std::int64_t>(random_.below(20)));
  world.clock = &scheduler_;
  world.log = log_.get();
  world.store = &store_;
  world.make_target = [this](const model::EndpointSpec&, Loop& loop) { return std::make_unique<Target>(*this, loop); };
  world.egress = this;
  world.random_seed = random_.next();
  world.fatal = [this](const Error&) { dying_ = true; };
  auto runtime = runtime::Runtime::open(std::move(options), std::move(world));
  if (!runtime) return fail(std::move(runtime.error()));
  runtime_ = std::move(*runtime);
  runtime_->start();
  connect::OutboxSpec outbox{.id = std::string(kOutsideEgress), .page_records = static_cast<std::uint32_t>(1 + random_.below(8))};
  outbox_ = std::make_unique<connect::Outbox>(std::move(outbox), scheduler_.add_loop(static_cast<std::int64_t>(random_.below(8))), *runtime_,
                                              outside.make_sink());
  outbox_->start();
  source_ = std::make_unique<SourceDriver>(outside, random_, *runtime_, scheduler_.add_loop(static_cast<std::int64_t>(random_.below(4))));
  source_->start();
  return {};
}

void World::crash(Crash how) {
  scheduler_.crash();
  source_.reset();
  outbox_.reset();
  runtime_.reset();
  log_.reset();
  if (how == Crash::Power) disk_.crash();
  else disk_.kill();
  store_.crash();
  dying_ = false;
}

}  // namespace holdfast::sim
