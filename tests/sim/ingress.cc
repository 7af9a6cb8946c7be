#include "ingress.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "program.h"

namespace holdfast::sim {
namespace {

connect::RecordRouterOptions options(const Topics& topics, const model::BadRecordPolicy& on_bad_record) {
  connect::RecordRouterOptions options;
  options.ingress = kIngress;
  options.on_bad_record = on_bad_record;
  options.dead_letter_is_stream = on_bad_record.dead_letter_egress == "sim/dead";
  options.serves = [&topics](std::string_view type) { return type != kLateType || topics.is_late_served; };
  for (const auto type : kTypes) options.topics.push_back({std::string(type), std::string(kProgramType), {std::string(type)}});
  return options;
}

}  // namespace

std::string source_name(std::size_t source) { return std::string(kIngress) + "/topic/" + std::to_string(source); }

Ingress::Ingress(const Topics& topics, const model::BadRecordPolicy& on_bad_record, Random& random, ports::Intake& intake,
                 ports::Streams& streams, Loop& loop)
    : topics_(topics), random_(random), intake_(intake), streams_(streams), loop_(loop), router_(options(topics, on_bad_record)) {}

void Ingress::start() {
  for (std::size_t source = 0; source < kSources; ++source) loop_.post([this, source] { begin(source); });
}

void Ingress::begin(std::size_t source) {
  if (is_over_) return;
  intake_.source(source_name(source), [this, source](Result<std::optional<model::SourceRow>> row) {
    HOLDFAST_CHECK(row);
    loop_.post([this, source, row = *row] {
      at_[source] = row ? std::optional(row->next) : std::nullopt;
      next(source);
    });
  });
}

void Ingress::next(std::size_t source) {
  if (is_over_) return;
  const auto& records = topics_.sources[source];
  const std::uint64_t from = at_[source].value_or(0);
  const std::uint64_t count = std::min<std::uint64_t>(records.size() - from, random_.below(6));
  if (count == 0) {
    loop_.after(Duration{static_cast<std::int64_t>(1 + random_.below(20))}, [this, source] { next(source); });
    return;
  }
  const std::string place = std::to_string(source);
  ports::SourceBatch batch{.source = source_name(source), .from = at_[source], .next = from + count};
  for (std::uint64_t i = from; i < from + count; ++i) {
    const Incoming& incoming = records[i];
    connect::IncomingRecord record;
    record.topic = incoming.topic;
    if (incoming.key) record.key = *incoming.key;
    record.value = incoming.value;
    record.place = place;
    record.position = i;
    router_.route(record, batch.commands);
  }
  intake_.take_in(
      std::move(batch),
      [this, source, after = from + count](Result<void> taken) {
        loop_.post([this, source, after, ok = taken.has_value()] {
          if (!ok) {
            loop_.after(Duration{5}, [this, source] { begin(source); });
            return;
          }
          at_[source] = after;
          next(source);
        });
      },
      {});
}

void Ingress::handle(std::function<void(connect::PostTask, connect::ParkedDone)> how) {
  loop_.post([this, how = std::move(how)] {
    if (std::exchange(handling_, true)) return;
    how([this](auto task) { loop_.post(std::move(task)); }, [this](Result<std::uint64_t>) { handling_ = false; });
  });
}

void Ingress::retry() {
  handle([this](auto post, auto done) { connect::retry_parked(streams_, router_, kIngress, std::move(post), std::move(done)); });
}

void Ingress::skip() {
  handle([this](auto post, auto done) { connect::skip_parked(streams_, kIngress, std::move(post), std::move(done)); });
}

}  // namespace holdfast::sim
