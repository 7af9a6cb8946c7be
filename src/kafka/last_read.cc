#include "kafka/last_read.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace holdfast::kafka {
namespace {

constexpr int kHex = 16;

std::string_view bytes(const void* data, std::size_t size) { return {static_cast<const char*>(data), data != nullptr ? size : 0}; }

// Whether the log has nothing from before `last`, or from the same moment.
Result<bool> is_all_newer(const LastRead& last, const Questions& ask) {
  if (last.time_ms < 0) return false;
  const auto oldest = ask.offset_at(Instant{0});
  if (!oldest) return fail(oldest.error());
  if (!*oldest) return true;
  const auto later = ask.offset_at(Instant{last.time_ms + 1});
  if (!later) return fail(later.error());
  return *later && **later <= **oldest;
}

}  // namespace

LastRead last_read_of(const rd_kafka_message_t& record) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  LastRead last;
  last.offset = static_cast<std::uint64_t>(record.offset);
  last.time_ms = rd_kafka_message_timestamp(&record, &type);
  last.hash = stable_hash(bytes(record.payload, record.len)) * 31 + stable_hash(bytes(record.key, record.key_len));
  return last;
}

model::SourceRow encode_last_read(const LastRead& last) {
  std::array<char, kHex> hex{};
  const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), last.hash, 16).ptr;
  model::SourceRow row;
  row.next = last.offset;
  row.incarnation = std::to_string(last.time_ms) + " " + std::string(hex.data(), end);
  return row;
}

std::optional<LastRead> decode_last_read(const model::SourceRow& row) {
  LastRead last;
  last.offset = row.next;
  const char* at = row.incarnation.data();
  const char* end = at + row.incarnation.size();
  const auto time = std::from_chars(at, end, last.time_ms);
  if (time.ec != std::errc() || time.ptr == end || *time.ptr != ' ') return std::nullopt;
  const auto hash = std::from_chars(time.ptr + 1, end, last.hash, 16);
  if (hash.ec != std::errc() || hash.ptr != end) return std::nullopt;
  return last;
}

Result<bool> is_made_anew(Instead instead, const std::optional<LastRead>& last, const Questions& ask) {
  const auto newer = last ? is_all_newer(*last, ask) : Result<bool>(false);
  if (!newer) return newer;
  if (*newer && instead != Instead::Nothing) return true;
  const auto committed = ask.committed();
  if (!committed && committed.error().code != ErrorCode::Invalid) return fail(committed.error());
  const bool is_forgotten = committed && !committed->has_value();
  return instead == Instead::Nothing ? *newer && is_forgotten : is_forgotten;
}

}  // namespace holdfast::kafka
