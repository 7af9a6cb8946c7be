#include "outside.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::sim {

class Outside::Sink final : public ports::RecordSink {
 public:
  explicit Sink(Outside& outside) : outside_(outside) {}

  Result<std::optional<std::uint64_t>> open() override {
    if (happens(outside_.faults.unavailable)) return fail(ErrorCode::Unavailable, "no broker");
    generation_ = ++outside_.generation;
    return outside_.position;
  }

  Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) override {
    HOLDFAST_CHECK(generation_ != 0);
    const std::uint64_t generation = std::exchange(generation_, 0);
    if (happens(outside_.faults.fenced)) ++outside_.generation;
    if (outside_.generation != generation) return fail(ErrorCode::Unavailable, "fenced");
    if (happens(outside_.faults.unavailable)) return fail(ErrorCode::Unavailable, "no broker");
    if (happens(outside_.faults.unknown_before)) return fail(ErrorCode::Unavailable, "the outcome is not known");
    ports::SendOutcome outcome{.settled = records.size()};
    for (std::size_t i = 0; i < records.size(); ++i)
      if (outside_.unsendable.contains(records[i].record.value.value)) outcome.refused.push_back({i, "the broker does not take it"});
    if (!outcome.refused.empty()) {
      // What stands before the first of them may go, or may wait for it.
      outcome.settled = outside_.random_.below(2) == 0 ? 0 : outcome.refused.front().index;
    } else if (!records.empty() && happens(outside_.faults.in_part)) {
      outcome.settled = outside_.random_.below(records.size());
      outcome.trouble = "the topic is full";
    }
    if (outcome.settled < records.size()) {
      next = records[outcome.settled].position;
      records = records.first(outcome.settled);
    }
    for (const auto& entry : records) outside_.committed.push_back({entry.record.source, entry.record.value.value});
    if (!records.empty() || outcome.refused.empty() && outcome.trouble.empty()) outside_.position = next;
    if (happens(outside_.faults.unknown_after)) return fail(ErrorCode::Unavailable, "the outcome is not known");
    generation_ = generation;
    return outcome;
  }

  Result<void> reset(std::uint64_t position) override {
    outside_.position = position;
    return {};
  }
  [[nodiscard]] bool keeps_position() const override { return true; }

 private:
  [[nodiscard]] bool happens(std::uint32_t thousandths) { return outside_.random_.below(1000) < thousandths; }

  Outside& outside_;
  std::uint64_t generation_ = 0;  // 0: open() must be called.
};

std::unique_ptr<ports::RecordSink> Outside::make_sink() { return std::make_unique<Sink>(*this); }

SourceDriver::SourceDriver(Outside& outside, Random& random, ports::Intake& intake, Loop& loop)
    : outside_(outside), random_(random), intake_(intake), loop_(loop) {}

void SourceDriver::start() {
  loop_.post([this] { begin(); });
}

void SourceDriver::begin() {
  intake_.source(kSource, [this](Result<std::optional<model::SourceRow>> row) {
    HOLDFAST_CHECK(row);
    loop_.post([this, row = *row] {
      at_ = row ? std::optional(row->next) : std::nullopt;
      next();
    });
  });
}

void SourceDriver::next() {
  const std::uint64_t from = at_.value_or(0);
  const std::uint64_t count = std::min<std::uint64_t>(outside_.incoming.size() - from, random_.below(6));
  if (count == 0) {
    loop_.after(Duration{static_cast<std::int64_t>(random_.below(10))}, [this] { next(); });
    return;
  }
  ports::SourceBatch batch{.source = kSource, .from = at_, .next = from + count};
  for (std::uint64_t i = from; i < from + count; ++i) batch.commands.emplace_back(outside_.incoming[i]);
  intake_.take_in(
      std::move(batch),
      [this, after = from + count](Result<void> taken) {
        loop_.post([this, after, ok = taken.has_value()] {
          if (!ok) {
            loop_.after(Duration{5}, [this] { begin(); });
            return;
          }
          at_ = after;
          next();
        });
      },
      {});
}

}  // namespace holdfast::sim
