#include "nats/stored_records.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"

namespace holdfast::nats {
namespace {

constexpr const char* kMessageIdHeader = "Nats-Msg-Id";
constexpr std::int64_t kNsPerMs = 1'000'000;

tl::unexpected<Error> given_up() { return fail(ErrorCode::Unavailable, "nobody waits any longer"); }

}  // namespace

std::string message_id(std::string_view prefix, const RecordId& record) {
  return std::string(prefix) + std::to_string(record.position) + "-" + std::to_string(record.time_ms);
}

std::optional<RecordId> parse_message_id(std::string_view id, std::string_view prefix) {
  if (!id.starts_with(prefix)) return std::nullopt;
  id.remove_prefix(prefix.size());
  const char* const end = id.data() + id.size();
  RecordId record;
  const auto position = std::from_chars(id.data(), end, record.position);
  if (position.ec != std::errc{} || position.ptr == end || *position.ptr != '-') return std::nullopt;
  const auto time = std::from_chars(position.ptr + 1, end, record.time_ms);
  if (time.ec != std::errc{} || time.ptr != end) return std::nullopt;
  return record;
}

void StoredRecords::add(const RecordId& record) {
  if (record.position < first_ || ids_.size() == kIdsMax || !ids_.insert(record).second) return;
  if (ids_.size() == kIdsMax) log_warn("too many records are stored out of turn: more are not remembered", {{"records", kIdsMax}});
}

void StoredRecords::forget_below(std::uint64_t position) {
  first_ = position;
  ids_.erase(ids_.begin(), ids_.lower_bound({position, INT64_MIN}));
}

void StoredRecords::take(natsMsg* message) {
  if (const auto id = parse_message_id(header_of(message, kMessageIdHeader), prefix_)) add(*id);
}

Result<StoredRecords::Seen> StoredRecords::look(JetStream& jetstream, const std::string& stream, const std::string& subject, Instant oldest,
                                                const std::function<bool()>& is_over) {
  const Instant from{std::max<std::int64_t>(1, oldest.unix_ms - kClockMargin.ms)};  // 0 is no time, to the server.
  auto last = jetstream.last_message(stream, subject);
  if (!last) return fail(std::move(last.error()));
  if (!*last || natsMsg_GetTime((*last)->get()) / kNsPerMs < from.unix_ms) return Seen::Subject;
  const auto state = jetstream.stream(stream);
  if (!state) return fail(state.error());
  if (state->retention != StreamState::Retention::Limits) {
    if (auto looked = look_back(jetstream, stream, *state, from, is_over); !looked) return fail(std::move(looked.error()));
    return Seen::Stream;
  }
  auto read = jetstream.read_headers(stream, subject, from, [&](natsMsg* message) {
    take(message);
    return !is_over();
  });
  if (!read) return fail(std::move(read.error()));
  return Seen::Subject;
}

// A consumer would be refused, or would have messages kept for it.
Result<void> StoredRecords::look_back(JetStream& jetstream, const std::string& stream, const StreamState& state, Instant from,
                                      const std::function<bool()>& is_over) {
  std::uint64_t found = 0;
  for (std::uint64_t sequence = state.last, looked = 0; sequence >= state.first && sequence > 0 && looked < kLookBackMax; --sequence, ++looked) {
    if (found == state.messages) break;
    if (is_over()) return given_up();
    auto message = jetstream.message(stream, sequence);
    if (!message) return fail(std::move(message.error()));
    if (!*message) continue;
    ++found;
    if (natsMsg_GetTime((*message)->get()) / kNsPerMs < from.unix_ms) break;
    take((*message)->get());
  }
  return {};
}

}  // namespace holdfast::nats
