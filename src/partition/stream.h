// Streams: egress topics that Holdfast keeps itself. A stream is an entity like any other: records reach it as commands, it numbers
// them, and it lets the oldest go by size and age.
//
// Invariant: exactly the positions [first, next) have records.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "model/command.h"
#include "partition/egress.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

// What a record counts in StreamRow::bytes.
[[nodiscard]] std::uint64_t record_bytes(const model::StreamRecord& record);

[[nodiscard]] Transition append_record(const View& view, const Retention& retention, model::AppendRecord&& append, Instant now,
                                       SequenceCounter& sequence);

// Takes away the records below `position`, at most `limit` of them.
[[nodiscard]] Transition release_records(const View& view, std::string_view stream, std::uint64_t position, std::uint32_t limit);

// What the TrimStream timer does when it fires: records past their age go, at most `limit` at once.
[[nodiscard]] Transition fire_trim_stream(const View& view, const Retention& retention, const model::TimerKey& key,
                                          std::string_view stream, Instant now, std::uint32_t limit, SequenceCounter& sequence);

}  // namespace holdfast::partition
