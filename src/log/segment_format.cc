#include "log/segment_format.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace holdfast::log {
namespace {

constexpr std::string_view kMagic = "HFEPOCHS";
constexpr std::string_view kSegmentPrefix = "epochs-";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kNumberDigits = 20;

bool is_known(std::uint8_t version) { return version >= 1 && version <= kFormatVersion; }

Error unknown_version(std::uint8_t version) {
  return {ErrorCode::Invalid, "format version " + std::to_string(version) + " was written by another holdfast; this one knows 1 to " +
                                  std::to_string(kFormatVersion)};
}

std::string numbered(std::string_view prefix, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(prefix) + std::string(kNumberDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<std::uint64_t> parse_numbered(std::string_view prefix, std::string_view name) {
  if (name.size() != prefix.size() + kNumberDigits + kSuffix.size()) return std::nullopt;
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(prefix.size(), kNumberDigits)) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > (UINT64_MAX - digit) / 10) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

std::uint32_t record_crc(std::string_view without_crc, std::uint64_t offset, std::uint32_t seed) {
  std::string place;
  append_be(place, offset);
  return crc32c(without_crc, crc32c(place, seed));
}

}  // namespace

std::uint32_t crc_seed(const SegmentHeader& segment) { return crc32c({segment.id.data(), segment.id.size()}); }

std::string encode(const SegmentHeader& header) {
  std::string out(kMagic);
  append_be(out, kFormatVersion);
  out.append(7, '\0');
  out.append(header.id.data(), header.id.size());
  append_be(out, header.first);
  append_be(out, header.previous.value);
  append_be(out, header.size);
  append_be(out, header.previous_crc);
  append_be(out, crc32c(out));
  return out;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return fail(ErrorCode::Damaged, "segment header is cut short");
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  ByteReader reader(bytes);
  if (reader.bytes(kMagic.size()) != kMagic) return fail(ErrorCode::Damaged, "not a segment: the magic number is wrong");
  const auto version = reader.be<std::uint8_t>();
  reader.bytes(7);
  SegmentHeader header;
  const auto id = reader.bytes(header.id.size());
  std::copy(id.begin(), id.end(), header.id.begin());
  header.first = reader.be<std::uint64_t>();
  header.previous.value = reader.be<std::uint64_t>();
  const auto size = reader.be<std::uint64_t>();
  const auto previous_crc = reader.be<std::uint32_t>();
  if (reader.be<std::uint32_t>() != crc32c(bytes.substr(0, kSegmentHeaderBytes - 4)))
    return fail(ErrorCode::Damaged, "segment header has a wrong checksum");
  if (!is_known(version)) return fail(unknown_version(version));
  if (version >= 2) {
    header.size = size;
    header.previous_crc = previous_crc;
  }
  if (header.first == 0 || header.first > kNumberReadMax || header.previous.value > kNumberReadMax)
    return fail(ErrorCode::Damaged, "segment header has numbers that cannot be: first record " + std::to_string(header.first) +
                                        ", after epoch " + std::to_string(header.previous.value));
  return header;
}

std::string encode(RecordHeader& header, std::uint64_t offset, std::uint32_t seed) {
  std::string rest;
  append_be(rest, header.payload_crc);
  append_be(rest, header.length);
  append_be(rest, kFormatVersion);
  append_be(rest, static_cast<std::uint8_t>(header.extent));
  rest.append(2, '\0');
  append_be(rest, header.epoch.value);
  append_be(rest, header.sequence);
  header.crc = record_crc(rest, offset, seed);
  std::string out;
  append_be(out, header.crc);
  return out + rest;
}

Result<std::optional<RecordHeader>> decode_record_header(std::string_view bytes, std::uint64_t offset, std::uint32_t seed) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  bytes = bytes.substr(0, kRecordHeaderBytes);
  // What most places that hold no header look like; this is what a search goes by.
  if (bytes[12] == 0) return std::nullopt;
  ByteReader reader(bytes);
  RecordHeader header;
  header.crc = reader.be<std::uint32_t>();
  if (header.crc != record_crc(bytes.substr(4), offset, seed)) return std::nullopt;
  header.payload_crc = reader.be<std::uint32_t>();
  header.length = reader.be<std::uint32_t>();
  const auto version = reader.be<std::uint8_t>();
  if (!is_known(version)) return fail(unknown_version(version));
  const auto extent = reader.be<std::uint8_t>();
  if (version >= 2 && extent == static_cast<std::uint8_t>(Extent::EpochGoesOn)) header.extent = Extent::EpochGoesOn;
  reader.bytes(2);
  header.epoch.value = reader.be<std::uint64_t>();
  header.sequence = reader.be<std::uint64_t>();
  return header;
}

std::string segment_name(std::uint64_t first) { return numbered(kSegmentPrefix, first); }
std::optional<std::uint64_t> parse_segment_name(std::string_view name) { return parse_numbered(kSegmentPrefix, name); }
std::string spare_name(std::uint64_t number) { return numbered(kSparePrefix, number); }
std::optional<std::uint64_t> parse_spare_name(std::string_view name) { return parse_numbered(kSparePrefix, name); }

}  // namespace holdfast::log
