#include "outside.h"

#include <utility>

#include "base/check.h"

namespace holdfast::sim {

std::optional<ports::SendOutcome> Broker::refusal(std::span<const ports::StreamPage::Entry> records) const {
  for (std::size_t i = 0; i < records.size(); ++i)
    if (unsendable.contains(records[i].record.value.value)) return ports::SendOutcome{ports::SendOutcome::Refused{i, "the broker does not take it"}};
  return std::nullopt;
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
    if (auto refused = broker_.refusal(records)) {
      generation_ = generation;
      return *refused;
    }
    if (broker_.room && *broker_.room < records.size()) return fail(ErrorCode::Unavailable, "the broker is full");
    if (broker_.room) *broker_.room -= records.size();
    for (const auto& entry : records) broker_.stored.push_back(entry.record);
    broker_.position_ = next;
    if (broker_.happens(broker_.faults.unknown_after)) return fail(ErrorCode::Unavailable, "the outcome is not known");
    generation_ = generation;
    return ports::SendOutcome{};
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
    const auto refused = broker_.refusal(records);
    std::size_t count = records.size();
    // What comes before one that it does not take is stored, or the whole page is looked at first.
    if (refused) count = broker_.random_.below(2) == 0 ? refused->refused->index : 0;
    const bool lost_before = broker_.happens(broker_.faults.unknown_before);
    if (lost_before) count = broker_.random_.below(count + 1);
    for (const auto& entry : records.first(count))
      if (!store(entry)) return fail(ErrorCode::Unavailable, "the stream is full");
    if (lost_before || broker_.happens(broker_.faults.unknown_after)) return fail(ErrorCode::Unavailable, "records are not acknowledged");
    is_open_ = true;
    return refused.value_or(ports::SendOutcome{});
  }

  Result<void> reset(std::uint64_t) override { return {}; }
  [[nodiscard]] bool keeps_position() const override { return false; }

 private:
  bool store(const ports::StreamPage::Entry& entry) {
    const std::pair id{entry.position, entry.record.time.unix_ms};
    if (broker_.kind_ == Kind::Messages && broker_.ids_.contains(id)) return true;
    if (broker_.room && (*broker_.room)-- == 0) {
      broker_.room = 0;
      return false;
    }
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
