#include "nats/ingress.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "connect/parked_records.h"
#include "nats/wire.h"

namespace holdfast::nats {
namespace {

constexpr Duration kTick{1'000};
constexpr Duration kAskAgain{500};
constexpr Duration kConnectAgain{2'000};
constexpr std::uint64_t kSameErrorQuietUs = 60'000'000;
constexpr std::uint64_t kCountParkedEveryTicks = 5;

connect::RecordRouterOptions router_options(const model::NatsIngressSpec& spec, const IngressWorld& world) {
  auto options = connect::router_options(spec.id, spec.on_bad_record, world);
  for (const auto& subject : spec.subjects) options.topics.push_back(subject.source);
  return options;
}

Result<void> check(const model::NatsIngressSpec& spec) {
  const auto refuse = [&](std::string why) { return fail(ErrorCode::Invalid, "ingress " + spec.id + ": " + std::move(why)); };
  if (spec.subjects.empty()) return refuse("it has no subjects");
  if (!spec.stream.empty() && !is_name(spec.stream)) return refuse("\"" + spec.stream + "\" is no name of a stream");
  if (!spec.durable.empty() && spec.stream.empty()) return refuse("durable consumers are JetStream's, and there is no stream");
  if (!spec.queue_group.empty() && !spec.stream.empty()) return refuse("queue groups are core NATS's, and there is a stream");
  if (!spec.queue_group.empty() && !is_pattern(spec.queue_group)) return refuse("\"" + spec.queue_group + "\" is no name of a queue group");
  std::set<std::string> patterns;
  std::set<std::string> durables;
  for (const auto& subject : spec.subjects) {
    const auto& pattern = subject.source.topic;
    if (!is_pattern(pattern)) return refuse("\"" + pattern + "\" is no subject");
    if (!patterns.insert(pattern).second) return refuse("subject " + pattern + " is there twice");
    if (!subject.key.header.empty() && !is_header_name(subject.key.header))
      return refuse("\"" + subject.key.header + "\" is no name of a header");
    if (spec.durable.empty()) continue;
    const auto name = durable_name(spec, pattern);
    if (!is_name(name)) return refuse("\"" + name + "\" is no name of a consumer");
    if (!durables.insert(name).second) return refuse("two subjects would have the same consumer " + name);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Ingress>> Ingress::create(model::NatsIngressSpec spec, IngressWorld world) {
  if (auto good = check(spec); !good) return fail(std::move(good.error()));
  return std::unique_ptr<Ingress>(new Ingress(std::move(spec), std::move(world)));
}

Ingress::Ingress(model::NatsIngressSpec spec, IngressWorld world)
    : spec_(std::move(spec)),
      world_(std::move(world)),
      loop_(std::make_shared<WorkerLoop>("nats in")),
      router_(router_options(spec_, world_)),
      parked_(spec_.id, world_.streams, router_, loop_, [this] {
        for (auto& reader : readers_) reader->hold(parked_.is_full());
      }),
      tls_(spec_.connection, "ingress " + spec_.id) {
  const ReaderWorld shared{spec_, world_.intake, loop_, router_, [this] { return connection_.get(); }};
  for (const auto& subject : spec_.subjects)
    readers_.push_back(spec_.stream.empty() ? make_core_reader(shared, subject) : make_jetstream_reader(shared, subject));
}

Ingress::~Ingress() {
  loop_->stop();
  for (auto& reader : readers_) reader->connection_ends();
  readers_.clear();
  connection_.reset();
}

// The loop ends before the ingress does, and drops what is posted later.
void Ingress::post(std::function<void()> task) { loop_->post(std::move(task)); }

void Ingress::start() {
  post([this] {
    ask_whether_paused();
    tick();
  });
}

void Ingress::ask_whether_paused() {
  world_.intake.source(spec_.id, [this, loop = loop_](auto row) {
    loop->post([this, row = std::move(row)] {
      if (asked_ || stopping_) return;
      if (!row) {
        connection_trouble_ = row.error().message;
        loop_->after(kAskAgain, [this] { ask_whether_paused(); });
        return;
      }
      connection_trouble_.clear();
      asked_ = true;
      paused_ = *row && (*row)->paused;
      connect();
      run_readers();
    });
  });
}

// --- Connection

void Ingress::connect() {
  if (stopping_ || connection_) return;
  const auto number = ++connects_;
  const auto on_loop = [this, number, loop = loop_](auto what) {
    return [this, number, loop, what] {
      loop->post([this, number, what] {
        if (number == connects_) what();
      });
    };
  };
  Connection::Events events;
  events.connected = on_loop([this] { connected(); });
  events.disconnected = on_loop([this] {
    if (connection_ && !connection_->connected()) lost(connection_->trouble());
  });
  events.closed = on_loop([this] {
    if (!connection_) return;
    // Credentials were refused, twice. They may be put right.
    lost(connection_->trouble());
    let_go();
    loop_->after(kConnectAgain, [this] { connect(); });
  });
  events.error = [this, number, loop = loop_](std::string what) {
    loop->post([this, number, what = std::move(what)] {
      if (number != connects_) return;
      if (what == last_error_ && monotonic_us() - last_error_us_ < kSameErrorQuietUs) return;
      log_warn("NATS reports an error", {{"ingress", spec_.id}, {"error", what}});
      last_error_ = what;
      last_error_us_ = monotonic_us();
    });
  };
  auto opened = Connection::open(spec_.connection, "holdfast ingress " + spec_.id, Connection::Sending::Batched, std::move(events), &tls_);
  tls_is_newer_ = false;
  if (!opened) {
    lost(opened.error().message);
    loop_->after(kConnectAgain, [this] { connect(); });
    return;
  }
  connection_ = std::move(*opened);
  if (connection_->connected()) connected();
  else lost(connection_->trouble());
}

void Ingress::let_go() {
  for (auto& reader : readers_) reader->connection_ends();
  ++connects_;
  connection_.reset();
}

// The library goes on with the files that it was given; where these do not get it connected again, newer ones may.
void Ingress::renew_lost_connection() {
  if (tls_.look()) tls_is_newer_ = true;
  if (!tls_is_newer_ || !connection_ || connection_->connected()) return;
  let_go();
  connect();
}

void Ingress::connected() {
  if (!connection_ || !connection_->connected()) return;
  if (!connection_trouble_.empty()) log_info("connected to NATS", {{"ingress", spec_.id}});
  connection_trouble_.clear();
  for (auto& reader : readers_) reader->connected();
}

void Ingress::lost(std::string why) {
  if (stopping_) return;
  if (why.empty()) why = "not connected";
  if (connection_trouble_ != why) log_warn("no connection to NATS", {{"ingress", spec_.id}, {"error", why}});
  connection_trouble_ = std::move(why);
}

// --- Running and standing still

void Ingress::run_readers() {
  if (!asked_ || paused_ || stopping_ || seeking_ || running_) return;
  running_ = true;
  for (auto& reader : readers_) {
    reader->hold(parked_.is_full());
    reader->start();
  }
}

void Ingress::stop_readers(std::function<void()> done) {
  running_ = false;
  auto left = std::make_shared<std::size_t>(readers_.size());
  for (auto& reader : readers_)
    reader->stop([left, done] {
      if (--*left == 0) done();
    });
}

void Ingress::stop(std::function<void()> done) {
  post([this, done = std::move(done)] {
    stopping_ = true;
    stop_readers([this, done] {
      let_go();
      done();
    });
  });
}

void Ingress::set_paused(bool paused, Done<void> done) {
  world_.intake.set_source(spec_.id, {.paused = paused}, [this, loop = loop_, paused, done = std::move(done)](Result<void> set) {
    loop->post([this, paused, done, set = std::move(set)]() mutable {
      if (!set) return done(fail(std::move(set.error())));
      asked_ = true;
      paused_ = paused;
      log_info(paused ? "an ingress is paused" : "an ingress goes on", {{"ingress", spec_.id}});
      if (paused) return stop_readers([done] { done({}); });
      if (!connection_) connect();
      run_readers();
      done({});
    });
  });
}

void Ingress::pause(Done<void> done) {
  post([this, done = std::move(done)]() mutable { set_paused(true, std::move(done)); });
}

void Ingress::resume(Done<void> done) {
  post([this, done = std::move(done)]() mutable { set_paused(false, std::move(done)); });
}

void Ingress::seek(std::string source, ports::SeekTo to, Done<void> done) {
  post([this, source = std::move(source), to, done = std::move(done)] {
    if (stopping_ || !asked_) return done(fail(ErrorCode::Unavailable, "ingress " + spec_.id + " is not running"));
    if (seeking_) return done(fail(ErrorCode::Conflict, "ingress " + spec_.id + " is seeking already"));
    if (spec_.stream.empty())
      return done(fail(ErrorCode::Invalid, "ingress " + spec_.id + " is core NATS, which keeps no messages: there is nowhere to go to"));
    std::vector<Reader*> readers;
    for (auto& reader : readers_)
      if (source.empty() || reader->source() == source) readers.push_back(reader.get());
    if (readers.empty()) return done(fail(ErrorCode::NotFound, "ingress " + spec_.id + " has no source " + source));
    seeking_ = true;
    stop_readers([this, readers, to, done] {
      seek_stopped(readers, to, [this, done](Result<void> result) {
        seeking_ = false;
        run_readers();
        done(std::move(result));
      });
    });
  });
}

void Ingress::seek_stopped(std::vector<Reader*> readers, ports::SeekTo to, Done<void> done) {
  if (readers.empty()) return done({});
  Reader* reader = readers.back();
  readers.pop_back();
  reader->seek(to, [this, readers = std::move(readers), to, done = std::move(done)](Result<void> result) mutable {
    if (!result) return done(fail(std::move(result.error())));
    seek_stopped(std::move(readers), to, std::move(done));
  });
}

// --- Parked records

void Ingress::retry_parked(Done<std::uint64_t> done) { parked_.retry(std::move(done)); }
void Ingress::skip_parked(Done<std::uint64_t> done) { parked_.skip(std::move(done)); }

// --- Looking in

std::string Ingress::trouble() const {
  if (!connection_trouble_.empty()) return connection_trouble_;
  if (parked_.is_full()) return "too many parked records: retry or skip them";
  if (paused_) return {};
  for (const auto& reader : readers_)
    if (auto why = reader->trouble(); !why.empty()) return readers_.size() == 1 ? why : reader->source() + ": " + why;
  return {};
}

void Ingress::tick() {
  if (stopping_) return;
  renew_lost_connection();
  for (auto& reader : readers_) reader->tick();
  if (asked_ && ticks_++ % kCountParkedEveryTicks == 0) parked_.look();
  paused_metric_.set(paused_ ? 1 : 0);
  trouble_metric_.set(trouble().empty() ? 0 : 1);
  loop_->after(kTick, [this] { tick(); });
}

void Ingress::info(Done<ports::IngressInfo> done) {
  post([this, done = std::move(done)] {
    ports::IngressInfo info{.id = spec_.id, .kind = "holdfast.nats.v1/ingress", .paused = paused_, .trouble = trouble()};
    info.bad = router_.counters().bad();
    for (auto& reader : readers_) {
      reader->count();
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
  std::uint64_t reopened = 0;
  for (const auto& reader : readers_) {
    metrics.add_source(reader->source(), reader->metrics());
    reopened += reader->metrics().reopened.get();
  }
  metrics.finish(router_.counters(), {.parked = parked_.count(), .paused = paused_metric_.get() != 0, .in_trouble = trouble_metric_.get() != 0});
  sink.counter("holdfast_ingress_reopened_total", "Times reading began anew after a gap or a failure.", {{"ingress", spec_.id}}, reopened);
}

}  // namespace holdfast::nats
