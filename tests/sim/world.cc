#include "world.h"

#include <algorithm>
#include <utility>

#include "log/segment_log.h"
#include "replica.h"

namespace holdfast::sim {

class World::Target final : public ports::FunctionTarget {
 public:
  Target(World& world, Loop& loop, std::size_t endpoint) : world_(world), loop_(loop), endpoint_(endpoint) {}

  void invoke(const ports::Invocation& invocation, Done done) override {
    using Kind = model::InvocationFailure::Kind;
    auto& random = world_.random_;
    const Duration delay{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(world_.faults.slow_ms_max) + 1))};
    const auto chance = random.below(1000);
    const Faults& f = world_.faults;
    model::InvocationOutcome outcome;
    if (chance < f.unreachable || world_.scheduler_.monotonic() < world_.endpoint_down_until[endpoint_]) {
      outcome = model::InvocationFailure{Kind::Unreachable, "connection refused"};
    } else if (chance < f.unreachable + f.fail) {
      outcome = model::InvocationFailure{Kind::Failed, "status 500"};
    } else {
      std::vector<model::Message> batch;
      bool poisoned = false;
      for (const auto* message : invocation.batch) {
        batch.push_back(*message);
        poisoned |= world_.poison.contains(node_of_message(message->argument.value));
      }
      outcome = run_replica(random, world_.expiry, invocation, batch);
      look_at_declaration(invocation);
      if (random.below(20) == 0) world_.runtime_->ask_declarations();
      if (random.below(20) == 0) world_.runtime_->drop_orphan(invocation.address.type, own_state(random), [](const Result<void>&) {});
      if (poisoned && std::holds_alternative<model::InvocationResponse>(outcome))
        std::get<model::InvocationResponse>(outcome).egress.push_back({"sim/no-such-egress", {}});
      if (chance < f.unreachable + f.fail + f.lose) outcome = model::InvocationFailure{Kind::Failed, "connection reset"};
    }
    loop_.after(delay, [this, type = invocation.address.type, done = std::move(done), outcome = std::move(outcome)]() mutable {
      if (const auto* lacks = std::get_if<model::IncompleteContext>(&outcome))
        for (const auto& spec : lacks->missing)
          if (spec.name == Expiry::kState) world_.expiry.declared(type, spec);
      done(std::move(outcome));
    });
  }

 private:
  // Once what a function has declared in this life has come to count here, nothing that is older does.
  void look_at_declaration(const ports::Invocation& invocation) {
    for (const auto& entry : invocation.states) {
      if (entry.spec->name != Expiry::kState) continue;
      const bool is_news = world_.expiry.is_news(invocation.address.type, *entry.spec);
      if (is_news) heard_.insert(invocation.address.type);
      else if (heard_.contains(invocation.address.type)) world_.expiry.broken("an old declaration of " + invocation.address.type + " counts again");
    }
  }

  World& world_;
  Loop& loop_;
  const std::size_t endpoint_;
  std::set<std::string> heard_;
};

World::World(std::uint64_t seed, Random& random)
    : brokers{Broker(Broker::Kind::Transactions, random, scheduler_), Broker(Broker::Kind::Messages, random, scheduler_),
              Broker(Broker::Kind::Loose, random, scheduler_)},
      expiry(random, scheduler_),
      random_(random),
      scheduler_(random),
      disk_(seed),
      view_(random) {}

World::~World() { crash(Crash::Process); }

Result<partition::ResolvedEgress> World::resolve(model::EgressMessage message) const {
  if (message.egress == Expiry::kAccepted) {
    expiry.accepted(std::stoull(message.argument.value));
    return partition::ResolvedEgress{message.egress, {.value = std::move(message.argument)}};
  }
  if (std::ranges::find(kTopics, message.egress) != kTopics.end())
    return partition::ResolvedEgress{message.egress, {.value = std::move(message.argument)}};
  if (std::ranges::find(kAway, message.egress) != kAway.end())
    return partition::ResolvedEgress{connect::outbox_stream(message.egress), {.value = std::move(message.argument)}};
  return fail(ErrorCode::Invalid, "unknown egress " + message.egress);
}

model::AppendRecord World::dead_letter(const model::FailurePolicy& to, partition::DeadLetter&& letter) const {
  return connect::dead_letter_record(to.dead_letter_stream, to.dead_letter_topic, std::move(letter));
}

