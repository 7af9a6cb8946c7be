#include "partition/stream.h"

#include <algorithm>
#include <string>
#include <utility>

namespace holdfast::partition {
namespace {

// Trimming by size lets this much slack build up first, so that it runs once in a while and not per record.
constexpr std::uint64_t kSlackDivisor = 8;
constexpr std::uint32_t kTrimBatch = 64;  // Per append: it goes down faster than it grows.

// Takes the oldest records while `goes` says so. `added`: what of the row's bytes the view does not have yet.
template <typename Goes>
void trim(const View& view, std::string_view stream, std::uint32_t limit, std::uint64_t added, model::StreamRow& row, Transition& next,
          Goes goes) {
  std::uint64_t run = row.first;  // Where the records begin that go together.
  const auto drop = [&] {
    if (row.first > run) next.writes.push_back(DropRecords{std::string(stream), run, row.first});
  };
  for (const StoredRecord& record : view.oldest_records(stream, limit)) {
    if (!goes(record, row)) break;
    if (record.position > row.first) {  // Damage has taken some: there is nothing to take away.
      drop();
      row.bytes = bytes_from(view, stream, record.position) + added;
      run = row.first = record.position;
      if (!goes(record, row)) break;
    }
    ++row.first;
    row.bytes -= std::min(row.bytes, record.bytes);
  }
  drop();
}

void arm(const Retention& retention, std::string_view stream, Instant oldest, SequenceCounter& sequence, model::StreamRow& row,
         Transition& next) {
  row.trim_armed = oldest + retention.time;
  next.writes.push_back(
      PutTimer{std::string(stream), {row.trim_armed, sequence.take()}, model::TrimStream{std::string(stream)}});
}

}  // namespace

std::uint64_t record_bytes(const model::StreamRecord& record) {
  return 64 + record.key.size() + record.value.type_name.size() + record.value.value.size() + record.source.size() +
         record.error.size() + record.traceparent.size();
}

std::uint64_t bytes_from(const View& view, std::string_view stream, std::uint64_t position) {
  std::uint64_t bytes = 0;
  for (const StoredRecord& record : view.oldest_records(stream, UINT32_MAX))
    if (record.position >= position) bytes += record.bytes;
  return bytes;
}

Transition append_records(const View& view, const Retention& retention, const std::string& stream,
                          std::vector<model::StreamRecord>&& records, Instant now, SequenceCounter& sequence) {
  Transition next;
  next.writes.reserve(4);
  model::StreamRow row = view.stream(stream);
  std::uint64_t added = 0;
  for (auto& record : records) {
    if (record.time.unix_ms == 0) record.time = now;  // It was not said when it came about.
    added += record_bytes(record);
  }
  row.bytes += added;
  if (retention.bytes != 0 && row.bytes > retention.bytes + retention.bytes / kSlackDivisor)
    trim(view, stream, kTrimBatch * static_cast<std::uint32_t>(records.size()), added, row, next,
         [&](const StoredRecord&, const model::StreamRow& r) { return r.bytes > retention.bytes; });
  if (retention.time.ms != 0 && row.trim_armed.unix_ms == 0) arm(retention, stream, now, sequence, row, next);
  const std::uint64_t position = row.next;
  row.next += records.size();
  next.writes.push_back(AddRecords{stream, position, std::move(records)});
  next.writes.push_back(PutStream{stream, row});
  return next;
}

Result<Transition> release_records(const View& view, std::string_view stream, std::uint64_t next, std::uint64_t bytes) {
  return settle_records(view, stream, next, bytes, {}, {});
}

Result<Transition> settle_records(const View& view, std::string_view stream, std::uint64_t next, std::uint64_t bytes,
                                  std::vector<SetAside>&& aside, const std::string& parked) {
  const model::StreamRow before = view.stream(stream);
  model::StreamRow row = before;
  if (next < row.first || next > row.next)
    return fail(ErrorCode::Conflict, "stream " + std::string(stream) + " has positions " + std::to_string(row.first) + " to " +
                                         std::to_string(row.next) + ", not " + std::to_string(next));
  Transition transition;
  if (next > row.first) {
    transition.writes.push_back(DropRecords{std::string(stream), row.first, next});
    row.first = next;
    row.bytes = row.first == row.next ? 0 : row.bytes - std::min(row.bytes, bytes);
  }
  for (auto& [position, record, reason] : aside) {
    const std::uint64_t was = record_bytes(record);
    record.error = std::move(reason);
    transition.effects.push_back(Deliver{model::AppendRecord{parked, record}});
    if (position < next) continue;
    row.bytes += record_bytes(record) - std::min(record_bytes(record), was);
    transition.writes.push_back(PutRecord{std::string(stream), position, std::move(record)});
  }
  if (row != before) transition.writes.push_back(PutStream{std::string(stream), row});
  return transition;
}

Transition fire_trim_stream(const View& view, const Retention& retention, const model::TimerKey& key, std::string_view stream,
                            Instant now, std::uint32_t limit, SequenceCounter& sequence) {
  Transition next;
  model::StreamRow row = view.stream(stream);
  next.writes.push_back(DeleteTimer{std::string(stream), key});
  row.trim_armed = {};
  if (retention.time.ms != 0) {
    trim(view, stream, limit, 0, row, next,
         [&](const StoredRecord& r, const model::StreamRow&) { return r.time + retention.time <= now; });
    if (row.first < row.next) {
      // The first record left says when to look again; it is among the oldest read, or past them.
      Instant oldest = now;
      for (const StoredRecord& record : view.oldest_records(stream, limit + 1)) {
        if (record.position < row.first) continue;
        oldest = record.time;
        break;
      }
      // More were due than `limit` lets go at once: the rest in a moment.
      if (oldest + retention.time <= now) oldest = now + Duration{1 - retention.time.ms};
      arm(retention, stream, oldest, sequence, row, next);
    }
  }
  next.writes.push_back(PutStream{std::string(stream), row});
  return next;
}

}  // namespace holdfast::partition
