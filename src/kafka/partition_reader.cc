#include "kafka/partition_reader.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"

namespace holdfast::kafka {
namespace {

constexpr std::uint64_t kAskAgainMs = 1'000;
constexpr std::uint64_t kLookAgainMs = 100;
constexpr std::uint64_t kFullPauseFirstMs = 5;
constexpr std::uint64_t kFullPauseMaxMs = 500;
constexpr std::uint64_t kWaitingAfterUs = 100'000;
// A position behind records that are none (markers) is noted this often, and at the end, so that it does not fall off the log's start while
// nothing comes. So is the last record.
constexpr std::uint64_t kNoteUs = 1'000'000;
// It does not look back further: there may be as many records that it is not shown, of transactions that were given up.
constexpr std::uint64_t kLookBackMax = 1'000'000;
// While the core takes nothing the broker is not asked for more; after so long the topic may be another one by then.
constexpr std::uint64_t kStandingStillUs = 30'000'000;
constexpr std::uint64_t kAskEndUs = 5'000'000;
constexpr std::uint64_t kRefillUs = 20'000;
constexpr std::size_t kRefillBelow = 1'000;
// A turn ends with an empty queue, after so many records that assigning the partition was worth it; or when nothing happens.
constexpr std::uint64_t kTurnRecords = 10'000;
constexpr std::uint64_t kIdleTurnUs = 1'000'000;

std::optional<std::string_view> bytes_of(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

std::string_view traceparent_of(rd_kafka_message_t& record) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_header_get_last(headers, "traceparent", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR || value == nullptr) return {};
  return {static_cast<const char*>(value), size};
}

}  // namespace

PartitionReader::PartitionReader(ReaderWorld world, PartitionName name, Birth birth)
    : world_(std::move(world)),
      name_(std::move(name)),
      place_(std::to_string(name_.partition)),
      source_(world_.spec.id + "/" + name_.topic + "/" + place_),
      last_read_row_(source_ + "/read"),
      birth_(birth),
      durable_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

PartitionReader::~PartitionReader() = default;

template <typename T, typename Then>
std::function<void(Result<T>)> PartitionReader::in_this_round(Then then) {
  return [this, loop = world_.loop, round = round_, then = std::move(then)](Result<T> result) {
    loop->post([this, round, then, result = std::move(result)]() mutable {
      if (round == round_ && !stopped_) then(std::move(result));
    });
  };
}

// --- Where to begin

void PartitionReader::start(std::function<void()> begun) {
  begun_ = std::move(begun);
  ask_row();
}

void PartitionReader::stop() {
  // Whatever is with the core comes before it; should that not be taken in, this does not fit, either, and changes nothing.
  if (has_passed_more())
    world_.intake.take_in({.source = source_, .from = filling_.next, .next = *passed_, .commands = {}}, [](const Result<void>&) {}, {});
  note_last_read();
  stopped_ = true;
  ++round_;
  drop();
  end_seek(fail(ErrorCode::Unavailable, source_ + " is not read any more"));
}

void PartitionReader::drop() {
  reading_ = false;
  waiting_ = false;
  with_core_.reset();
  filling_ = {};
  read_last_ = taken_last_;
  passed_.reset();
  let_go();
}

void PartitionReader::let_go() {
  queue_.reset();
  if (std::exchange(assigned_, false)) world_.consumer()->unassign(name_);
  world_.turns.leave(this);
}

void PartitionReader::leave_client() {
  ++round_;
  drop();
  end_seek(fail(ErrorCode::Unavailable, source_ + ": its client is made anew"));
}

void PartitionReader::look_again() {
  if (reading_) begin_anew(kLookAgainMs);
}

void PartitionReader::begin_anew(std::uint64_t after_ms) {
  ++round_;
  drop();
  world_.loop->after(Duration{static_cast<std::int64_t>(after_ms)}, [this, round = round_] {
    if (round == round_ && !stopped_) ask_row();
  });
}

void PartitionReader::ask_row() {
  world_.intake.source(source_, in_this_round<std::optional<model::SourceRow>>([this](Result<std::optional<model::SourceRow>> row) {
    if (!row) {
      trouble_ = row.error().message;
      return begin_anew(kAskAgainMs);
    }
    if (*row) return asked_last_ ? read_from((*row)->next) : ask_last_read((*row)->next);
    ask_broker([this](const Questions& ask) { return start_offset(world_.spec, name_, birth_, ask); },
               [this](Result<std::uint64_t> position) {
                 if (position) return settle(*position);
                 trouble_ = position.error().message;
                 begin_anew(kAskAgainMs);
               });
  }));
}

void PartitionReader::ask_last_read(std::uint64_t position) {
  world_.intake.source(last_read_row_, in_this_round<std::optional<model::SourceRow>>([this, position](Result<std::optional<model::SourceRow>> row) {
    if (!row) {
      trouble_ = row.error().message;
      return begin_anew(kAskAgainMs);
    }
    asked_last_ = true;
    if (*row) taken_last_ = noted_last_ = read_last_ = decode_last_read(**row);
    if (taken_last_ && taken_last_->offset >= position) return forget_last_read(position);  // After a seek, or of an old topic.
    read_from(position);
  }));
}

Questions PartitionReader::questions() const {
  return {.watermarks = [consumer = world_.consumer(), name = name_] { return consumer->ask_watermarks(name); },
          .offset_at = [consumer = world_.consumer(), name = name_](Instant time) { return consumer->ask_offset_at(name, time); },
          .committed = [consumer = world_.consumer(), name = name_] { return consumer->ask_committed(name); }};
}

void PartitionReader::ask_broker(Question question, std::function<void(Result<std::uint64_t>)> then) {
  world_.asker->post([question = std::move(question), ask = questions(), answer = in_this_round<std::uint64_t>(std::move(then))] {
    answer(question(ask));
  });
}

// Durable before anything behind it is taken in: a crash must not move it.
void PartitionReader::settle(std::uint64_t position) {
  world_.intake.set_source(source_, {.next = position}, in_this_round<void>([this, position](Result<void> set) {
    if (set) return read_from(position);
    trouble_ = set.error().message;
    begin_anew(kAskAgainMs);
  }));
}

void PartitionReader::read_from(std::uint64_t position, LookBack look_back) {
  // After a seek, say: it is ahead.
  if (read_last_ && read_last_->offset >= position) read_last_ = taken_last_ = std::nullopt;
  look_back_ = look_back;
  known_again_ = look_back == LookBack::No || !read_last_;
  next_ = position;
  known_ = true;
  metrics_.next.set(position);
  metrics_.has_next.set(1);
  filling_.next = position;
  durable_->store(position + 1, std::memory_order_relaxed);
  reading_ = true;
  trouble_.clear();
  if (begun_) std::exchange(begun_, nullptr)();
  ask_for_turn();
}

void PartitionReader::ask_for_turn() {
  if (held_) return;
  world_.turns.ask(this, {.go = [this] { begin_turn(); },
                          .records = [this]() -> std::size_t {
                            if (!queue_) return 0;
                            return turn_records_ == 0 ? std::max(queue_->length(), world_.turns.records_first()) : queue_->length();
                          }});
}

void PartitionReader::begin_turn() {
  turn_records_ = 0;
  progress_us_ = monotonic_us();
  // From a thread of librdkafka's. One task is enough for whatever comes until it runs.
  const auto wake = [this] {
    if (!signalled_.exchange(true)) world_.loop->post([this] { pump(); });
  };
  queue_ = world_.consumer()->queue(name_, wake);
  const std::uint64_t from = offset_to_look_back_to();
  looking_back_ = look_back_ == LookBack::Yes && read_last_ && from == read_last_->offset;
  known_again_ = known_again_ || !looking_back_;
  if (auto assigned = world_.consumer()->assign(name_, from); !assigned) {
    trouble_ = assigned.error().message;
    return begin_anew(kAskAgainMs);
  }
  assigned_ = true;
  wake();  // The queue may not be empty: what ended its last reading is still in it, and nothing wakes up for what comes behind that.
}

void PartitionReader::position_is_gone() {
  const std::uint64_t position = filling_.next;
  ++round_;
  drop();
  struct Answer {
    std::optional<NextAfterLoss> loss;
    bool is_anew = false;
  };
  auto answer = std::make_shared<Answer>();
  ask_broker(
      [this, position, answer, last = read_last_](const Questions& ask) -> Result<std::uint64_t> {
        const auto there = ask.watermarks();
        if (!there) return fail(there.error());
        if (position > there->high) {
          const auto anew = is_made_anew(Instead::Beyond, last, ask);
          if (!anew) return fail(anew.error());
          answer->is_anew = *anew;
          if (*anew) return there->low;
        }
        answer->loss = next_after_loss(position, *there, world_.spec.reset_to_earliest);
        return answer->loss ? answer->loss->next : position;
      },
      [this, position, answer](Result<std::uint64_t> next) {
        if (!next) {
          trouble_ = next.error().message;
          return begin_anew(kAskAgainMs);
        }
        if (answer->is_anew) return made_anew(*next);
        // The last record that was read may be gone, and the position not.
        if (!answer->loss) return read_from(position, LookBack::No);
        log_error("the position of a partition is gone from the broker: going on elsewhere",
                  {{"source", source_}, {"position", position}, {"now", *next}, {"lost", answer->loss->lost}});
        metrics_.lost.add(answer->loss->lost);
        settle(*next);
      });
}

// --- Looking back

std::uint64_t PartitionReader::offset_to_look_back_to() const {
  const std::uint64_t next = filling_.next;
  if (look_back_ == LookBack::No || next == 0) return next;
  // Not known what was read: from now on it is.
  if (!read_last_) return next - 1;
  return next - read_last_->offset <= kLookBackMax ? read_last_->offset : next;
}

bool PartitionReader::look_back(const rd_kafka_message_t& record) {
  const auto offset = static_cast<std::uint64_t>(record.offset);
  if (offset < read_last_->offset) return true;  // The broker's batches begin before what was asked for.
  if (last_read_of(record) != *read_last_) {
    is_not_there(offset == read_last_->offset ? Instead::Another : Instead::Nothing);
    return false;
  }
  looking_back_ = false;
  known_again_ = true;
  return true;
}

void PartitionReader::is_not_there(Instead instead) {
  const std::uint64_t position = filling_.next;
  const auto last = read_last_;
  ++round_;
  drop();
  auto is_anew = std::make_shared<bool>(false);
  ask_broker(
      [position, instead, last, is_anew](const Questions& ask) -> Result<std::uint64_t> {
        const auto anew = is_made_anew(instead, last, ask);
        if (!anew) return fail(anew.error());
        *is_anew = *anew;
        if (!*anew) return position;
        const auto there = ask.watermarks();
        if (!there) return fail(there.error());
        return there->low;
      },
      [this, instead, last, position, is_anew](Result<std::uint64_t> next) {
        if (!next) {
          trouble_ = next.error().message;
          return begin_anew(kAskAgainMs);
        }
        if (*is_anew) return made_anew(*next);
        if (instead == Instead::Another)
          log_warn("a partition has another record where the last one was read; it is taken for the same topic still, and goes on",
                   {{"source", source_}, {"offset", last->offset}, {"next", position}});
        read_last_ = taken_last_ = std::nullopt;
        read_from(position, LookBack::No);
      });
}

// Where the new one begins is durable before the last record of the old one is forgotten: whatever comes in between, it is found to be
// made anew once more, or stands at its first record.
void PartitionReader::made_anew(std::uint64_t first) {
  world_.intake.set_source(source_, {.next = first}, in_this_round<void>([this, first](Result<void> set) {
    if (!set) {
      trouble_ = set.error().message;
      return begin_anew(kAskAgainMs);
    }
    log_error("a topic was deleted and made anew: it is read from its first record", {{"source", source_}, {"position", next_}, {"now", first}});
    metrics_.made_anew.add();
    forget_last_read(first);
  }));
}

// Before anything is read: it would not be found in the new one, which would be taken for a third.
void PartitionReader::forget_last_read(std::uint64_t position) {
  read_last_ = taken_last_ = noted_last_ = std::nullopt;
  world_.intake.set_source(last_read_row_, {}, in_this_round<void>([this, position](Result<void> set) {
    if (set) return read_from(position);
    trouble_ = set.error().message;
    world_.loop->after(Duration{kAskAgainMs}, [this, position, round = round_] {
      if (round == round_ && !stopped_) forget_last_read(position);
    });
  }));
}

void PartitionReader::note_last_read() {
  if (!taken_last_ || taken_last_ == noted_last_) return;
  noted_last_ = taken_last_;
  world_.intake.set_source(last_read_row_, encode_last_read(*taken_last_), in_this_round<void>([this](const Result<void>& set) {
                             if (!set) noted_last_.reset();  // Again with the next tick.
                           }),
                           ports::Intake::Hurry::No);
}

void PartitionReader::seek(ports::SeekTo to, std::function<void(Result<void>)> done) {
  if (stopped_) return done(fail(ErrorCode::Unavailable, source_ + " is not being read"));
  if (seek_done_) return done(fail(ErrorCode::Conflict, source_ + " is sought already"));
  seek_done_ = std::move(done);
  ++round_;
  drop();
  const auto go_back = [this](Error error) {
    begin_anew(0);
    end_seek(fail(std::move(error)));
  };
  ask_broker([this, to](const Questions& ask) { return seek_offset(name_, to, ask); },
             [this, go_back](Result<std::uint64_t> position) {
               if (!position) return go_back(std::move(position.error()));
               world_.intake.set_source(source_, {.next = *position},
                                        in_this_round<void>([this, go_back, position = *position](Result<void> set) {
                                          if (!set) return go_back(std::move(set.error()));
                                          log_warn("a partition is read from elsewhere, by order", {{"source", source_}, {"next", position}});
                                          read_from(position);
                                          end_seek({});
                                        }));
             });
}

void PartitionReader::end_seek(Result<void> result) {
  if (seek_done_) std::exchange(seek_done_, nullptr)(std::move(result));
}

// --- Reading

void PartitionReader::hold(bool held) {
  if (std::exchange(held_, held) == held) return;
  if (held) let_go();
  else pump();
}

void PartitionReader::pump() {
  signalled_ = false;
  if (!reading_ || held_) return;
  const std::uint64_t round = round_;
  const std::uint64_t before = turn_records_;
  fill();
  if (round != round_) return;  // An event has ended the reading.
  if (!with_core_ && filling_.records > 0) {
    give();
    fill();
    if (round != round_) return;
  }
  if (turn_records_ != before) progress_us_ = monotonic_us();
  if (!queue_) {
    if (has_room() && !world_.turns.waits(this)) ask_for_turn();
    return;
  }
  if (world_.turns.has(this) && world_.turns.someone_waits() && turn_records_ >= kTurnRecords && queue_->length() == 0) {
    let_go();
    return ask_for_turn();
  }
  if (world_.turns.someone_waits()) world_.turns.admit();
  refill_soon();
}

bool PartitionReader::has_passed_more() const { return reading_ && filling_.records == 0 && passed_ && *passed_ > filling_.next; }

bool PartitionReader::has_room() const { return filling_.records < world_.batch_records && filling_.bytes < world_.batch_bytes; }

void PartitionReader::fill() {
  Batch& batch = filling_;
  const std::uint64_t round = round_;
  while (queue_ && has_room()) {
    Record record = queue_->next();
    if (!record) return;
    if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      event(*record);
      if (round != round_) return;
      continue;
    }
    if (looking_back_ && !look_back(*record)) return;
    const auto offset = static_cast<std::uint64_t>(record->offset);
    if (offset < batch.next) {
      if (!read_last_) read_last_ = taken_last_ = last_read_of(*record);
      continue;
    }
    batch.last = read_last_ = last_read_of(*record);
    route(*record, batch.commands);
    batch.bytes += record->len + record->key_len;
    batch.next = offset + 1;  // Offsets have gaps: what compaction took away, markers of transactions.
    ++batch.records;
    ++turn_records_;
    if (!trouble_.empty()) trouble_.clear();
  }
}

