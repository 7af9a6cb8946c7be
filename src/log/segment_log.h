// SegmentLog: the epoch log on disk, as segment files of preallocated space. docs/data-format.md has every byte of it and the
// reasons for the rules below.
//
// An append is one write and one sync, into space that exists already: a growing file costs ten times as much at the tail.
// Segments have a fixed size from birth; while one fills, the next is written full of zeros beside it, or a trimmed one is used
// again. A file gets its place in the log (its name) only when its header and first epoch are durable. So of everything
// that a replay finds, the last record of the last segment, if it is not of the first epoch there, is the only one that may be torn.
// An epoch too large for one record is several, and begins a segment of its own size.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/file_system.h"
#include "log/segment_format.h"
#include "log/segment_reader.h"
#include "ports/epoch_log.h"

namespace holdfast::log {

class SegmentLog final : public ports::EpochLog {
 public:
  struct Options {
    std::uint64_t segment_bytes = 16u << 20;
    std::uint64_t first_segment_bytes = 256u << 10;  // Of a new log, so that it starts fast; each next one may be four times as large.
    std::uint64_t record_bytes_max = 64u << 20;      // Of the payload of one record; a larger epoch is several. What a replay holds at once.
    std::uint32_t spares_max = 4;                    // Trimmed segments kept to be used again.
    std::uint64_t seed = 0;                          // Of the segment ids; 0: from the system's entropy.
  };

  // Makes the directory if it is missing. `files` outlives the log. Nobody else may work on the directory (DirectoryLock).
  [[nodiscard]] static Result<std::unique_ptr<ports::EpochLog>> open(const std::string& directory, const Options& options,
                                                                     FileSystem& files);

  [[nodiscard]] Result<void> replay(model::Epoch after, const Replayed& replayed) override;
  [[nodiscard]] Result<void> append(model::Epoch epoch, std::span<const std::string_view> parts) override;
  [[nodiscard]] Result<void> trim(model::Epoch epoch) override;
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  // A segment of the log.
  struct Segment {
    std::string name;
    SegmentHeader header;
    std::uint64_t size = 0;  // Of the file.
    std::uint64_t used = 0;  // Header and records.
  };
  // A file that is not part of the log yet, or any more.
  struct Spare {
    std::string name;
    std::uint64_t size = 0;
    std::unique_ptr<File> file;  // Null: not open.
  };
  enum class State { New, Ready, Dead };

  SegmentLog(std::string directory, const Options& options, FileSystem& files);

  Result<void> find_files();
  Result<void> read_headers();
  Result<void> replay_full(const Segment& segment, const Segment& next, model::Epoch after, const Replayed& replayed);
  Result<void> replay_last(Segment& segment, model::Epoch after, const Replayed& replayed);
  Result<void> secure(File& file, std::uint64_t last_record, const SegmentReader& end);

  Result<void> append_here(model::Epoch epoch, std::span<const std::string_view> parts);
  Result<void> append_to_new(model::Epoch epoch, std::span<const std::string_view> parts, std::uint64_t total);
  Result<void> have_spare();
  Result<Spare> make_spare();
  Result<void> extend(Spare& spare, std::uint64_t bytes);
  void prepare_next(std::uint64_t appended);

  Result<void> die(const Error& why);
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
  Options options_;
  FileSystem& files_;
  std::uint64_t seed_;
  State state_ = State::New;
  std::string why_dead_;

  std::deque<Segment> segments_;  // Oldest first; the last one is written to.
  std::unique_ptr<File> active_;  // Of segments_.back().
  std::deque<Spare> spares_;      // The first is used next.
  std::uint64_t spare_number_ = 0;
  std::uint64_t owed_ = 0;        // Bytes of zeros that prepare_next() has still to write.
  bool prepare_ = true;           // False: it did not work (a full disk); not again before the next segment.
  std::uint64_t next_sequence_ = 1;
  model::Epoch last_;             // Of the newest record ever appended,
  std::uint32_t last_crc_ = 0;    // and the checksum of its header.
  std::uint64_t bytes_ = 0;
};

}  // namespace holdfast::log
