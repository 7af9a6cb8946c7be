#include "log/segment_log.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "log/replay_bounds.h"

namespace holdfast::log {
namespace {

constexpr std::uint64_t kZeroBytes = 64u << 10;
constexpr std::array<char, kZeroBytes> kZeros{};
// A segment may be this much larger than the one before, and is prepared that much faster than that one fills.
constexpr std::uint64_t kGrowth = 4;

std::uint64_t size_of(std::span<const std::string_view> parts) {
  std::uint64_t size = 0;
  for (const auto part : parts) size += part.size();
  return size;
}

// What an epoch of this many bytes takes in a file, in records of at most `record_max` each.
std::uint64_t epoch_bytes(std::uint64_t payload, std::uint64_t record_max) {
  if (payload <= record_max) return record_bytes(payload);
  const auto rest = payload % record_max;
  return payload / record_max * record_bytes(record_max) + (rest == 0 ? 0 : record_bytes(rest));
}

// The bytes of an epoch's records, as what File::write() takes.
class Encoded {
 public:
  Encoded(const SegmentHeader& segment, std::uint64_t offset, model::Epoch epoch, std::uint64_t sequence, std::uint64_t record_max,
          std::span<const std::string_view> parts)
      : seed_(crc_seed(segment)), offset_(offset), header_{.epoch = epoch, .sequence = sequence} {
    if (offset == kSegmentHeaderBytes) pieces_.push_back(heads_.emplace_back(encode(segment)));
    auto left = size_of(parts);
    std::size_t part = 0;
    std::size_t taken = 0;  // Of that part.
    do {
      header_.length = static_cast<std::uint32_t>(std::min(left, record_max));
      left -= header_.length;
      std::vector<std::string_view> payload;
      for (std::uint64_t missing = header_.length; missing > 0;) {
        const auto piece = parts[part].substr(taken, missing);
        payload.push_back(piece);
        missing -= piece.size();
        taken += piece.size();
        if (taken < parts[part].size()) continue;
        ++part;
        taken = 0;
      }
      add(payload, left == 0 ? Extent::EndsEpoch : Extent::EpochGoesOn);
    } while (left > 0);
  }
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;

  [[nodiscard]] std::span<const std::string_view> pieces() const { return pieces_; }
  [[nodiscard]] std::uint64_t end() const { return offset_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return header_.sequence; }
  [[nodiscard]] std::uint32_t last_crc() const { return header_.crc; }

 private:
  void add(std::span<const std::string_view> payload, Extent extent) {
    header_.extent = extent;
    header_.payload_crc = seed_;
    for (const auto piece : payload) header_.payload_crc = crc32c(piece, header_.payload_crc);
    pieces_.push_back(heads_.emplace_back(encode(header_, offset_, seed_)));
    pieces_.insert(pieces_.end(), payload.begin(), payload.end());
    const auto total = record_bytes(header_.length);
    pieces_.push_back({kZeros.data(), total - kRecordHeaderBytes - header_.length});
    offset_ += total;
    ++header_.sequence;
  }

  std::uint32_t seed_;
  std::uint64_t offset_;  // Of the next record,
  RecordHeader header_;   // and its number; all else is of the one before.
  std::deque<std::string> heads_;
  std::vector<std::string_view> pieces_;
};

tl::unexpected<Error> damaged(const std::string& file, std::uint64_t offset, const std::string& why) {
  return fail(ErrorCode::Damaged, file + " at offset " + std::to_string(offset) + ": " + why);
}

// Names the file in what a reader says about its bytes; errors of the system name it already.
tl::unexpected<Error> in_file(const std::string& file, std::uint64_t offset, const Error& error) {
  if (error.code == ErrorCode::Damaged) return damaged(file, offset, error.message);
  if (error.code == ErrorCode::Invalid) return fail(ErrorCode::Invalid, file + ": " + error.message);
  return fail(error);
}

}  // namespace

Result<std::unique_ptr<ports::EpochLog>> SegmentLog::open(const std::string& directory, const Options& options,
                                                          FileSystem& files) {
  if (auto made = files.make_directory(directory); !made) return fail(made.error());
  return std::unique_ptr<ports::EpochLog>(new SegmentLog(directory, options, files));
}

SegmentLog::SegmentLog(std::string directory, const Options& options, FileSystem& files)
    : directory_(std::move(directory)),
      options_(options),
      files_(files),
      seed_(options.seed != 0 ? options.seed : entropy()) {}

Result<void> SegmentLog::replay(model::Epoch after, const Replayed& replayed) {
  HOLDFAST_CHECK(state_ == State::New);
  state_ = State::Dead;
  why_dead_ = "its replay has failed";
  if (auto found = find_files(); !found) return found;
  if (auto read = read_headers(); !read) return read;
  if (!segments_.empty() && after < segments_.front().header.previous)
    return check_replay_bounds(after, segments_.front().header.previous, segments_.front().header.previous);
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (segments_[i + 1].header.previous > after) {
      if (auto read = replay_full(segments_[i], segments_[i + 1], after, replayed); !read) return read;
    }
    bytes_ += segments_[i].used;
  }
  if (!segments_.empty()) {
    if (auto read = replay_last(segments_.back(), after, replayed); !read) return read;
    bytes_ += segments_.back().used;
  }
  if (auto fits = check_replay_bounds(after, {}, last_); !fits) return fits;
  state_ = State::Ready;
  return {};
}