void PartitionReader::route(rd_kafka_message_t& record, std::vector<model::Command>& commands) {
  connect::IncomingRecord incoming;
  incoming.topic = name_.topic;
  incoming.key = bytes_of(record.key, record.key_len);
  incoming.value = bytes_of(record.payload, record.len);
  incoming.traceparent = traceparent_of(record);
  incoming.place = place_;
  incoming.position = static_cast<std::uint64_t>(record.offset);
  world_.router.route(incoming, commands);
}

void PartitionReader::event(const rd_kafka_message_t& event) {
  switch (event.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (looking_back_) return is_not_there(Instead::Nothing);
      passed_ = static_cast<std::uint64_t>(std::max<std::int64_t>(event.offset, 0));
      trouble_.clear();
      world_.turns.leave(this);  // It has caught up.
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return position_is_gone();
    default: {
      const std::string why = rd_kafka_message_errstr(&event);
      if (trouble_ != why) log_warn("a partition cannot be read", {{"source", source_}, {"error", why}});
      const bool is_away = event.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || event.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                           event.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
      if (is_away) begin_anew(kAskAgainMs);
      trouble_ = why;
    }
  }
}

void PartitionReader::give() {
  ports::SourceBatch batch{source_, next_, filling_.next, std::exchange(filling_.commands, {})};
  with_core_ = std::exchange(filling_, {});
  filling_.next = with_core_->next;
  given_us_ = monotonic_us();
  world_.intake.take_in(std::move(batch), in_this_round<void>([this](Result<void> result) { taken(std::move(result)); }),
                        [durable = durable_, next = filling_.next] { durable->store(next + 1, std::memory_order_relaxed); });
}

