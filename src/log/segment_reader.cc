#include "log/segment_reader.h"

#include <algorithm>

#include "base/hash.h"

namespace holdfast::log {
namespace {

constexpr std::uint64_t kWindowBytes = 256u << 10;

}  // namespace

Result<SegmentReader> SegmentReader::open(const File& file) {
  const auto size = file.size();
  if (!size) return fail(size.error());
  SegmentReader reader(file, *size);
  const auto bytes = reader.peek(0, kSegmentHeaderBytes);
  if (!bytes) return fail(bytes.error());
  const auto header = decode_segment_header(*bytes);
  if (!header) return fail(header.error());
  if (*size < header->size)
    return fail(ErrorCode::Damaged, "the file has " + std::to_string(*size) + " bytes of the " + std::to_string(header->size) +
                                        " that it was made with: its end is missing");
  reader.header_ = *header;
  reader.last_crc_ = header->previous_crc;
  reader.seed_ = crc_seed(*header);
  reader.last_ = header->previous;
  return reader;
}

Result<std::string_view> SegmentReader::peek(std::uint64_t offset, std::uint64_t size) {
  if (offset >= size_) return std::string_view();
  size = std::min(size, size_ - offset);
  const auto window_end = window_offset_ + window_.size();
  if (offset < window_offset_ || offset + size > window_end) {
    window_offset_ = offset;
    window_.resize(std::min(std::max(size, kWindowBytes), size_ - offset));
    const auto got = file_->read(offset, window_.data(), window_.size());
    if (!got) {
      window_.clear();
      return fail(got.error());
    }
    window_.resize(*got);
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

Result<std::optional<StoredRecord>> SegmentReader::next() {
  const auto none = [&](std::string why) {
    why_not_ = std::move(why);
    return std::optional<StoredRecord>();
  };
  auto bytes = peek(offset_, kRecordHeaderBytes);
  if (!bytes) return fail(bytes.error());
  auto header = decode_record_header(*bytes, offset_, seed_);
  if (!header) return fail(header.error());
  if (!*header) return none("no record header with a right checksum");
  const RecordHeader record = **header;
  torn_bytes_ = std::min(record_bytes(record.length), size_ - offset_);
  if (record.sequence != header_.first + records_)
    return none("record has number " + std::to_string(record.sequence) + ", expected " +
                std::to_string(header_.first + records_));
  if (in_epoch_ && record.epoch != last_)
    return none("record has epoch " + std::to_string(record.epoch.value) + ", expected the rest of epoch " + std::to_string(last_.value));
  if (!in_epoch_ && record.epoch <= last_)
    return none("record has epoch " + std::to_string(record.epoch.value) + ", which is not above " +
                std::to_string(last_.value));
  if (!in_epoch_ && record.extent == Extent::EpochGoesOn && records_ > 0)
    return none("record is the first of several of epoch " + std::to_string(record.epoch.value) + ", which begin a segment");
  if (record.epoch.value > kNumberReadMax || record.sequence > kNumberReadMax)
    return none("record has epoch " + std::to_string(record.epoch.value) + ", which cannot be");
  const std::uint64_t total = record_bytes(record.length);
  if (record.length > kRecordBytesMax || total > size_ - offset_)
    return none("record of " + std::to_string(record.length) + " bytes goes beyond the end of the file");

  bytes = peek(offset_, total);
  if (!bytes) return fail(bytes.error());
  if (bytes->size() < total) return none("record is cut short");
  const auto payload = bytes->substr(kRecordHeaderBytes, record.length);
  if (crc32c(payload, seed_) != record.payload_crc) return none("payload has a wrong checksum");
  const auto padding = bytes->substr(kRecordHeaderBytes + record.length);
  if (std::any_of(padding.begin(), padding.end(), [](char c) { return c != 0; })) return none("padding is not zero");

  StoredRecord out{record, offset_, payload};
  offset_ += total;
  ++records_;
  in_epoch_ = record.extent == Extent::EpochGoesOn;
  last_crc_ = record.crc;
  last_ = record.epoch;
  torn_bytes_ = 0;
  return out;
}

Result<std::optional<std::uint64_t>> SegmentReader::find_later() {
  for (std::uint64_t at = offset_ + kRecordAlignment; at + kRecordHeaderBytes <= size_; at += kRecordAlignment) {
    const auto bytes = peek(at, kRecordHeaderBytes);
    if (!bytes) return fail(bytes.error());
    const auto header = decode_record_header(*bytes, at, seed_);
    if (!header) return fail(header.error());
    if (*header) return at;
  }
  return std::nullopt;
}

}  // namespace holdfast::log
