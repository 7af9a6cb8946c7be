// The bytes of a segment: headers of the file and of its records. docs/data-format.md is the description; a change here is a new
// format version there.
//
// Every checksum of a record begins with the random id of its segment, and that of its header goes on with the record's
// place in the file: bytes that an earlier use of the file has left are never taken for a record.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/rows.h"

namespace holdfast::log {

inline constexpr std::uint8_t kFormatVersion = 2;  // Written; read is each from 1 on.
inline constexpr std::uint64_t kSegmentHeaderBytes = 64;
inline constexpr std::uint64_t kRecordHeaderBytes = 32;
inline constexpr std::uint64_t kRecordAlignment = 8;
inline constexpr std::uint64_t kRecordBytesMax = 1u << 30;  // Of one payload; more than is written.
inline constexpr std::uint64_t kNumberMax = 1ull << 62;     // Of epochs and sequence numbers; neither is ever reached.
inline constexpr std::uint64_t kNumberReadMax = 1ull << 61;  // Of those that are believed: there is room to go on from each.

struct SegmentHeader {
  std::array<char, 16> id{};
  std::uint64_t first = 0;  // Sequence number of the first record; records of a log are numbered from 1 without a gap.
  model::Epoch previous;    // Epoch of the record before that; 0: there was none.
  std::uint64_t size = 0;   // Of the file, from its birth on. 0: not said (version 1).
  std::uint32_t previous_crc = 0;  // Header checksum of the record before the first; 0: there was none, or it is not said.
};

// An epoch larger than a record should be is several of them, one after the other; they always begin a segment, so all of them are durable
// before it is one.
enum class Extent : std::uint8_t { EndsEpoch = 0, EpochGoesOn = 1 };

struct RecordHeader {
  std::uint32_t payload_crc = 0;
  std::uint32_t length = 0;  // Of the payload.
  model::Epoch epoch;
  std::uint64_t sequence = 0;
  Extent extent = Extent::EndsEpoch;
  std::uint32_t crc = 0;     // Of the header; what encode() makes and decoding finds.
};

// Where the checksums of a segment's records begin.
[[nodiscard]] std::uint32_t crc_seed(const SegmentHeader& segment);

[[nodiscard]] std::string encode(const SegmentHeader& header);
// ErrorCode::Damaged, or ErrorCode::Invalid: a version that this program does not know. The message names no file.
[[nodiscard]] Result<SegmentHeader> decode_segment_header(std::string_view bytes);

// Sets `header.crc`.
[[nodiscard]] std::string encode(RecordHeader& header, std::uint64_t offset, std::uint32_t seed);
// None: these are not the header of a record at this place of this segment. ErrorCode::Invalid: as above.
[[nodiscard]] Result<std::optional<RecordHeader>> decode_record_header(std::string_view bytes, std::uint64_t offset,
                                                                       std::uint32_t seed);

// What a record with this payload takes in the file.
[[nodiscard]] constexpr std::uint64_t record_bytes(std::uint64_t payload) {
  return (kRecordHeaderBytes + payload + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

// epochs-<first, 20 digits>.log
[[nodiscard]] std::string segment_name(std::uint64_t first);
[[nodiscard]] std::optional<std::uint64_t> parse_segment_name(std::string_view name);
// spare-<number, 20 digits>.log
[[nodiscard]] std::string spare_name(std::uint64_t number);
[[nodiscard]] std::optional<std::uint64_t> parse_spare_name(std::string_view name);

}  // namespace holdfast::log
