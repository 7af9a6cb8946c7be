// SegmentReader: walks the records of one segment file, whatever bytes are in it, in bounded memory. Judges nothing: what a missing
// or bad record means depends on the segments around it (segment_log.cc, verify.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "log/file_system.h"
#include "log/segment_format.h"

namespace holdfast::log {

struct StoredRecord {
  RecordHeader header;
  std::uint64_t offset = 0;
  std::string_view payload;  // Until the next call.
};

class SegmentReader {
 public:
  // `file` outlives the reader. ErrorCode::Damaged, Invalid (a format version unknown here) or what reading gives.
  [[nodiscard]] static Result<SegmentReader> open(const File& file);

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] std::uint64_t file_size() const { return size_; }
  // The end of the last whole record (or of the header): where the next one is, or would be.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  // Whether the last record was not the end of its epoch.
  [[nodiscard]] bool in_epoch() const { return in_epoch_; }
  // The header checksum of the last record; before the first one, what the segment says of the record before it.
  [[nodiscard]] std::uint32_t last_crc() const { return last_crc_; }

  // The next record; none if the bytes at offset() are not one: why_not() says what is wrong with them.
  [[nodiscard]] Result<std::optional<StoredRecord>> next();
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  // Whether they begin with a header of a record, so that a record was certainly begun there. (Without one they may be what an earlier
  // use of the file has left.)
  [[nodiscard]] bool torn() const { return torn_bytes_ != 0; }
  // How many bytes of the file that record has, or would have.
  [[nodiscard]] std::uint64_t torn_bytes() const { return torn_bytes_; }

  // After next() gave none: where behind offset() the header of a later record stands. Records are written one after the other, each
  // when the one before is durable, so if there is one, what is missing at offset() was durable once.
  [[nodiscard]] Result<std::optional<std::uint64_t>> find_later();

 private:
  SegmentReader(const File& file, std::uint64_t size) : file_(&file), size_(size) {}
  // At least `size` bytes from `offset`, less at the end of the file.
  Result<std::string_view> peek(std::uint64_t offset, std::uint64_t size);

  const File* file_;
  std::uint64_t size_;
  SegmentHeader header_;
  std::uint32_t seed_ = 0;
  std::uint64_t offset_ = kSegmentHeaderBytes;
  std::uint64_t records_ = 0;
  bool in_epoch_ = false;
  std::uint32_t last_crc_ = 0;
  model::Epoch last_;
  std::string why_not_;
  std::uint64_t torn_bytes_ = 0;
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace holdfast::log