Result<void> SegmentLog::find_files() {
  const auto names = files_.list(directory_);
  if (!names) return fail(names.error());
  for (const auto& name : *names) {
    if (const auto first = parse_segment_name(name)) {
      segments_.push_back({name, {{}, *first, {}}, 0, 0});
    } else if (const auto number = parse_spare_name(name)) {
      spare_number_ = std::max(spare_number_, *number);
      auto file = files_.open(path(name), OpenMode::ReadWrite);
      if (!file) return fail(file.error());
      const auto size = (*file)->size();
      if (!size) return fail(size.error());
      if (spares_.size() < options_.spares_max)
        spares_.push_back({name, *size, std::move(*file)});
      else if (auto removed = files_.remove(path(name)); !removed)
        return removed;
    }
  }
  return {};
}

// What the headers alone can tell; it makes replay_full() and skipping what the view has already safe.
Result<void> SegmentLog::read_headers() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    const auto file = files_.open(path(segment.name), OpenMode::Read);
    if (!file) return fail(file.error());
    const auto reader = SegmentReader::open(**file);
    if (!reader) return in_file(path(segment.name), 0, reader.error());
    if (reader->header().first != segment.header.first)
      return damaged(path(segment.name), 0, "the header says that the first record is " + std::to_string(reader->header().first));
    segment.header = reader->header();
    segment.size = segment.used = reader->file_size();
    if (i > 0 && segment.header.previous <= segments_[i - 1].header.previous)
      return damaged(path(segment.name), 0, "its epochs do not follow those of the segment before");
  }
  return {};
}

// A segment with another behind it was full and durable before that one came to be: all of it must be there.
Result<void> SegmentLog::replay_full(const Segment& segment, const Segment& next, model::Epoch after,
                                     const Replayed& replayed) {
  const auto file = files_.open(path(segment.name), OpenMode::Read);
  if (!file) return fail(file.error());
  auto reader = SegmentReader::open(**file);
  if (!reader) return in_file(path(segment.name), 0, reader.error());
  model::Epoch last = segment.header.previous;
  while (segment.header.first + reader->records() < next.header.first) {
    auto record = reader->next();
    if (!record) return in_file(path(segment.name), reader->offset(), record.error());
    if (!*record) return damaged(path(segment.name), reader->offset(), reader->why_not() + ", but later segments exist");
    last = (*record)->header.epoch;
    if (last <= after) continue;
    if (auto taken = replayed(last, (*record)->payload); !taken) return taken;
  }
  if (last != next.header.previous)
    return damaged(path(next.name), 0, "it follows epoch " + std::to_string(next.header.previous.value) +
                                           ", the segment before ends at " + std::to_string(last.value));
  if (reader->in_epoch())
    return damaged(path(segment.name), reader->offset(), "epoch " + std::to_string(last.value) + " is not whole, but later segments exist");
  if (next.header.previous_crc != 0 && next.header.previous_crc != reader->last_crc())
    return damaged(path(next.name), 0, "it follows another record than the last one of the segment before");
  return {};
}

Result<void> SegmentLog::replay_last(Segment& segment, model::Epoch after, const Replayed& replayed) {
  auto file = files_.open(path(segment.name), OpenMode::ReadWrite);
  if (!file) return fail(file.error());
  auto reader = SegmentReader::open(**file);
  if (!reader) return in_file(path(segment.name), 0, reader.error());
  std::uint64_t last_offset = 0;
  while (true) {
    auto record = reader->next();
    if (!record) return in_file(path(segment.name), reader->offset(), record.error());
    if (!*record) break;
    last_offset = (*record)->offset;
    last_ = (*record)->header.epoch;
    if (last_ <= after) continue;
    if (auto taken = replayed(last_, (*record)->payload); !taken) return taken;
  }
  // The first epoch was durable before the file was given its name.
  if (reader->records() == 0 || reader->in_epoch())
    return damaged(path(segment.name), reader->offset(), reader->why_not() + ", for a record of the first epoch");
  const auto later = reader->find_later();
  if (!later) return in_file(path(segment.name), reader->offset(), later.error());
  if (*later)
    return damaged(path(segment.name), reader->offset(),
                   reader->why_not() + ", but a later record stands at offset " + std::to_string(**later));
  segment.used = reader->offset();
  next_sequence_ = segment.header.first + reader->records();
  last_crc_ = reader->last_crc();
  if (auto secured = secure(**file, last_offset, *reader); !secured) return secured;
  if (reader->torn())
    log_warn("the last record of the log was cut short and is cut away",
             {{"file", path(segment.name)}, {"offset", reader->offset()}, {"bytes", reader->torn_bytes()}, {"why", reader->why_not()}});
  active_ = std::move(*file);
  return {};
}

