// Streams: egress topics that Holdfast keeps itself. A stream is an entity like any other: records reach it as commands, it numbers
// them, and it lets the oldest go by size and age.
//
// Invariant: exactly the positions [first, next) have records. Where a disk has lost some, the rest goes on: whoever reads is told, what is
// let go of goes over the gap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/command.h"
#include "partition/egress.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

// What a record counts in StreamRow::bytes.
[[nodiscard]] std::uint64_t record_bytes(const model::StreamRecord& record);

// What the records from `position` on count together. Reads all of them: for where some are missing, so that what the row says is right again
// behind the gap.
[[nodiscard]] std::uint64_t bytes_from(const View& view, std::string_view stream, std::uint64_t position);

[[nodiscard]] Transition append_records(const View& view, const Retention& retention, const std::string& stream,
                                        std::vector<model::StreamRecord>&& records, Instant now, SequenceCounter& sequence);

// Takes away the records below `next`, which count `bytes` together. Conflict: `next` is not within the stream.
[[nodiscard]] Result<Transition> release_records(const View& view, std::string_view stream, std::uint64_t next, std::uint64_t bytes);

// Records that cannot be sent on: a copy of each, with the reason as its `error`, goes to `parked`.
struct SetAside {
  std::uint64_t position = 0;
  model::StreamRecord record;  // As it is there.
  std::string reason;
};
// As release_records(); besides, `aside` are set aside: those below `next` go, the others keep their place, with the reason.
[[nodiscard]] Result<Transition> settle_records(const View& view, std::string_view stream, std::uint64_t next, std::uint64_t bytes,
                                                std::vector<SetAside>&& aside, const std::string& parked);

// What the TrimStream timer does when it fires: records past their age go, at most `limit` at once.
[[nodiscard]] Transition fire_trim_stream(const View& view, const Retention& retention, const model::TimerKey& key,
                                          std::string_view stream, Instant now, std::uint32_t limit, SequenceCounter& sequence);

}  // namespace holdfast::partition