void PartitionReader::taken(Result<void> result) {
  if (result) {
    metrics_.taken.add(with_core_->records);
    next_ = with_core_->next;
    if (with_core_->last) taken_last_ = with_core_->last;
    metrics_.next.set(next_);
    with_core_.reset();
    waiting_ = false;
    pause_ms_ = 0;
    return pump();
  }
  if (result.error().code == ErrorCode::Conflict) {
    log_warn("a partition goes on from the core's position", {{"source", source_}, {"why", result.error().message}});
    return begin_anew(0);
  }
  if (result.error().code != ErrorCode::Overloaded && result.error().code != ErrorCode::Unavailable) trouble_ = result.error().message;
  metrics_.waits.add();
  pause_ms_ = std::clamp(pause_ms_ * 2, kFullPauseFirstMs, kFullPauseMaxMs);
  begin_anew(pause_ms_);
  waiting_ = true;
}

// librdkafka stops to fetch a partition whose queue is full, and looks whether it still is when something else happens on the connection, at
// the latest after a second. A question to the same broker is such a thing.
void PartitionReader::refill_soon() {
  const auto end = world_.consumer()->seen_end(name_);
  if (!end || !queue_ || queue_->length() >= kRefillBelow || filling_.next + queue_->length() >= *end) return;
  if (monotonic_us() - asked_end_us_ >= kRefillUs) look_at_end();
}

