#include "kafka/sink.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "kafka/page.h"
#include "kafka/positions.h"
#include "kafka/producer.h"
#include "kafka/properties.h"
#include "kafka/rotated_files.h"
#include "kafka/unusable_topics.h"

namespace holdfast::kafka {
namespace {

using Delivery = model::KafkaEgressSpec::Delivery;

// What topics with a low max.message.bytes still take, as Java's client sends it.
constexpr std::uint64_t kBatchBytes = 1'000'000;
constexpr std::uint64_t kSmallBatchBytes = 16'384;
constexpr std::int64_t kTransactionTimeoutCapMs = 60'000;
constexpr int kLastFlushMs = 3'000;
constexpr int kTopicPollMs = 100;
constexpr std::uint64_t kTopicsWaitMaxUs = 2 * UnusableTopics::kWaitUs;  // In one go.
// How often the part of a page that failed is tried otherwise before the whole page is.
constexpr int kRoundsMax = 20;

// What to do about a record that the broker does not take.
enum class Verdict : std::uint8_t {
  Refused,  // Never again, and the page knows.
  Again,    // Its topic is looked for again.
  Smaller,  // In smaller batches.
  Alone,    // Each record a batch of its own.
};

}  // namespace

class KafkaSink::Impl {
 public:
  Impl(model::KafkaEgressSpec spec, std::string directory_id, std::set<std::string> read_uncommitted)
      : spec_(std::move(spec)),
        read_uncommitted_(std::move(read_uncommitted)),
        position_key_(directory_id + "/" + spec_.id),
        transactional_id_("holdfast-" + directory_id + "-" + spec_.id),
        writer_(std::to_string(entropy())),
        files_(spec_.id, spec_.properties, [this]() -> Result<void> {
          if (auto good = validate(spec_); !good) return fail(std::move(good.error()));
          return {};
        }) {}

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
    if (files_.are_rotated(monotonic_us())) reopen_ = true;
    for (const auto& producer : producers_) reopen_ = reopen_ || (producer && producer->has_too_many_topics());
    if (reopen_) {
      const auto before = position_;
      auto opened = open();
      if (!opened) return fail(std::move(opened.error()));
      if (*opened != before) return fail(ErrorCode::Unavailable, "egress " + spec_.id + ": somebody else has sent meanwhile");
    }
    if (!producers_[0]) return fail(ErrorCode::Unavailable, "egress " + spec_.id + " is not open");
    Page page(records);
    auto sent = keeps_position() ? send_committed(page, next) : send_plain(page);
    set_trouble("");
    if (!sent) close();
    return sent;
  }