// What was replayed must be durable before anybody acts on it, and what is in the system's cache need not be: the process may have
// died between write and sync, or because a sync failed, after which the system believes the page to be clean. Only the last
// record and its file's name can be in that state.
Result<void> SegmentLog::secure(File& file, std::uint64_t last_record, const SegmentReader& end) {
  std::string bytes(end.offset() - last_record, '\0');
  const auto got = file.read(last_record, bytes.data(), bytes.size());
  if (!got) return fail(got.error());
  if (*got != bytes.size()) return fail(ErrorCode::Io, "read " + path(segments_.back().name) + ": it became shorter");
  if (end.torn()) bytes.append(kRecordHeaderBytes, '\0');
  const std::string_view whole = bytes;
  if (auto written = file.write(last_record, {&whole, 1}); !written) return written;
  if (auto synced = file.sync(); !synced) return synced;
  return files_.sync_directory(directory_);
}

Result<void> SegmentLog::append(model::Epoch epoch, std::span<const std::string_view> parts) {
  HOLDFAST_CHECK(state_ != State::New);
  if (state_ == State::Dead) return fail(ErrorCode::Io, "the log in " + directory_ + " cannot be used any more: " + why_dead_);
  HOLDFAST_CHECK(epoch > last_ && epoch.value < kNumberMax);
  const auto payload = size_of(parts);
  const auto total = epoch_bytes(payload, options_.record_bytes_max);
  const bool fits = active_ != nullptr && payload <= options_.record_bytes_max && total <= segments_.back().size - segments_.back().used;
  if (auto appended = fits ? append_here(epoch, parts) : append_to_new(epoch, parts, total); !appended)
    return appended;
  last_ = epoch;
  prepare_next(total);
  return {};
}

Result<void> SegmentLog::append_here(model::Epoch epoch, std::span<const std::string_view> parts) {
  Segment& segment = segments_.back();
  const Encoded record(segment.header, segment.used, epoch, next_sequence_, options_.record_bytes_max, parts);
  if (auto written = active_->write(segment.used, record.pieces()); !written) {
    if (written.error().code != ErrorCode::NoSpace) return die(written.error());
    // Only file systems that never write in place come here. What is there may be whole after a crash if it ends in zeros.
    const std::string_view nothing(kZeros.data(), kRecordHeaderBytes);
    if (auto wiped = active_->write(segment.used, {&nothing, 1}); !wiped) return die(wiped.error());
    return written;
  }
  if (auto synced = active_->sync(); !synced) return die(synced.error());
  bytes_ += record.end() - segment.used;
  segment.used = record.end();
  next_sequence_ = record.next_sequence();
  last_crc_ = record.last_crc();
  return {};
}

Result<void> SegmentLog::append_to_new(model::Epoch epoch, std::span<const std::string_view> parts, std::uint64_t total) {
  if (auto have = have_spare(); !have) return have;
  Spare& spare = spares_.front();
  const auto size = std::max(spare.size, kSegmentHeaderBytes + total);
  Segment segment{segment_name(next_sequence_), {{}, next_sequence_, last_, size, last_crc_}, size, kSegmentHeaderBytes + total};
  // No two segments have the same id, even if every run of the program gets the same seed: a run that crashed before this place was
  // taken may have left another epoch in this very file.
  std::uint32_t content = 0;
  for (const auto part : parts) content = crc32c(part, content);
  SeededRandom random(seed_ ^ stable_hash(segment.name + std::to_string(epoch.value) + "/" + std::to_string(total) + "/" + std::to_string(content)));
  for (char& c : segment.header.id) c = static_cast<char>(random.next());
  const Encoded record(segment.header, kSegmentHeaderBytes, epoch, next_sequence_, options_.record_bytes_max, parts);
  // Its last bytes are written as well: the size that the header speaks of must not rest on what an earlier run could not sync.
  const std::string_view tail(kZeros.data(), std::min(kRecordAlignment, size - segment.used));
  auto written = spare.file->write(size - tail.size(), {&tail, 1});
  if (written) written = spare.file->write(0, record.pieces());
  if (!written) {
    if (written.error().code != ErrorCode::NoSpace) return die(written.error());
    // Give back what a record larger than the file has made of it.
    const auto removed = files_.remove(path(spare.name));
    spares_.pop_front();
    if (!removed) return die(removed.error());
    return written;
  }
  if (auto synced = spare.file->sync(); !synced) return die(synced.error());
  if (auto renamed = files_.rename(path(spare.name), path(segment.name)); !renamed)
    return renamed.error().code == ErrorCode::NoSpace ? renamed : die(renamed.error());
  if (auto synced = files_.sync_directory(directory_); !synced) return die(synced.error());

  active_ = std::move(spare.file);
  spares_.pop_front();
  next_sequence_ = record.next_sequence();
  last_crc_ = record.last_crc();
  bytes_ += segment.used;
  segments_.push_back(std::move(segment));
  owed_ = 0;
  prepare_ = true;
  return {};
}