// --- Looking in

void PartitionReader::look_at_end() {
  if (asking_end_) return;
  asking_end_ = true;
  asked_end_us_ = monotonic_us();
  world_.asker->post([this, loop = world_.loop, ask = questions().watermarks] {
    auto there = ask();
    loop->post([this, there = std::move(there)] {
      asking_end_ = false;
      if (there) end_ = there->high;
    });
  });
}

void PartitionReader::tick() {
  if (stopped_) return;
  // It has a turn, and nothing to do with it: the core has no room, or the partition cannot be read.
  if (world_.turns.has(this) && world_.turns.someone_waits() && monotonic_us() - progress_us_ > kIdleTurnUs) let_go();
  if (assigned_ && !has_room() && monotonic_us() - progress_us_ > kStandingStillUs) let_go();
  pump();
  waiting_ = waiting_ || (with_core_ && monotonic_us() - given_us_ > kWaitingAfterUs);
  if (reading_ && !with_core_) waiting_ = false;
  metrics_.waiting.set(waiting_ ? 1 : 0);
  if (assigned_)
    if (const auto end = world_.consumer()->seen_end(name_)) end_ = std::max(end_.value_or(0), *end);
  const bool fetching = assigned_ && !held_ && !waiting_;
  if ((!fetching || !end_) && monotonic_us() - asked_end_us_ > kAskEndUs) look_at_end();
  const auto lag = info().lag;
  metrics_.lag.set(lag.value_or(0));
  metrics_.has_lag.set(lag ? 1 : 0);

  if (monotonic_us() - noted_us_ < kNoteUs) return;
  noted_us_ = monotonic_us();
  note_last_read();
  if (with_core_ || !has_passed_more()) return;
  filling_.next = *passed_;
  give();
}

ports::SourceInfo PartitionReader::info() const {
  ports::SourceInfo info;
  info.source = source_;
  if (known_) info.next = next_;
  info.end = end_;
  if (known_ && end_) {
    std::uint64_t at = next_;
    if (passed_ && !with_core_ && filling_.records == 0) at = std::max(at, *passed_);
    info.end = std::max(*end_, at);
    info.lag = *info.end - at;
  }
  info.waiting = waiting_ || (with_core_ && monotonic_us() - given_us_ > kWaitingAfterUs);
  return info;
}

std::optional<std::uint64_t> PartitionReader::durable_next() const {
  const std::uint64_t stored = durable_->load(std::memory_order_relaxed);
  // What is committed says that the topic is the one we knew.
  if (stored == 0 || !known_again_) return std::nullopt;
  return stored - 1;
}

}  // namespace holdfast::kafka
