#include "connect/outbox.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/time.h"
#include "connect/stream_walk.h"
#include "model/edges.h"
#include "partition/stream.h"

namespace holdfast::connect {
namespace {

constexpr Duration kReadWait{1'000};
constexpr Duration kIdlePause{10};  // After a page that came back empty: while the runtime stops, they come back at once.
constexpr Duration kRetryFirst{50};
constexpr Duration kRetryMax{5'000};
constexpr std::uint64_t kPausesDoubledMax = 7;
constexpr std::uint32_t kPausesUntold = 5;  // Somewhat more than a second.
constexpr std::size_t kBusyRecords = 256;
constexpr std::int64_t kBusyPauseFactor = 3;  // A quarter of the time is spent sending.
constexpr Duration kBusyPauseMax{200};

}  // namespace

std::string outbox_stream(const std::string& egress) { return model::stream_name(egress, "outbox"); }
std::string unsendable_stream(const std::string& egress) { return model::stream_name(egress, "unsendable"); }

Outbox::Outbox(OutboxSpec spec, Loop& loop, ports::Streams& streams, std::unique_ptr<ports::RecordSink> sink)
    : spec_(std::move(spec)), loop_(loop), streams_(streams), sink_(std::move(sink)), self_(std::make_shared<Outbox*>(this)) {}

Outbox::~Outbox() = default;

void Outbox::start() { look_at_stream(); }

void Outbox::look_at_stream() {
  query({.stream = outbox_stream(spec_.id), .limit = 0}, [this](ports::StreamPage&& stream) {
    end_at_start_ = stream.end;
    open();
  });
}

void Outbox::query(ports::StreamQuery query, std::function<void(ports::StreamPage&&)> then) {
  under_way_ = true;
  streams_.read_stream(std::move(query), [weak = std::weak_ptr(self_), &loop = loop_, then = std::move(then)](Result<ports::StreamPage> page) {
    loop.post([weak, page = std::move(page), then]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      (*self)->under_way_ = false;
      if ((*self)->ending_) return (*self)->end();
      if (!page) return (*self)->try_again(page.error());
      then(std::move(*page));
    });
  });
}

void Outbox::open() {
  if (ending_) return end();
  if (!end_at_start_) return look_at_stream();
  auto known = sink_->open();
  if (ending_) return end();
  if (!known && known.error().code == ErrorCode::Conflict) {
    first_ = std::max(first_, from_);  // Where resume() goes on.
    return stand_still(std::move(known.error().message));
  }
  if (!known) return try_again(known.error());
  query({.stream = outbox_stream(spec_.id), .limit = 0}, [this, known = *known](ports::StreamPage&& stream) { opened(known, stream); });
}

void Outbox::opened(std::optional<std::uint64_t> known, const ports::StreamPage& stream) {
  first_ = stream.first;
  if (!sink_->keeps_position()) return skip_to(stream.first);
  const std::uint64_t end = was_open_ ? stream.end : *end_at_start_;
  const std::string kept = "the outbox keeps records " + std::to_string(stream.first) + " to " + std::to_string(end);
  if (known && *known > end)
    return stand_still("records up to " + std::to_string(*known) + " have been sent, but " + kept +
                       ": this data directory is older than what was sent; going on would leave out " + std::to_string(*known - end) + " records");
  if (!known && stream.first > 0)
    return stand_still("nobody knows any more how far records have been sent, and " + kept + ": the last ones may have been sent already");
  if (known && *known < stream.first)
    log_error("the outside has lost what it had acknowledged", {{"egress", spec_.id}, {"position", *known}, {"acknowledged", stream.first}});
  was_open_ = true;
  skip_to(std::max(known.value_or(0), stream.first));
}

void Outbox::skip_to(std::uint64_t position) {
  if (position <= first_) {
    from_ = position;
    return read();
  }
  query({.stream = outbox_stream(spec_.id), .from = first_, .limit = spec_.page_records, .bytes_max = spec_.page_bytes},
        [this, position](ports::StreamPage&& page) {
          std::uint64_t bytes = 0;
          std::uint64_t next = position;
          for (const auto& entry : page.records) {
            if (entry.position >= position) break;
            bytes += partition::record_bytes(entry.record);
            next = entry.position + 1;
          }
          first_ = next;
          under_way_ = true;
          streams_.release_records(outbox_stream(spec_.id), next, bytes, {},
                                   [weak = std::weak_ptr(self_), &loop = loop_, position](Result<void> released) {
                                     loop.post([weak, position, released = std::move(released)] {
                                       const auto self = weak.lock();
                                       if (!self) return;
                                       (*self)->under_way_ = false;
                                       if ((*self)->ending_) return (*self)->end();
                                       if (!released) return (*self)->try_again(released.error());
                                       (*self)->skip_to(position);
                                     });
                                   });
        });
}

// Looked at before anything is sent: what of a page is sent behind a refused record would be sent again each time.
void Outbox::look_at_unsendable() {
  query({.stream = unsendable_stream(spec_.id), .limit = 0}, [this](ports::StreamPage&& kept) {
    unsendable_changed_ = kept.bytes >= spec_.unsendable_bytes_max;
    if (!unsendable_changed_) return read();
    pause(std::to_string(kept.bytes) + " bytes of records that cannot be sent are kept, and no more: holdfast egress retry|skip " + spec_.id, &Outbox::read);
  });
}

void Outbox::read() {
  if (unsendable_changed_) return look_at_unsendable();
  query({.stream = outbox_stream(spec_.id), .from = from_, .limit = spec_.page_records, .bytes_max = spec_.page_bytes, .wait = kReadWait},
        [this](ports::StreamPage&& page) {
          if (!page.records.empty()) return send(std::move(page));
          all_is_well();
          loop_.after(kIdlePause, [this] { ending_ ? end() : read(); });
        });
}

void Outbox::send(ports::StreamPage&& page) {
  std::vector<Place> places;
  places.reserve(page.records.size());
  for (const auto& entry : page.records) places.push_back({entry.position, partition::record_bytes(entry.record)});
  // What was set aside keeps its place, and is passed over.
  std::erase_if(page.records, [](const auto& entry) { return !entry.record.error.empty(); });
  const std::uint64_t started = monotonic_us();
  auto outcome = sink_->send(page.records, page.next);
  const Duration took{static_cast<std::int64_t>((monotonic_us() - started) / 1000)};
  metrics_.send_latency.record_us(monotonic_us() - started);
  if (!outcome) return ending_ ? end() : try_again(outcome.error());
  settle(page, places, std::move(*outcome), took);
}

void Outbox::settle(const ports::StreamPage& page, std::span<const Place> places, ports::SendOutcome&& outcome, Duration took) {
  const auto& records = page.records;
  const auto& refused = outcome.refused;
  HOLDFAST_CHECK(outcome.settled <= records.size());
  HOLDFAST_CHECK(refused.empty() || refused.back().index < records.size());
  HOLDFAST_CHECK(std::ranges::is_sorted(refused, std::ranges::less_equal{}, &ports::SendOutcome::Refused::index));
  HOLDFAST_CHECK(refused.empty() || !sink_->keeps_position() || outcome.settled <= refused.front().index);
  const bool all = outcome.settled == records.size();
  if (!all && outcome.settled == 0 && refused.empty()) return ending_ ? end() : pause(outcome.trouble, &Outbox::read);

  // No further than the sink has noted: while nothing is settled, records that were set aside before stay, too.
  ports::Settlement settlement{.next = all ? page.next : outcome.settled == 0 ? places.front().position : records[outcome.settled].position};
  for (const auto& place : places)
    if (place.position < settlement.next) settlement.bytes += place.bytes;
  std::size_t sent = outcome.settled;
  for (auto& [index, reason] : outcome.refused) {
    if (index < outcome.settled) --sent;
    settlement.aside.push_back({records[index].position, std::move(reason)});
  }
  all_is_well();
  metrics_.sent.add(sent);
  from_ = settlement.next;
  metrics_.position.set(from_);
  if (!settlement.aside.empty()) return set_aside(std::move(settlement));
  // Not waited for: what a crash keeps from being taken away, the sink knows it has sent.
  const std::uint64_t bytes = settlement.bytes;
  streams_.release_records(outbox_stream(spec_.id), from_, bytes, {}, [id = spec_.id](Result<void> released) {
    if (!released && released.error().code != ErrorCode::Unavailable)
      log_warn("cannot take away what was sent", {{"egress", id}, {"error", released.error().message}});
  });
  if (ending_) return end();
  // A page costs the outside a transaction, whatever is in it. Where so much comes that nobody is waiting for the single record, more of
  // them share one; a page that was full, or was sent in part, has the next one waiting already.
  const bool is_busy = all && records.size() >= kBusyRecords && bytes < spec_.page_bytes && records.size() < spec_.page_records;
  if (!is_busy) return read();
  loop_.after(Duration{std::min(took.ms * kBusyPauseFactor, kBusyPauseMax.ms)}, [this] { ending_ ? end() : read(); });
}

// Waited for: once it is durable, the sink may note a position beyond these records.
void Outbox::set_aside(ports::Settlement&& settlement) {
  log_warn("records cannot be sent and are set aside",
           {{"egress", spec_.id},
            {"records", settlement.aside.size()},
            {"position", settlement.aside.front().position},
            {"error", settlement.aside.front().reason},
            {"kept_in", unsendable_stream(spec_.id)}});
  const std::uint64_t count = settlement.aside.size();
  settlement.parked = unsendable_stream(spec_.id);
  unsendable_changed_ = true;
  under_way_ = true;
  streams_.settle_records(outbox_stream(spec_.id), std::move(settlement),
                          [weak = std::weak_ptr(self_), &loop = loop_, count](Result<void> done) {
                            loop.post([weak, count, done = std::move(done)] {
                              const auto self = weak.lock();
                              if (!self) return;
                              (*self)->under_way_ = false;
                              if (done) (*self)->metrics_.parked.add(count);
                              if ((*self)->ending_) return (*self)->end();
                              if (!done) return (*self)->try_again(done.error());
                              (*self)->read();
                            });
                          });
}

void Outbox::try_again(const Error& error) {
  metrics_.reopened.add();
  tell_trouble(error.message);
  pause(error.message, &Outbox::open);
}

void Outbox::tell_trouble(const std::string& trouble) {
  if (!std::exchange(told_, true)) log_warn("an egress cannot send", {{"egress", spec_.id}, {"error", trouble}});
}

void Outbox::pause(const std::string& trouble, void (Outbox::*next)()) {
  // What is full for a moment, again and again, is nothing to tell each time.
  if (failures_ >= kPausesUntold) tell_trouble(trouble);
  show(trouble, false);
  const auto doubled = std::min<std::uint64_t>(failures_++, kPausesDoubledMax);
  pausing_ = true;
  loop_.after(Duration{std::min(kRetryMax.ms, kRetryFirst.ms << doubled)}, [this, next] {
    pausing_ = false;
    ending_ ? end() : (this->*next)();
  });
}

void Outbox::all_is_well() {
  if (failures_ == 0) return;
  failures_ = 0;
  if (std::exchange(told_, false)) log_info("an egress sends again", {{"egress", spec_.id}});
  show("", false);
}

void Outbox::stand_still(std::string why) {
  standing_ = true;
  log_error("an egress stands still until somebody decides", {{"egress", spec_.id}, {"why", why}, {"then", "holdfast egress resume " + spec_.id}});
  show(std::move(why), true);
}

void Outbox::resume(Done<void> done) {
  loop_.post([this, done = std::move(done)] {
    if (!standing_) return done(fail(ErrorCode::Conflict, "egress " + spec_.id + " does not stand still"));
    auto ok = sink_->reset(first_);
    // What the outside forgot about us while this stood still shows at the first try, and is made anew for the second.
    if (!ok && ok.error().code == ErrorCode::Unavailable) ok = sink_->reset(first_);
    if (!ok) return done(fail(std::move(ok.error())));
    log_warn("an egress goes on by order", {{"egress", spec_.id}, {"from", first_}});
    standing_ = false;
    show("", false);
    done({});
    open();
  });
}

void Outbox::retry_unsendable(Done<std::uint64_t> done) { handle_unsendable(outbox_stream(spec_.id), std::move(done)); }
void Outbox::skip_unsendable(Done<std::uint64_t> done) { handle_unsendable("", std::move(done)); }

// One at a time: two of them could look at the same records before either has taken them away.
void Outbox::handle_unsendable(std::string to, Done<std::uint64_t> done) {
  if (handling_unsendable_->exchange(true))
    return done(fail(ErrorCode::Conflict, "records that egress " + spec_.id + " has set aside are being handled already"));
  take_away(
      streams_, unsendable_stream(spec_.id),
      [to = std::move(to)](model::StreamRecord&& record, std::vector<model::Command>& instead) {
        record.error.clear();
        if (!to.empty()) instead.emplace_back(model::AppendRecord{to, std::move(record)});
      },
      [](auto task) { task(); },
      [handling = handling_unsendable_, done = std::move(done)](Result<std::uint64_t> count) {
        handling->store(false);
        done(std::move(count));
      });
}

void Outbox::stop(Duration grace, std::function<void()> done) {
  ending_ = true;
  if (grace.ms <= 0) sink_->interrupt();
  loop_.post([this, done = std::move(done)]() mutable {
    if (!ended_) ended_ = std::move(done);
    if (standing_ || pausing_ || over_) end();
  });
}

void Outbox::end() {
  over_ = true;
  if (under_way_ || !ended_) return;
  std::exchange(ended_, nullptr)();
}

void Outbox::show(std::string trouble, bool stopped) {
  metrics_.trouble.set(trouble.empty() ? 0 : 1);
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
  stopped_ = stopped;
}

void Outbox::info(Done<ports::EgressInfo> done) {
  ports::EgressInfo info{.id = spec_.id, .kind = spec_.kind, .delivery = spec_.delivery};
  {
    const std::lock_guard lock(mutex_);
    info.trouble = trouble_;
    info.stopped = stopped_;
  }
  if (info.trouble.empty()) info.trouble = sink_->trouble();
  info.bytes_max = spec_.bytes_max;
  info.sent = metrics_.sent.get();
  info.parked = metrics_.parked.get();
  info.position = metrics_.position.get();
  streams_.read_stream({.stream = outbox_stream(spec_.id), .limit = 0},
                       [info = std::move(info), done = std::move(done)](Result<ports::StreamPage> page) mutable {
                         if (!page) return done(fail(std::move(page.error())));
                         info.waiting = page->end - page->first;
                         info.bytes = page->bytes;
                         done(std::move(info));
                       });
}

void Outbox::collect(MetricsSink& sink) const {
  const MetricLabels labels{{"egress", spec_.id}};
  sink.counter("holdfast_egress_sent_total", "Records sent.", labels, metrics_.sent.get());
  sink.counter("holdfast_egress_set_aside_total", "Records that the outside will never take.", labels, metrics_.parked.get());
  sink.counter("holdfast_egress_reopened_total", "Times the way out was made anew after a failure.", labels, metrics_.reopened.get());
  sink.gauge("holdfast_egress_position", "All records below it are sent.", labels, static_cast<double>(metrics_.position.get()));
  const bool in_trouble = metrics_.trouble.get() != 0 || !sink_->trouble().empty();
  sink.gauge("holdfast_egress_in_trouble", "1 while it cannot send.", labels, in_trouble ? 1 : 0);
  sink.histogram("holdfast_egress_send_seconds", "Time to send one page of records, with a transaction where there is one.", labels,
                 metrics_.send_latency);
}

}  // namespace holdfast::connect