Result<void> SegmentLog::have_spare() {
  if (spares_.empty()) {
    auto spare = make_spare();
    if (!spare) return fail(spare.error());
    spares_.push_back(std::move(*spare));
    auto extended = extend(spares_.front(), std::min(options_.first_segment_bytes, options_.segment_bytes));
    // On a disk that is almost full a segment of what there was is better than none.
    if (!extended && extended.error().code != ErrorCode::NoSpace) return die(extended.error());
  }
  Spare& spare = spares_.front();
  if (!spare.file) {
    auto file = files_.open(path(spare.name), OpenMode::ReadWrite);
    if (!file) return fail(file.error());
    spare.file = std::move(*file);
  }
  return {};
}

Result<SegmentLog::Spare> SegmentLog::make_spare() {
  Spare spare{spare_name(++spare_number_), 0, nullptr};
  auto file = files_.open(path(spare.name), OpenMode::Create);
  if (!file) return fail(file.error());
  spare.file = std::move(*file);
  return spare;
}

Result<void> SegmentLog::extend(Spare& spare, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::string_view zeros(kZeros.data(), std::min(bytes, kZeroBytes));
    if (auto written = spare.file->write(spare.size, {&zeros, 1}); !written) return written;
    spare.file->start_writing(spare.size, zeros.size());
    spare.size += zeros.size();
    bytes -= zeros.size();
  }
  return {};
}

// Writes the zeros of the next segment beside the records of this one, in proportion, so that no single append pays for them.
void SegmentLog::prepare_next(std::uint64_t appended) {
  const auto size = std::min(options_.segment_bytes, kGrowth * segments_.back().size);
  if (!prepare_ || (!spares_.empty() && spares_.front().size >= size)) return;
  owed_ += kGrowth * appended;
  if (owed_ < kZeroBytes) return;
  if (spares_.empty()) {
    auto spare = make_spare();
    if (!spare) {
      prepare_ = false;
      return;
    }
    spares_.push_back(std::move(*spare));
  }
  if (!spares_.front().file) {
    prepare_ = have_spare().has_value();
    if (!prepare_) return;
  }
  Spare& spare = spares_.front();
  prepare_ = extend(spare, std::min(owed_, size - spare.size)).has_value();
  owed_ = 0;
}

Result<void> SegmentLog::trim(model::Epoch epoch) {
  HOLDFAST_CHECK(state_ != State::New);
  if (state_ == State::Dead) return fail(ErrorCode::Io, "the log in " + directory_ + " cannot be used any more: " + why_dead_);
  // The last segment stays: it is written to, and knows where the log has got to.
  while (segments_.size() > 1 && segments_[1].header.previous <= epoch) {
    const Segment& oldest = segments_.front();
    const bool keep = spares_.size() < options_.spares_max && oldest.size >= segments_.back().size &&
                      oldest.size <= 2 * options_.segment_bytes;
    Spare spare{spare_name(spare_number_ + 1), oldest.size, nullptr};
    if (auto gone = keep ? files_.rename(path(oldest.name), path(spare.name)) : files_.remove(path(oldest.name)); !gone)
      return gone;
    // One by one: of several that are gone, a crash could bring back any, and leave a gap. And a file that may come back into the
    // log must not be written to.
    if (auto synced = files_.sync_directory(directory_); !synced) return die(synced.error());
    bytes_ -= oldest.used;
    segments_.pop_front();
    if (!keep) continue;
    ++spare_number_;
    const bool better = !spares_.empty() && spares_.front().size < spare.size;
    spares_.insert(better ? spares_.begin() : spares_.end(), std::move(spare));
  }
  return {};
}

Result<void> SegmentLog::die(const Error& why) {
  state_ = State::Dead;
  why_dead_ = why.message;
  return fail(ErrorCode::Io, "the log in " + directory_ + " cannot be used any more: " + why.message);
}

}  // namespace holdfast::log
