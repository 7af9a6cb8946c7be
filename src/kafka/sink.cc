#include "kafka/sink.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "codec/egress_records.h"
#include "codec/utf8.h"
#include "kafka/positions.h"
#include "kafka/producer.h"

namespace holdfast::kafka {
namespace {

using Delivery = model::KafkaEgressSpec::Delivery;
using Refused = ports::SendOutcome::Refused;

constexpr std::string_view kTraceHeader = "traceparent";
// What topics with a low max.message.bytes still take, as Java's client sends it.
constexpr std::uint64_t kBatchBytes = 1'000'000;
constexpr std::uint64_t kSmallBatchBytes = 16'384;
constexpr std::int64_t kTransactionTimeoutCapMs = 60'000;
constexpr int kLastFlushMs = 3'000;

Result<OutgoingRecord> outgoing_record(const model::StreamRecord& record) {
  if (!record.value.type_name.empty() && !codec::is_kafka_record(record.value.type_name))
    return fail(ErrorCode::Invalid, "expected a KafkaProducerRecord, got " + codec::excerpt(record.value.type_name));
  auto parsed = codec::parse_kafka_record(record.value.value);
  if (!parsed) return fail(ErrorCode::Invalid, std::move(parsed.error().message));
  OutgoingRecord out;
  out.topic = std::move(parsed->topic);
  out.key = std::move(parsed->key);
  out.value = std::move(parsed->value);
  bool traced = record.traceparent.empty();
  for (auto& header : parsed->headers) {
    traced = traced || header.key == kTraceHeader;
    out.headers.push_back({std::move(header.key), std::move(header.value)});
  }
  if (!traced) out.headers.push_back({std::string(kTraceHeader), record.traceparent});
  return out;
}

}  // namespace

class KafkaSink::Impl {
 public:
  Impl(model::KafkaEgressSpec spec, std::string directory_id)
      : spec_(std::move(spec)),
        position_key_(directory_id + "/" + spec_.id),
        transactional_id_("holdfast-" + directory_id + "-" + spec_.id),
        writer_(std::to_string(entropy())) {}

  ~Impl() {
    // What was handed over may still be on its way; who wants to be sure of it has another delivery.
    if (spec_.delivery == Delivery::None && producers_[0]) rd_kafka_flush(producers_[0]->client(), kLastFlushMs);
  }

