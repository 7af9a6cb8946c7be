#include "kafka/start.h"

#include <algorithm>

namespace holdfast::kafka {
namespace {

using From = model::KafkaStart::From;

Result<std::uint64_t> earliest(const Questions& ask) {
  const auto there = ask.watermarks();
  if (!there) return fail(there.error());
  return there->low;
}
Result<std::uint64_t> latest(const Questions& ask) {
  const auto there = ask.watermarks();
  if (!there) return fail(there.error());
  return there->high;
}

Result<std::uint64_t> by_group(const model::KafkaIngressSpec& spec, const Questions& ask) {
  const auto committed = ask.committed();
  if (!committed) return fail(committed.error());
  if (*committed) return **committed;
  return spec.reset_to_earliest ? earliest(ask) : latest(ask);
}

Result<std::uint64_t> by_time(Instant time, const Questions& ask) {
  const auto offset = ask.offset_at(time);
  if (!offset) return fail(offset.error());
  return *offset ? Result<std::uint64_t>(**offset) : latest(ask);
}

}  // namespace

Result<std::uint64_t> start_offset(const model::KafkaIngressSpec& spec, const PartitionName& name, Birth birth, const Questions& ask) {
  if (birth == Birth::Later) return earliest(ask);
  const auto& start = spec.start;
  switch (start.from) {
    case From::Earliest:
      return earliest(ask);
    case From::GroupOffsets:
      return by_group(spec, ask);
    case From::Specific: {
      const auto listed = std::ranges::find_if(
          start.offsets, [&](const auto& offset) { return offset.topic == name.topic && offset.partition == name.partition; });
      if (listed != start.offsets.end() && listed->offset >= 0) return static_cast<std::uint64_t>(listed->offset);
      return by_group(spec, ask);
    }
    case From::Date:
      return by_time(start.date, ask);
    case From::Latest:
      break;
  }
  return latest(ask);
}

std::optional<NextAfterLoss> next_after_loss(std::uint64_t position, const Watermarks& there, bool reset_to_earliest) {
  if (position >= there.low && position <= there.high) return std::nullopt;
  // A single offset may have been the marker of a transaction whose records were all read: no reason to skip what is there.
  const bool may_be_a_marker = position + 1 == there.low;
  const std::uint64_t next = reset_to_earliest || may_be_a_marker ? there.low : there.high;
  return NextAfterLoss{next, next > position ? next - position : 0};
}

Result<std::uint64_t> seek_offset(const PartitionName& name, const ports::SeekTo& to, const Questions& ask) {
  using Kind = ports::SeekTo::Kind;
  if (to.kind == Kind::Earliest) return earliest(ask);
  if (to.kind == Kind::Latest) return latest(ask);
  if (to.kind == Kind::Time) return by_time(to.time, ask);
  const auto there = ask.watermarks();
  if (!there) return fail(there.error());
  if (to.position < there->low || to.position > there->high)
    return fail(ErrorCode::Invalid, "there is no position " + std::to_string(to.position) + " in " + name.topic + "/" +
                                        std::to_string(name.partition) + ", which has " + std::to_string(there->low) + " to " +
                                        std::to_string(there->high));
  return to.position;
}

}  // namespace holdfast::kafka
