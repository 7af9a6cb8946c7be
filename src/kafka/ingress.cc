#include "kafka/ingress.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "connect/parked_records.h"
#include "connect/protobuf_route.h"
#include "kafka/client.h"
#include "kafka/consumer.h"
#include "kafka/partition_reader.h"
#include "kafka/properties.h"

namespace holdfast::kafka {
namespace {

constexpr Duration kTick{1'000};
constexpr std::int64_t kAskAgainMs = 1'000;
constexpr Duration kDiscovery{30'000};
constexpr std::uint32_t kMissedMax = 3;  // A broker that has just started may not know its topics yet.
constexpr std::uint64_t kCommitEveryTicks = 3;
constexpr std::uint64_t kCountParkedEveryTicks = 5;
constexpr int kLastCommitMs = 1'000;
constexpr std::size_t kPartitionsAtFirst = 8;
constexpr std::size_t kTurnRecords = 30'000;
constexpr std::size_t kTurnRecordsFirst = 5'000;
constexpr std::uint64_t kBatchBytesMax = 1u << 20;
constexpr std::uint64_t kBatchBytesMin = 64u << 10;
constexpr std::uint64_t kBatchBytesOfAll = 4u << 20;
constexpr std::uint32_t kBatchRecordsMax = 1'000;
constexpr std::uint32_t kBatchRecordsMin = 200;
constexpr std::uint32_t kBatchRecordsOfAll = 16'000;

connect::RecordRouterOptions router_options(const model::KafkaIngressSpec& spec, const IngressWorld& world, connect::RouteByValue by_value) {
  auto options = connect::router_options(spec.id, spec.on_bad_record, world);
  options.topics = spec.topics;
  options.by_value = std::move(by_value);
  return options;
}

Result<connect::RouteByValue> route_by_value(const std::vector<model::ProtobufRoute>& routes) {
  if (routes.empty()) return connect::RouteByValue();
  std::vector<connect::ProtobufRouter> routers;
  for (const auto& route : routes) {
    auto router = connect::ProtobufRouter::create(route);
    if (!router) return fail(std::move(router.error()));
    routers.push_back(std::move(*router));
  }
  return connect::RouteByValue([routers = std::move(routers)](std::string_view value) -> Result<std::vector<model::Address>> {
    std::vector<model::Address> targets;
    for (const auto& router : routers) {
      auto target = router.target(value);
      if (!target) return fail(std::move(target.error()));
      targets.push_back(std::move(*target));
    }
    return targets;
  });
}

}  // namespace

Result<std::unique_ptr<Ingress>> Ingress::create(model::KafkaIngressSpec spec, IngressWorld world) {
  auto conf = consumer_conf(spec, ConsumerLimits{});
  if (!conf) return fail(std::move(conf.error()));
  auto by_value = route_by_value(spec.routes);
  if (!by_value) return fail(std::move(by_value.error()));
  for (const auto& warning : conf->warnings) log_warn("kafka ingress", {{"ingress", spec.id}, {"warning", warning}});
  return std::unique_ptr<Ingress>(new Ingress(std::move(spec), std::move(world), std::move(*by_value), conf->discovery));
}

Ingress::Ingress(model::KafkaIngressSpec spec, IngressWorld world, connect::RouteByValue by_value, std::optional<Duration> discovery)
    : spec_(std::move(spec)),
      world_(std::move(world)),
      discovery_(discovery.value_or(kDiscovery)),
      loop_(std::make_shared<WorkerLoop>("kafka in")),
      asker_(std::make_shared<WorkerLoop>("kafka ask")),
      router_(router_options(spec_, world_, std::move(by_value))),
      parked_(spec_.id, world_.streams, router_, loop_, [this] { hold_or_go_on(); }),
      turns_(kTurnRecords, kTurnRecordsFirst),
      files_(spec_.id, spec_.properties, [this]() -> Result<void> {
        if (auto good = validate(spec_); !good) return fail(std::move(good.error()));
        return {};
      }) {
  for (const auto& topic : spec_.topics) topics_.push_back({.name = topic.topic});
}

// The loops end before what runs on them goes, and drop what is posted later.
Ingress::~Ingress() {
  asker_->stop();
  loop_->stop();
  turns_.close();
  for (auto& reader : readers_) reader->stop();
  readers_.clear();
  consumer_.reset();
}

void Ingress::start() {
  loop_->post([this] {
    ask_whether_paused();
    tick();
  });
}

void Ingress::ask_whether_paused() {
  world_.intake.source(spec_.id, [this, loop = loop_](auto row) {
    loop->post([this, row = std::move(row)] {
      if (asked_ || stopping_) return;
      if (!row) {
        trouble_ = row.error().message;
        loop_->after(Duration{kAskAgainMs}, [this] { ask_whether_paused(); });
        return;
      }
      asked_ = true;
      paused_ = *row && (*row)->paused;
      connect(kPartitionsAtFirst);
    });
  });
}

// --- Brokers, topics, partitions

Result<std::shared_ptr<Consumer>> Ingress::make_consumer(std::size_t partitions) {
  Consumer::Events events;
  events.wake = [this] {
    loop_->post([this] {
      if (consumer_) consumer_->poll();
    });
  };
  events.failed = [this](std::string why) {
    loop_->post([this, why = std::move(why)] {
      failure_ = why;
      discover_after(0);  // Whether it matters.
    });
  };
  events.vanished = [this](PartitionName name) {
    loop_->post([this, name = std::move(name)] {
      for (auto& reader : readers_)
        if (reader->name() == name) reader->look_again();
    });
  };
  return Consumer::create(spec_, {.partitions = partitions}, std::move(events));
}

void Ingress::connect(std::size_t partitions) {
  sized_for_ = partitions;
  consumer_.reset();  // Two of them at once would count twice.
  auto made = make_consumer(partitions);
  if (!made) {
    // Properties were good when it was created: files may have gone since.
    trouble_ = made.error().message;
    log_error("an ingress cannot make its client", {{"ingress", spec_.id}, {"error", trouble_}});
    loop_->after(Duration{kAskAgainMs}, [this, partitions] {
      if (!stopping_) connect(partitions);
    });
    return;
  }
  consumer_ = std::move(*made);
  discover();
}

void Ingress::renew_client() {
  auto made = make_consumer(sized_for_);
  if (!made) {
    log_warn("an ingress keeps its client", {{"ingress", spec_.id}, {"error", made.error().message}});
    return;
  }
  for (auto& reader : readers_) reader->leave_client();
  consumer_ = std::move(*made);
  for (auto& reader : readers_) reader->begin_anew(0);
  discover_after(0);
}

void Ingress::discover_after(std::int64_t ms) {
  if (discovering_ || stopping_ || !consumer_) return;
  if (next_discovery_ != 0) loop_->cancel(next_discovery_);
  next_discovery_ = loop_->after(Duration{ms}, [this] {
    next_discovery_ = 0;
    discover();
  });
}

void Ingress::discover() {
  if (discovering_ || stopping_ || !consumer_) return;
  discovering_ = true;
  asker_->post([this, consumer = consumer_] {
    auto sizes = std::make_shared<Result<Consumer::TopicSizes>>(consumer->ask_topics());
    loop_->post([this, sizes] {
      discovering_ = false;
      if (stopping_) return;
      consumer_->poll();
      if (!*sizes) {
        const std::string why = failure_.empty() ? sizes->error().message : failure_;
        if (trouble_ != why) log_warn("no broker answers", {{"ingress", spec_.id}, {"error", why}});
        trouble_ = why;
        return discover_after(kAskAgainMs);
      }
      if (!trouble_.empty()) {
        log_info("brokers answer", {{"ingress", spec_.id}});
        for (auto& reader : readers_) reader->look_again();
      }
      trouble_.clear();
      failure_.clear();
      std::size_t partitions = 0;
      for (const auto& [topic, size] : **sizes)
        if (size && *size) partitions += static_cast<std::size_t>(**size);
      // What each may hold is part of how the client is made.
      if (readers_.empty() && partitions > sized_for_) return connect(partitions);
      found_all_ = true;
      for (auto& topic : topics_) {
        const auto found = (*sizes)->find(topic.name);
        look_at(topic, found != (*sizes)->end() ? std::move(found->second) : std::optional<std::int32_t>());
      }
      if (!found_all_) return discover_after(kAskAgainMs);
      if (discovery_.ms > 0) discover_after(discovery_.ms);
    });
  });
}

void Ingress::look_at(Topic& topic, Result<std::optional<std::int32_t>> size) {
  if (!size || !*size) {
    found_all_ = false;
    const std::string why = size ? "there is no topic " + topic.name : "topic " + topic.name + ": " + size.error().message;
    if (topic.trouble != why) log_warn("a topic cannot be read", {{"ingress", spec_.id}, {"error", why}});
    topic.trouble = why;
    if (size && ++topic.missed >= kMissedMax && !topic.seen) ask_seen(topic, 0);
    return;
  }
  if (!topic.trouble.empty()) {
    log_info("a topic is there", {{"ingress", spec_.id}, {"topic", topic.name}, {"partitions", **size}});
    for (auto& reader : readers_)
      if (reader->name().topic == topic.name) reader->look_again();
  }
  topic.trouble.clear();
  topic.missed = 0;
  if (!topic.seen) return ask_seen(topic, **size);
  if (**size > topic.partitions) {
    if (topic.partitions > 0) log_info("a topic has more partitions", {{"ingress", spec_.id}, {"topic", topic.name}, {"partitions", **size}});
    add_readers(topic, **size, topic.partitions);
  }
}

void Ingress::ask_seen(Topic& topic, std::int32_t partitions) {
  if (std::exchange(topic.asking, true)) return;
  world_.intake.source(seen_row(topic), [this, loop = loop_, &topic, partitions](auto row) {
    loop->post([this, &topic, partitions, row = std::move(row)] {
      topic.asking = false;
      if (stopping_) return;
      if (!row) return discover_after(kAskAgainMs);
      topic.seen = true;
      std::optional<std::uint64_t> seen;
      if (*row) seen = (*row)->next;
      if (partitions > 0) add_readers(topic, partitions, seen);
      else if (!seen) note_seen(topic, 0);
    });
  });
}

void Ingress::add_readers(Topic& topic, std::int32_t partitions, std::optional<std::uint64_t> seen) {
  const auto share = [this](auto of_all, auto least, auto most) {
    return std::clamp(static_cast<decltype(of_all)>(of_all / sized_for_), least, most);
  };
  const ReaderWorld shared{.spec = spec_,
                           .intake = world_.intake,
                           .loop = loop_,
                           .asker = asker_,
                           .router = router_,
                           .turns = turns_,
                           .consumer = [this] { return consumer_; },
                           .batch_records = share(kBatchRecordsOfAll, kBatchRecordsMin, kBatchRecordsMax),
                           .batch_bytes = share(kBatchBytesOfAll, kBatchBytesMin, kBatchBytesMax)};
  auto left = std::make_shared<std::int32_t>(partitions - topic.partitions);
  for (std::int32_t partition = topic.partitions; partition < partitions; ++partition) {
    const Birth birth = seen && static_cast<std::uint64_t>(partition) >= *seen ? Birth::Later : Birth::Known;
    auto reader = std::make_unique<PartitionReader>(shared, PartitionName{topic.name, partition}, birth);
    reader->hold(paused_ || parked_.is_full());
    PartitionReader* started = reader.get();
    {
      const std::lock_guard lock(readers_mutex_);
      readers_.push_back(std::move(reader));
    }
    started->start([this, &topic, partitions, left] {
      if (--*left == 0) note_seen(topic, partitions);
    });
  }
  topic.partitions = partitions;
}

// Once all partitions have their rows. Should a crash come first, they are asked for again as they were now.
void Ingress::note_seen(Topic& topic, std::int32_t partitions) {
  world_.intake.set_source(seen_row(topic), {.next = static_cast<std::uint64_t>(partitions)}, [this, loop = loop_, &topic, partitions](Result<void> set) {
    if (set) return;
    loop->post([this, &topic, partitions] {
      if (!stopping_) loop_->after(Duration{kAskAgainMs}, [this, &topic, partitions] { note_seen(topic, partitions); });
    });
  });
}

// --- By order

void Ingress::hold_or_go_on() {
  for (auto& reader : readers_) reader->hold(paused_ || parked_.is_full() || stopping_);
}

void Ingress::stop(std::function<void()> done) {
  loop_->post([this, done = std::move(done)] {
    stopping_ = true;
    turns_.close();
    hold_or_go_on();
    commit(kLastCommitMs);
    for (auto& reader : readers_) reader->stop();
    done();
  });
}

void Ingress::set_paused(bool paused, Done<void> done) {
  world_.intake.set_source(spec_.id, {.paused = paused}, [this, loop = loop_, paused, done = std::move(done)](Result<void> set) {
    if (!set) return done(fail(std::move(set.error())));
    loop->post([this, paused, done] {
      paused_ = paused;
      log_info(paused ? "an ingress is paused" : "an ingress goes on", {{"ingress", spec_.id}});
      hold_or_go_on();
      if (!std::exchange(asked_, true)) connect(kPartitionsAtFirst);
      done({});
    });
  });
}

void Ingress::pause(Done<void> done) { set_paused(true, std::move(done)); }
void Ingress::resume(Done<void> done) { set_paused(false, std::move(done)); }

void Ingress::seek(std::string source, ports::SeekTo to, Done<void> done) {
  loop_->post([this, source = std::move(source), to, done = std::move(done)] {
    if (stopping_) return done(fail(ErrorCode::Unavailable, "ingress " + spec_.id + " is stopping"));
    std::vector<PartitionReader*> readers;
    for (auto& reader : readers_)
      if (source.empty() || reader->source() == source) readers.push_back(reader.get());
    if (readers.empty())
      return done(fail(ErrorCode::NotFound, source.empty() ? "ingress " + spec_.id + " has no partitions yet"
                                                           : "ingress " + spec_.id + " has no source " + source));
    struct Progress {
      std::size_t left = 0;
      std::optional<Error> error;
    };
    auto progress = std::make_shared<Progress>(Progress{readers.size(), std::nullopt});
    for (PartitionReader* reader : readers)
      reader->seek(to, [progress, done](Result<void> result) {
        if (!result && !progress->error) progress->error = std::move(result.error());
        if (--progress->left > 0) return;
        if (progress->error) return done(fail(std::move(*progress->error)));
        done({});
      });
  });
}

void Ingress::retry_parked(Done<std::uint64_t> done) { parked_.retry(std::move(done)); }
void Ingress::skip_parked(Done<std::uint64_t> done) { parked_.skip(std::move(done)); }

// --- Looking in

void Ingress::commit(int wait_ms) {
  if (!consumer_) return;
  std::map<PartitionName, std::uint64_t> offsets;
  for (const auto& reader : readers_) {
    const auto next = reader->durable_next();
    if (!next) continue;
    const auto [known, fresh] = committed_.emplace(reader->source(), *next);
    if (!fresh && known->second == *next) continue;
    known->second = *next;
    offsets.emplace(reader->name(), *next);
  }
  consumer_->commit(offsets, wait_ms);
}

void Ingress::tick() {
  if (stopping_) return;
  if (consumer_) consumer_->poll();
  if (consumer_ && files_.are_rotated(monotonic_us())) renew_client();
  for (auto& reader : readers_) reader->tick();
  ++ticks_;
  if (ticks_ % kCommitEveryTicks == 0) commit(0);
  if (asked_ && ticks_ % kCountParkedEveryTicks == 1) parked_.look();
  paused_metric_.set(paused_ ? 1 : 0);
  trouble_metric_.set(trouble().empty() ? 0 : 1);
  loop_->after(kTick, [this] { tick(); });
}

std::string Ingress::trouble() const {
  if (!trouble_.empty()) return trouble_;
  if (parked_.is_full()) return "too many parked records: retry or skip them";
  for (const auto& topic : topics_)
    if (!topic.trouble.empty()) return topic.trouble;
  for (const auto& reader : readers_)
    if (!reader->trouble().empty()) return reader->source() + ": " + reader->trouble();
  return {};
}

void Ingress::info(Done<ports::IngressInfo> done) {
  loop_->post([this, done = std::move(done)] {
    ports::IngressInfo info{.id = spec_.id, .kind = "io.statefun.kafka.v1/ingress", .paused = paused_, .trouble = trouble()};
    info.bad = router_.counters().bad();
    for (const auto& reader : readers_) {
      info.taken += reader->metrics().taken.get();
      info.lost += reader->metrics().lost.get();
      info.sources.push_back(reader->info());
    }
    connect::count_parked(world_.streams, spec_.id, [info = std::move(info), done](Result<connect::ParkedCount> count) mutable {
      if (!count) return done(fail(std::move(count.error())));
      info.parked = count->records;
      done(std::move(info));
    });
  });
}

void Ingress::collect(MetricsSink& sink) const {
  connect::IngressMetrics metrics(sink, spec_.id);
  {
    const std::lock_guard lock(readers_mutex_);
    for (const auto& reader : readers_) metrics.add_source(reader->source(), reader->metrics());
  }
  metrics.finish(router_.counters(), {.parked = parked_.count(), .paused = paused_metric_.get() != 0, .in_trouble = trouble_metric_.get() != 0});
}

}  // namespace holdfast::kafka