  Result<std::optional<std::uint64_t>> open() {
    auto opened = try_open();
    set_trouble("");
    if (!opened) close();
    if (opened) position_ = *opened;
    return opened;
  }

  Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) {
    if (reopen_) {
      const auto before = position_;
      auto opened = open();
      if (!opened) return fail(std::move(opened.error()));
      if (*opened != before) return fail(ErrorCode::Unavailable, "egress " + spec_.id + ": somebody else has sent meanwhile");
    }
    if (!producers_[0]) return fail(ErrorCode::Unavailable, "egress " + spec_.id + " is not open");
    std::vector<OutgoingRecord> page;
    page.reserve(records.size());
    std::vector<Refused> malformed;
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto record = outgoing_record(records[i].record);
      if (record) page.push_back(std::move(*record));
      else malformed.push_back({i, std::move(record.error().message)});
    }
    if (!malformed.empty()) return ports::SendOutcome{.refused = std::move(malformed)};
    auto sent = keeps_position() ? send_committed(page, next) : send_plain(page);
    set_trouble("");
    if (!sent) close();
    return sent;
  }

  Result<void> reset(std::uint64_t position) {
    if (!keeps_position()) return {};
    found_.reset();  // Whoever has sent in our name: now it is our turn.
    if (!producers_[0]) {
      if (auto opened = open(); !opened) return fail(std::move(opened.error()));
    }
    auto sent = send_committed({}, position);
    if (sent) return {};
    close();
    return fail(std::move(sent.error()));
  }

  void interrupt() { interrupted_ = true; }
  [[nodiscard]] std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  [[nodiscard]] bool keeps_position() const { return spec_.delivery == Delivery::ExactlyOnce; }

 private:
  void set_trouble(std::string_view why) {
    const std::lock_guard lock(mutex_);
    trouble_ = why;
  }

  void close() {
    for (auto& producer : producers_) producer.reset();
    reopen_ = false;
  }

  Result<std::unique_ptr<Producer>> make(const std::string& transactional_id) {
    return Producer::create(spec_, {.edge = spec_.id,
                                    .transactional_id = transactional_id,
                                    .batch_bytes = batch_bytes_,
                                    .alone = alone_,
                                    .interrupted = &interrupted_,
                                    .failed = [this](std::string_view why) { set_trouble(why); }});
  }

  Result<std::optional<std::uint64_t>> try_open() {
    close();
    if (interrupted_) return fail(ErrorCode::Unavailable, "interrupted");
    if (!keeps_position()) {
      auto producer = make("");
      if (!producer) return fail(producer.error());
      if (auto found = (*producer)->look_for_broker(); !found) return fail(found.error());
      producers_[0] = std::move(*producer);
      return std::nullopt;
    }
    for (std::size_t i = 0; i < producers_.size(); ++i) {
      auto producer = make_transactional(transactional_id_ + "-" + std::to_string(i));
      if (!producer) return fail(producer.error());
      producers_[i] = std::move(*producer);
    }
    if (auto ensured = ensure_positions_topic(producers_[0]->client(), spec_.positions_topic); !ensured) return fail(ensured.error());
    for (auto& producer : producers_) {
      const auto missing = producer->look_for(spec_.positions_topic);
      if (!missing) return fail(missing.error());
      if (*missing)
        return fail(ErrorCode::Unavailable, "positions " + **missing + "; create it with one partition and cleanup.policy=compact");
    }
    auto known = read_position(spec_, position_key_, interrupted_);
    if (!known) return fail(known.error());
    if (!found_) found_ = *known;
    if (*known && (*known)->writer != writer_ && *known != *found_)
      return fail(ErrorCode::Conflict, "somebody else has sent records up to " + std::to_string((*known)->position) +
                                           " in the name of this data directory: a copy of it is in use, too");
    if (!*known) return std::nullopt;
    return (*known)->position;
  }

  Result<std::unique_ptr<Producer>> make_transactional(const std::string& id) {
    while (true) {
      auto producer = make(id);
      if (!producer) return producer;
      // Without a broker, init_transactions() would say so only much later.
      if (auto found = (*producer)->look_for_broker(); !found) return fail(found.error());
      const auto begun = (*producer)->init_transactions();
      if (begun) return producer;
      if (begun.error().code != ErrorCode::TooLarge) return fail(begun.error());
      const std::string told = "transactionTimeout is " + std::to_string(spec_.transaction_timeout.ms) +
                               " ms, more than the broker allows (transaction.max.timeout.ms)";
      if (spec_.transaction_timeout.ms <= kTransactionTimeoutCapMs) return fail(ErrorCode::Unavailable, "egress " + spec_.id + ": " + told);
      // It was made for transactions as long as the pause between two checkpoints. Ours take milliseconds.
      log_warn("a shorter transactionTimeout will do", {{"egress", spec_.id}, {"why", told}, {"now_ms", kTransactionTimeoutCapMs}});
      spec_.transaction_timeout = Duration{kTransactionTimeoutCapMs};
    }
  }

  // The topics of a page, before anything of it is on its way.
  Result<std::vector<Refused>> look_for_topics(Producer& producer, const std::vector<OutgoingRecord>& page) {
    std::map<std::string_view, std::optional<std::string>> looked_for;
    std::vector<Refused> refused;
    for (std::size_t i = 0; i < page.size(); ++i) {
      auto topic = looked_for.find(page[i].topic);
      if (topic == looked_for.end()) {
        auto missing = producer.look_for(page[i].topic);
        if (!missing) return fail(std::move(missing.error()));
        topic = looked_for.emplace(page[i].topic, std::move(*missing)).first;
      }
      if (topic->second) refused.push_back({i, *topic->second});
    }
    return refused;
  }

  Result<ports::SendOutcome> send_committed(const std::vector<OutgoingRecord>& page, std::uint64_t next) {
    Producer& producer = *producers_[turn_];
    auto refused = look_for_topics(producer, page);
    if (!refused) return fail(refused.error());
    if (!refused->empty()) return ports::SendOutcome{.refused = std::move(*refused)};

    if (auto begun = producer.begin(); !begun) return fail(begun.error());
    for (std::size_t i = 0; i < page.size(); ++i)
      if (auto handed = producer.produce(page[i], i); !handed) return fail(handed.error());
    const OutgoingRecord position{spec_.positions_topic, position_key_, encode_position({next, writer_}), {}};
    if (auto handed = producer.produce(position, page.size(), 0); !handed) return fail(handed.error());
    auto flushed = producer.flush();
    const auto failed = producer.take_failed();
    if (failed.empty()) {
      if (!flushed) return fail(flushed.error());
      if (auto committed = producer.commit(); !committed) return fail(ErrorCode::Unavailable, committed.error().message);
      turn_ = 1 - turn_;
      position_ = next;
      return sent_all(page);
    }
    auto outcome = judge(producer, page, failed);
    if (!outcome) return outcome;
    if (auto aborted = producer.abort(); !aborted) return fail(ErrorCode::Unavailable, aborted.error().message);
    return outcome;
  }

  Result<ports::SendOutcome> send_plain(const std::vector<OutgoingRecord>& page) {
    Producer& producer = *producers_[0];
    auto refused = look_for_topics(producer, page);
    if (!refused) return fail(refused.error());
    if (!refused->empty()) return ports::SendOutcome{.refused = std::move(*refused)};
    for (std::size_t i = 0; i < page.size(); ++i)
      if (auto handed = producer.produce(page[i], i); !handed) return fail(handed.error());
    if (spec_.delivery == Delivery::None) {
      producer.poll();
      if (const auto failed = producer.take_failed(); !failed.empty())
        log_warn("records of an egress without delivery guarantees are lost",
                 {{"egress", spec_.id}, {"records", failed.size()}, {"error", text_of(failed.front().error)}});
      return ports::SendOutcome{.settled = page.size()};
    }
    auto flushed = producer.flush();
    const auto failed = producer.take_failed();
    if (!failed.empty()) return judge(producer, page, failed);
    if (!flushed) return fail(flushed.error());
    return sent_all(page);
  }

  ports::SendOutcome sent_all(const std::vector<OutgoingRecord>& page) {
    // The bad record is behind us: batches again.
    if (std::exchange(alone_, false)) reopen_ = true;
    return {.settled = page.size()};
  }

  // What a page's failures mean: a record that is refused, or that it must be sent again.
  Result<ports::SendOutcome> judge(Producer& producer, const std::vector<OutgoingRecord>& page, const std::vector<FailedRecord>& failed) {
    // A record that fails for good takes the transaction with it, and the others fail by that.
    const auto worst = std::ranges::find_if_not(failed, &FailedRecord::is_transient);
    if (worst == failed.end()) return fail(ErrorCode::Unavailable, "records are not acknowledged: " + text_of(failed.front().error));
    if (worst->index >= page.size()) return fail(ErrorCode::Unavailable, "positions topic " + spec_.positions_topic + ": " + text_of(worst->error));
    const OutgoingRecord& record = page[worst->index];
    if (worst->is_of_a_topic()) producer.forget(record.topic);
    if (worst->is_of_a_batch() && !alone_ && record.bytes() < batch_bytes_) {
      const bool too_large = worst->error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
      if (too_large && batch_bytes_ > kSmallBatchBytes) batch_bytes_ = kSmallBatchBytes;
      else alone_ = true;
      return fail(ErrorCode::Unavailable, "topic " + record.topic + ": " + text_of(worst->error) + ": trying again in smaller batches");
    }
    const std::string why = "topic " + record.topic + ": " + text_of(worst->error) + " (" + std::to_string(record.bytes()) + " bytes)";
    return ports::SendOutcome{.refused = {{worst->index, why}}};
  }

  model::KafkaEgressSpec spec_;
  const std::string position_key_;
  const std::string transactional_id_;
  const std::string writer_;
  std::atomic<bool> interrupted_{false};
  mutable std::mutex mutex_;
  std::string trouble_;  // Of the call that is under way.
  std::array<std::unique_ptr<Producer>, 2> producers_;  // The second one for transactions only.
  std::size_t turn_ = 0;
  std::optional<std::uint64_t> position_;  // As it was committed last.
  std::optional<std::optional<SentPosition>> found_;  // What our predecessor, or nobody, had sent.
  std::uint64_t batch_bytes_ = kBatchBytes;
  bool alone_ = false;   // Each record a batch of its own, to find the bad one.
  bool reopen_ = false;  // Settings have changed.
};

KafkaSink::KafkaSink(model::KafkaEgressSpec spec, std::string directory_id)
    : impl_(std::make_unique<Impl>(std::move(spec), std::move(directory_id))) {}
KafkaSink::~KafkaSink() = default;

Result<std::optional<std::uint64_t>> KafkaSink::open() { return impl_->open(); }
Result<ports::SendOutcome> KafkaSink::send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) {
  return impl_->send(records, next);
}
Result<void> KafkaSink::reset(std::uint64_t position) { return impl_->reset(position); }
void KafkaSink::interrupt() { impl_->interrupt(); }
std::string KafkaSink::trouble() const { return impl_->trouble(); }
bool KafkaSink::keeps_position() const { return impl_->keeps_position(); }

}  // namespace holdfast::kafka