partition::Retention World::retention(std::string_view stream) const {
  if (stream == Expiry::kAccepted) return {{}, 1};
  const auto topic = std::ranges::find(kTopics, stream);
  return topic == kTopics.end() ? partition::Retention{} : retentions[static_cast<std::size_t>(topic - kTopics.begin())];
}

void World::changed(const model::ItemKey& item, const model::ItemRow* before, const model::ItemRow* after,
                    std::vector<model::Command>& commands) const {
  if (item.table != kWatched) return;
  const auto text = [](const model::ItemRow* row) { return row == nullptr ? std::string() : row->value; };
  model::StreamRecord record{.key = item.key, .value = {std::string(kTextType), text(before) + ">" + text(after), true}};
  commands.emplace_back(model::AppendRecord{std::string(kChanges), std::move(record)});
}

runtime::Options World::make_options() {
  const auto small_or = [this](std::size_t small) { return random_.below(2) == 0 ? small : 1u << 20; };
  runtime::Options options;
  options.partitions = partitions;
  for (std::size_t i = 0; i < kEndpoints.size(); ++i) {
    model::EndpointSpec endpoint;
    endpoint.functions = kEndpoints[i];
    endpoint.max_batch = static_cast<std::uint32_t>(1 + random_.below(8));
    endpoint.max_concurrent = static_cast<std::uint32_t>(1 + random_.below(12));
    endpoint.on_failure = policies[i];
    endpoint.on_failure.retry.initial = {2};
    endpoint.on_failure.retry.max = {50};
    endpoint.on_failure.retry.max_attempts = 0;
    options.endpoints.push_back(std::move(endpoint));
  }
  options.mailbox_bytes_in_memory = small_or(600);
  options.address_mailbox_bytes_in_memory = small_or(300);
  options.state_cache_bytes = small_or(1500);
  options.open_epoch_bytes_max = small_or(3000);
  options.stream_bytes_in_memory = small_or(800);
  options.ready_addresses_max = small_or(1 + random_.below(8));
  options.mail_rows_per_turn = 1 + random_.below(random_.below(2) == 0 ? 4 : 100);
  options.timers_in_memory_max = 2 + random_.below(6);
  options.link_messages_max = 4 + random_.below(50);
  options.dirty_bytes_max = 300 + random_.below(5000);
  // Small, each epoch is frozen, and the view checkpointed as soon as it is durable.
  options.log_bytes_max = random_.below(2) == 0 ? 50 : 1000 + random_.below(20'000);
  options.epoch_open_max = {static_cast<std::int64_t>(std::max<std::uint64_t>(1, random_.below(10)))};
  options.endpoint_down_max = {40};
  options.backlog_messages_max = 100'000;
  options.intake_backlog_messages = 1 + random_.below(60);
  options.intake_burst_messages_max = 10 + random_.below(100);
  options.intake_burst_time = {static_cast<std::int64_t>(random_.below(100))};
  options.intake_burst_max = {static_cast<std::int64_t>(random_.below(200))};
  options.prompt_answer_max = {static_cast<std::int64_t>(random_.below(100))};
  options.answers_linger_max = {static_cast<std::int64_t>(random_.below(2) == 0 ? 0 : random_.below(30))};
  options.unread_bytes_max = small_or(1'000);
  options.unread_wait_max = {1'000};
  options.item_wait_max = {static_cast<std::int64_t>(1 + random_.below(random_.below(2) == 0 ? 5 : 500))};
  options.item_waiters_max = 1 + random_.below(20);
  options.transactions_max = 1 + random_.below(20);
  options.idempotency_retention = {10'000LL * 3600 * 1000};  // Longer than any clock is set forward here.
  for (const auto egress : kAway)
    options.outboxes.push_back({connect::outbox_stream(std::string(egress)), 200 + random_.below(3'000)});
  return options;
}

Result<void> World::start() {
  dying_ = log_hangs_ = false;
  expiry.started();
  log::SegmentLog::Options log_options;
  log_options.segment_bytes = 2048 + random_.below(3) * 6000;
  log_options.first_segment_bytes = 2048;
  log_options.seed = random_.next() | 1;
  auto opened = log::SegmentLog::open("/log", log_options, disk_);
  if (!opened) return fail(std::move(opened.error()));
  log_ = std::make_unique<WatchedLog>(std::move(*opened), [this] { appended(); });

  // Kept for ever; popped; by size, now and then by age, too; by age.
  retentions = {};
  retentions[2] = {{random_.below(3) == 0 ? static_cast<std::int64_t>(500 + random_.below(3'000)) : 0}, 300 + random_.below(3'000)};
  retentions[3] = {{static_cast<std::int64_t>(20 + random_.below(2'000))}, 0};

  auto options = make_options();
  const auto shard_latency = random_.below(3) == 0 ? 0 : 1 + random_.below(random_.below(2) == 0 ? 100 : 20);
  const auto commit_latency = random_.below(2) == 0 ? 6 : 20 + random_.below(500);  // A disk that is slow stalls between cut and durable.
  const auto view_latency = random_.below(3) == 0 ? 20 : 20 + random_.below(300);
  runtime::Runtime::World world;
  const std::size_t shards = random_.below(20) == 0 ? 12 : 1 + random_.below(4);
  for (std::size_t i = 0; i < shards; ++i) world.shard_loops.push_back(&scheduler_.add_loop(latency(shard_latency)));
  log_loop_ = scheduler_.loops();
  world.commit_loop = &scheduler_.add_loop(latency(commit_latency));
  world.view_loop = &scheduler_.add_loop(latency(view_latency));
  world.clock = &scheduler_;
  world.log = log_.get();
  world.store = &view_;
  world.make_target = [this](const model::EndpointSpec& spec, Loop& loop) {
    const auto endpoint = std::ranges::find(kEndpoints, spec.functions);
    return std::make_unique<Target>(*this, loop, static_cast<std::size_t>(endpoint - kEndpoints.begin()));
  };
  world.egress = this;
  world.watchers = this;
  world.random_seed = random_.next();
  world.fatal = [this](const Error&) { dying_ = true; };
  auto runtime = runtime::Runtime::open(std::move(options), std::move(world));
  if (!runtime) return fail(std::move(runtime.error()));
  runtime_ = std::move(*runtime);
  runtime_->start();
  for (std::size_t i = 0; i < kAway.size(); ++i) {
    connect::OutboxSpec spec{.id = std::string(kAway[i]), .page_records = static_cast<std::uint32_t>(1 + random_.below(8))};
    outboxes_[i] = std::make_unique<connect::Outbox>(std::move(spec), scheduler_.add_loop(latency(8)), *runtime_, brokers[i].make_sink());
    outboxes_[i]->start();
  }
  ingress_ = std::make_unique<Ingress>(topics, on_bad_record, random_, *runtime_, *runtime_, scheduler_.add_loop(latency(4)));
  ingress_->start();
  if (followers) followers->start(*runtime_, scheduler_.add_loop(latency(4)));
  return {};
}

void World::stop(Duration grace) {
  stop_ = Stop::Edges;
  if (followers) followers->stop();
  ingress_->stop();
  auto left = std::make_shared<std::size_t>(outboxes_.size());
  for (auto& outbox : outboxes_) {
    outbox->stop(grace, [this, left, grace] {
      if (--*left > 0) return;
      stop_ = Stop::Runtime;
      logged_at_stop_ = log_->last();
      runtime_->stop(grace, [this] { stop_ = Stop::Done; });
    });
  }
}

void World::crash(Crash how) {
  stop_ = Stop::No;
  scheduler_.crash();
  ingress_.reset();
  for (auto& outbox : outboxes_) outbox.reset();
  runtime_.reset();
  if (followers) followers->crash();
  log_.reset();
  if (how == Crash::Power) disk_.crash();
  else disk_.kill();
  view_.crash();
  dying_ = false;
}

void World::appended() {
  for (Broker& broker : brokers)
    if (std::exchange(broker.has_refused, false)) note_rarity();
  if (rare_epochs_ == 0) return;
  --rare_epochs_;
  if (random_.below(1000) >= faults.hang) return;
  log_hangs_ = true;
  hang_log();
}

void World::stall_shards(Duration at_most) {
  for (std::size_t shard = 0; shard < log_loop_; ++shard)
    if (random_.below(2) == 0) scheduler_.stall(shard, latency(static_cast<std::uint64_t>(at_most.ms)));
}

void World::set_space(std::optional<std::uint64_t> log_bytes, bool view) {
  disk_.set_capacity(log_bytes ? disk_.used() + *log_bytes : UINT64_MAX);
  view_.set_full(!view);
}

void World::heal() {
  faults = {};
  endpoint_down_until = {};
  for (Broker& broker : brokers) broker.heal();
  set_space({}, true);
  disk_.stop_after(UINT64_MAX);
  scheduler_.let_go();
}

}  // namespace holdfast::sim