  Result<void> reset(std::uint64_t position) {
    if (!keeps_position()) return {};
    found_.reset();  // Whoever has sent in our name: now it is our turn.
    if (!producers_[0] || reopen_) {
      if (auto opened = open(); !opened) return fail(std::move(opened.error()));
    }
    Page nothing({});
    auto sent = send_committed(nothing, position);
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

  Result<std::unique_ptr<Producer>> make(const std::string& transactional_id, bool alone) {
    return Producer::create(spec_, {.edge = spec_.id,
                                    .transactional_id = transactional_id,
                                    .batch_bytes = batch_bytes_,
                                    .alone = alone,
                                    .interrupted = &interrupted_,
                                    .failed = [this](std::string_view why) { set_trouble(why); }});
  }

  Result<std::optional<std::uint64_t>> try_open() {
    close();
    if (interrupted_) return fail(ErrorCode::Unavailable, "interrupted");
    if (!keeps_position()) {
      auto producer = make("", alone_);
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
    for (auto& producer : producers_)
      if (auto found = wait_for_positions_topic(*producer); !found) return fail(std::move(found.error()));
    auto known = read_position(spec_, position_key_, interrupted_);
    if (!known) return fail(known.error());
    if (!found_) found_ = *known;
    if (*known && (*known)->writer != writer_ && *known != *found_)
      return fail(ErrorCode::Conflict, "somebody else has sent records up to " + std::to_string((*known)->position) +
                                           " in the name of this data directory: a copy of it is in use, too");
    if (!*known) return std::nullopt;
    return (*known)->position;
  }

  // It may have been made just now.
  Result<void> wait_for_positions_topic(Producer& producer) {
    for (const std::uint64_t began = monotonic_us();;) {
      const auto found = producer.look_for(spec_.positions_topic);
      if (!found) return fail(found.error());
      if (found->state == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
      const bool may_come = found->state != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && found->state != RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
      if (!may_come || interrupted_ || monotonic_us() - began > UnusableTopics::kWaitUs)
        return fail(ErrorCode::Unavailable, "positions " + found->why + "; create it with one partition and cleanup.policy=compact");
      rd_kafka_poll(producer.client(), kTopicPollMs);
    }
  }

  Result<std::unique_ptr<Producer>> make_transactional(const std::string& id) {
    while (true) {
      auto producer = make(id, alone_);
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

  // Refuses what is left for topics that are not to be used, after a wait for those that may be coming. Before anything of it is on its way.
  Result<void> look_for_topics(Producer& producer, Page& page) {
    std::map<std::string_view, Use> uses;
    const std::uint64_t first_look = monotonic_us();
    while (true) {
      uses.clear();
      std::string waits_for;
      for (const std::size_t i : page.left()) {
        const auto [use, is_new] = uses.emplace(page[i].topic, Use::Yes);
        if (!is_new) continue;
        warn_of_readers(page[i].topic);
        auto found = can_use(producer, page[i].topic, waits_for);
        if (!found) return fail(std::move(found.error()));
        use->second = *found;
      }
      if (waits_for.empty()) break;
      set_trouble(waits_for);
      if (interrupted_ || monotonic_us() - first_look > kTopicsWaitMaxUs) return fail(ErrorCode::Unavailable, waits_for);
      const std::uint64_t began = monotonic_us();
      rd_kafka_poll(producer.client(), kTopicPollMs);
      unusable_.spend(monotonic_us() - began);
    }
    page.refuse([&](std::size_t i) { return uses.at(page[i].topic) == Use::No; }, [&](std::size_t i) { return unusable_.why(page[i].topic); });
    return {};
  }

  void warn_of_readers(const std::string& topic) {
    if (spec_.delivery != Delivery::ExactlyOnce || read_uncommitted_.erase(topic) == 0) return;
    log_warn("an ingress reads records of transactions before they are committed: say isolation.level: read_committed in its properties",
             {{"egress", spec_.id}, {"topic", topic}});
  }

  enum class Use : std::uint8_t { Yes, Soon, No };
  // `waits_for` is why it may be usable soon, if that is so.
  Result<Use> can_use(Producer& producer, const std::string& topic, std::string& waits_for) {
    const std::uint64_t now = monotonic_us();
    const auto as_noted = [&] {
      if (!unusable_.is_waited_for(topic, now)) return Use::No;
      waits_for = unusable_.why(topic);
      return Use::Soon;
    };
    if (!unusable_.is_due(topic, now)) return as_noted();
    auto answer = producer.look_for(topic);
    if (!answer) return fail(std::move(answer.error()));
    switch (answer->state) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        unusable_.note_usable(topic);
        return Use::Yes;
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        unusable_.note_forbidden(topic, std::move(answer->why), now);
        return Use::No;
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        unusable_.note_missing(topic, std::move(answer->why), now);
        return as_noted();
      default:  // It is there, and nobody leads it just now, say.
        waits_for = std::move(answer->why);
        return Use::Soon;
    }
  }

  Result<ports::SendOutcome> send_committed(Page& page, std::uint64_t next) {
    Producer& producer = *producers_[turn_];
    if (auto looked = look_for_topics(producer, page); !looked) return fail(std::move(looked.error()));
    // The position may not pass what is to be set aside; without that the page comes again.
    if (page.has_refused()) return page.outcome(0);

    if (auto begun = producer.begin(); !begun) return fail(begun.error());
    for (const std::size_t i : page.left())
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
      // The bad record is behind us: batches again.
      if (std::exchange(alone_, false)) reopen_ = true;
      return page.outcome(page.size());
    }
    // A record that fails for good takes the transaction with it, and the others fail by that.
    const auto worst = std::ranges::find_if_not(failed, &FailedRecord::is_transient);
    if (worst == failed.end() && producer.transaction_error() == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return refuse_forbidden(page);
    if (worst == failed.end()) return fail(not_acknowledged(producer, failed.front()));
    if (worst->index >= page.size())
      return fail(ErrorCode::Unavailable, "positions topic " + spec_.positions_topic + ": " + text_of(worst->error));
    const Verdict verdict = judge(producer, page, *worst, alone_);
    if (verdict == Verdict::Smaller) batch_bytes_ = kSmallBatchBytes;
    if (verdict == Verdict::Alone) alone_ = true;
    if (verdict != Verdict::Refused) return fail(ErrorCode::Unavailable, "topic " + page[worst->index].topic + ": " + text_of(worst->error) + ": trying again");
    if (auto aborted = producer.abort(); !aborted) return fail(ErrorCode::Unavailable, aborted.error().message);
    return page.outcome(0);
  }

  // A topic of the transaction, which is over, may not be written to, and librdkafka does not say which. So each is tried alone, in a
  // transaction that is given up. It cannot end one that the broker never began, so after such a one the producer is made anew.
  Result<ports::SendOutcome> refuse_forbidden(Page& page) {
    auto& producer = producers_[turn_];
    producer.reset();
    reopen_ = true;
    std::map<std::string_view, bool> is_forbidden;
    for (const std::size_t i : page.left()) {
      const auto [topic, is_new] = is_forbidden.emplace(page[i].topic, false);
      if (!is_new) continue;
      if (interrupted_) return fail(ErrorCode::Unavailable, "interrupted");
      auto forbids = is_write_forbidden(producer, page[i], i);
      if (!forbids) return fail(std::move(forbids.error()));
      topic->second = *forbids;
      const std::string why = "topic " + page[i].topic + ": " + text_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
      if (*forbids) unusable_.note_forbidden(page[i].topic, why, monotonic_us());
    }
    page.refuse([&](std::size_t i) { return is_forbidden.at(page[i].topic); }, [&](std::size_t i) { return unusable_.why(page[i].topic); });
    if (!page.has_refused())
      return fail(ErrorCode::Unavailable, "positions topic " + spec_.positions_topic + ": " + text_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
    return page.outcome(0);
  }

  Result<bool> is_write_forbidden(std::unique_ptr<Producer>& producer, const OutgoingRecord& record, std::size_t index) {
    if (!producer) {
      auto made = make_transactional(transactional_id_ + "-" + std::to_string(turn_));
      if (!made) return fail(std::move(made.error()));
      producer = std::move(*made);
    }
    if (auto found = producer->look_for(record.topic); !found) return fail(std::move(found.error()));
    if (auto begun = producer->begin(); !begun) return fail(begun.error());
    if (auto handed = producer->produce(record, index); !handed) return fail(handed.error());
    auto flushed = producer->flush();
    const bool failed = !producer->take_failed().empty();
    if (!failed && !flushed) return fail(flushed.error());
    const bool is_forbidden = failed && producer->transaction_error() == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (is_forbidden) producer.reset();
    else if (auto aborted = producer->abort(); !aborted) return fail(ErrorCode::Unavailable, aborted.error().message);
    return is_forbidden;
  }

  // What is acknowledged is not sent again, but for what stands behind a record of the same topic that is: for the sake of the order.
  Result<ports::SendOutcome> send_plain(Page& page) {
    Producer* producer = producers_[0].get();
    std::unique_ptr<Producer> careful;  // Each record a batch of its own, to find the bad ones.
    for (int round = 0; round < kRoundsMax; ++round) {
      if (auto looked = look_for_topics(*producer, page); !looked) return fail(std::move(looked.error()));
      for (const std::size_t i : page.left())
        if (auto handed = producer->produce(page[i], i); !handed) return fail(handed.error());
      if (spec_.delivery == Delivery::None) return handed_over(*producer, page);
      if (auto flushed = producer->flush(); !flushed) return fail(flushed.error());
      const auto failed = producer->take_failed();
      if (const auto transient = std::ranges::find_if(failed, &FailedRecord::is_transient); transient != failed.end())
        return fail(not_acknowledged(*producer, *transient));
      bool smaller = false, alone = false;
      std::map<std::string_view, std::size_t> again;  // By topic: the first record that is sent again.
      for (const auto& record : failed) {
        if (!page.is_left(record.index)) continue;  // Refused with one like it.
        const Verdict verdict = judge(*producer, page, record, careful != nullptr);
        smaller = smaller || verdict == Verdict::Smaller;
        alone = alone || verdict == Verdict::Alone;
        if (verdict != Verdict::Refused) again.emplace(page[record.index].topic, record.index);
      }
      page.keep([&](std::size_t i) {
        const auto first = again.find(page[i].topic);
        return first != again.end() && i >= first->second;
      });
      if (page.left().empty()) return page.outcome(page.size());
      if (smaller) batch_bytes_ = kSmallBatchBytes;
      if (!smaller && !alone) continue;
      auto made = make("", alone);
      if (!made) return fail(std::move(made.error()));
      auto& owner = alone ? careful : producers_[0];
      owner = std::move(*made);
      producer = owner.get();
    }
    return fail(ErrorCode::Unavailable, "records are not acknowledged in " + std::to_string(kRoundsMax) + " tries");
  }

  ports::SendOutcome handed_over(Producer& producer, Page& page) {
    producer.poll();
    const auto failed = producer.take_failed();
    if (!failed.empty())
      log_warn("records of an egress without delivery guarantees are lost",
               {{"egress", spec_.id}, {"records", failed.size()}, {"error", producer.text_of_error(failed.front().error)}});
    for (const auto& record : failed)  // The number is of this page, or of one before.
      if (record.is_missing_topic()) producer.forget_all();
    return page.outcome(page.size());
  }

  [[nodiscard]] static Error not_acknowledged(const Producer& producer, const FailedRecord& record) {
    return {ErrorCode::Unavailable, "records are not acknowledged: " + producer.text_of_error(record.error)};
  }

  // Refuses the record, and with it those of the page that would be refused like it; or says how to go on.
  Verdict judge(Producer& producer, Page& page, const FailedRecord& failed, bool is_alone) {
    const OutgoingRecord& record = page[failed.index];
    if (failed.is_missing_topic()) {
      for (auto* each : {&producer, producers_[0].get(), producers_[1].get()})
        if (each != nullptr) each->forget(record.topic);
      return Verdict::Again;
    }
    const bool too_large = failed.error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (failed.is_of_a_batch() && !is_alone && record.bytes() < batch_bytes_)
      return too_large && batch_bytes_ > kSmallBatchBytes ? Verdict::Smaller : Verdict::Alone;
    const std::string what = "topic " + record.topic + ": " + text_of(failed.error);
    if (failed.error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) unusable_.note_forbidden(record.topic, what, monotonic_us());
    const auto is_like_it = [&](const OutgoingRecord& other) {
      if (other.topic != record.topic) return false;
      if (failed.error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return true;
      if (failed.error == RD_KAFKA_RESP_ERR_INVALID_RECORD) return record.key.empty() && other.key.empty();  // A compacted topic wants keys.
      return too_large && producer.sends_as_it_is() && other.bytes() >= record.bytes();
    };
    page.refuse([&](std::size_t i) { return i == failed.index || is_like_it(page[i]); },
                [&](std::size_t i) { return what + " (" + std::to_string(page[i].bytes()) + " bytes)"; });
    return Verdict::Refused;
  }

  model::KafkaEgressSpec spec_;
  std::set<std::string> read_uncommitted_;  // That have not been warned of.
  const std::string position_key_;
  const std::string transactional_id_;
  const std::string writer_;
  RotatedFiles files_;
  std::atomic<bool> interrupted_{false};
  mutable std::mutex mutex_;
  std::string trouble_;  // Of the call that is under way.
  std::array<std::unique_ptr<Producer>, 2> producers_;  // The second one for transactions only.
  std::size_t turn_ = 0;
  std::optional<std::uint64_t> position_;  // As it was committed last.
  std::optional<std::optional<SentPosition>> found_;  // What our predecessor, or nobody, had sent.
  UnusableTopics unusable_;
  std::uint64_t batch_bytes_ = kBatchBytes;
  bool alone_ = false;   // Each record a batch of its own, to find the bad one.
  bool reopen_ = false;  // Settings have changed.
};

KafkaSink::KafkaSink(model::KafkaEgressSpec spec, std::string directory_id, std::set<std::string> read_uncommitted)
    : impl_(std::make_unique<Impl>(std::move(spec), std::move(directory_id), std::move(read_uncommitted))) {}
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
