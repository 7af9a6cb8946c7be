#include "outside.h"

#include <utility>

#include "base/check.h"

namespace holdfast::sim {

std::vector<ports::SendOutcome::Refused> Broker::refused(std::span<const ports::StreamPage::Entry> records) {
  std::vector<ports::SendOutcome::Refused> refused;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (unsendable.contains(records[i].record.value.value)) refused.push_back({i, "the broker does not take it"});
  has_refused |= !refused.empty();
  return refused;
}

bool Broker::has_room() {
  if (!room) return true;
  if (*room == 0) return false;
  --*room;
  return true;
}

void Broker::heal() {
  faults = {};
  down_until = {};
  room.reset();
}

class Broker::Transactions final : public ports::RecordSink {
 public:
  explicit Transactions(Broker& broker) : broker_(broker) {}

  Result<std::optional<std::uint64_t>> open() override {
    if (broker_.is_away()) return fail(ErrorCode::Unavailable, "no broker");
    generation_ = ++broker_.generation_;
    return broker_.position_;
  }

  Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) override {
    HOLDFAST_CHECK(generation_ != 0);
    const std::uint64_t generation = std::exchange(generation_, 0);
    if (broker_.happens(broker_.faults.fenced)) ++broker_.generation_;
    if (broker_.generation_ != generation) return fail(ErrorCode::Unavailable, "fenced");
    if (broker_.is_away()) return fail(ErrorCode::Unavailable, "no broker");
    if (broker_.happens(broker_.faults.unknown_before)) return fail(ErrorCode::Unavailable, "the outcome is not known");
    ports::SendOutcome outcome{.refused = broker_.refused(records)};
    // What stands before the first that is refused may go, or may wait for it.
    std::size_t count = records.size();
    if (!outcome.refused.empty()) count = broker_.random_.below(2) == 0 ? 0 : outcome.refused.front().index;
    while (outcome.settled < count && broker_.has_room()) ++outcome.settled;
    if (outcome.settled < count) outcome.trouble = "the broker is full";
    if (outcome.settled < records.size()) next = records[outcome.settled].position;
    for (const auto& entry : records.first(outcome.settled)) broker_.stored.push_back(entry.record);
    if (outcome.settled > 0 || records.empty()) broker_.position_ = next;
    if (broker_.happens(broker_.faults.unknown_after)) return fail(ErrorCode::Unavailable, "the outcome is not known");
    generation_ = generation;
    return outcome;
  }

  Result<void> reset(std::uint64_t position) override {
    broker_.position_ = position;
    return {};
  }
  [[nodiscard]] bool keeps_position() const override { return true; }

 private:
  Broker& broker_;
  std::uint64_t generation_ = 0;  // 0: open() must be called.
};

class Broker::Messages final : public ports::RecordSink {
 public:
  explicit Messages(Broker& broker) : broker_(broker) {}

  Result<std::optional<std::uint64_t>> open() override {
    if (broker_.is_away()) return fail(ErrorCode::Unavailable, "no broker");
    is_open_ = true;
    return std::optional<std::uint64_t>();
  }

  Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t) override {
    HOLDFAST_CHECK(is_open_);
    is_open_ = false;
    if (broker_.is_away()) return fail(ErrorCode::Unavailable, "no broker");
    ports::SendOutcome outcome{.refused = broker_.refused(records)};
    const bool lost_before = broker_.happens(broker_.faults.unknown_before);
    const std::size_t count = lost_before ? broker_.random_.below(records.size() + 1) : records.size();
    auto refused = outcome.refused.begin();
    std::set<std::string> held;  // Sources of which a record has to come again: what they sent after it must not come before it.
    for (std::size_t i = 0; i < count; ++i) {
      if (refused != outcome.refused.end() && refused->index == i) {
        ++refused;
      } else if (held.contains(records[i].record.source) || (!held.empty() && broker_.random_.below(2) == 0) || !store(records[i])) {
        held.insert(records[i].record.source);
      }
      if (held.empty()) ++outcome.settled;
    }
    if (lost_before || broker_.happens(broker_.faults.unknown_after)) return fail(ErrorCode::Unavailable, "records are not acknowledged");
    if (!held.empty()) outcome.trouble = "the stream is full";
    is_open_ = true;
    return outcome;
  }

  Result<void> reset(std::uint64_t) override { return {}; }
  [[nodiscard]] bool keeps_position() const override { return false; }

 private:
  bool store(const ports::StreamPage::Entry& entry) {
    const std::pair id{entry.position, entry.record.time.unix_ms};
    if (broker_.kind_ == Kind::Messages && broker_.ids_.contains(id)) return true;
    if (!broker_.has_room()) return false;
    broker_.ids_.insert(id);
    broker_.stored.push_back(entry.record);
    return true;
  }

  Broker& broker_;
  bool is_open_ = false;
};

std::unique_ptr<ports::RecordSink> Broker::make_sink() {
  if (kind_ == Kind::Transactions) return std::make_unique<Transactions>(*this);
  return std::make_unique<Messages>(*this);
}

}  // namespace holdfast::sim
