#include "log/verify.h"

#include <utility>

#include "log/segment_reader.h"

namespace holdfast::log {
namespace {

// Goes from segment to segment; what is known of the one before is what the next is held against.
class Walk {
 public:
  Walk(const std::string& directory, FileSystem& files, const PayloadCheck& check, LogReport& report)
      : directory_(directory), files_(files), check_(check), report_(report) {}

  // `end`: the number of the first record of the next segment; none for the last one.
  Result<void> segment(const std::string& name, std::optional<std::uint64_t> end) {
    ++report_.segments;
    const std::string path = directory_ + "/" + name;
    const auto file = files_.open(path, OpenMode::Read);
    if (!file) return fail(file.error());
    auto reader = SegmentReader::open(**file);
    if (!reader) {
      next_.reset();
      return note(path, 0, reader.error());
    }
    report_.bytes += kSegmentHeaderBytes;
    if (auto noted = follows(path, name, reader->header()); !noted) return noted;
    last_ = reader->header().previous;

    while (!end || reader->header().first + reader->records() < *end) {
      const auto record = reader->next();
      if (!record) return note(path, reader->offset(), record.error());
      if (!*record) break;
      ++report_.records;
      report_.bytes += record_bytes((*record)->header.length);
      last_ = (*record)->header.epoch;
      if (report_.first.value == 0) report_.first = last_;
      report_.last = last_;
      if (!check_) continue;
      if (const auto checked = check_(last_, (*record)->payload); !checked) (void)note(path, (*record)->offset, checked.error().message);
    }
    next_ = reader->header().first + reader->records();
    last_crc_ = reader->last_crc();
    return whole(path, *reader, end);
  }

 private:
  Result<void> follows(const std::string& path, const std::string& name, const SegmentHeader& header) {
    if (parse_segment_name(name) != header.first)
      return note(path, 0, "the header says that the first record is " + std::to_string(header.first));
    if (report_.segments == 1) {
      report_.previous = header.previous;
      return {};
    }
    if (!next_) return {};  // The segment before is damaged, which is said already.
    if (header.first > *next_)
      return note(path, 0, "records " + std::to_string(*next_) + " to " + std::to_string(header.first - 1) +
                               " before it are missing");
    if (header.previous != last_)
      return note(path, 0, "it follows epoch " + std::to_string(header.previous.value) + ", the segment before ends at " +
                               std::to_string(last_.value));
    if (header.previous_crc != 0 && header.previous_crc != last_crc_)
      return note(path, 0, "it follows another record than the last one of the segment before");
    return {};
  }

  Result<void> whole(const std::string& path, SegmentReader& reader, std::optional<std::uint64_t> end) {
    if (end && *next_ == *end && !reader.in_epoch()) return {};
    if (end || reader.records() == 0 || reader.in_epoch()) {
      next_.reset();
      const std::string why = reader.why_not().empty() ? "epoch " + std::to_string(last_.value) + " is not whole" : reader.why_not();
      return note(path, reader.offset(), why + (end ? ", but later segments exist" : ", for a record of the first epoch"));
    }
    const auto later = reader.find_later();
    if (!later) return note(path, reader.offset(), later.error());
    if (*later) {
      next_.reset();
      return note(path, reader.offset(), reader.why_not() + ", but a later record stands at offset " + std::to_string(**later));
    }
    if (reader.torn()) report_.torn = TornTail{path, reader.offset(), reader.torn_bytes()};
    return {};
  }

  Result<void> note(const std::string& path, std::uint64_t offset, std::string why) {
    if (report_.damage.empty() || report_.damage.back().file != path) report_.damage.push_back({path, offset, std::move(why)});
    return {};
  }
  Result<void> note(const std::string& path, std::uint64_t offset, const Error& error) {
    if (error.code != ErrorCode::Damaged && error.code != ErrorCode::Invalid) return fail(error);
    next_.reset();
    return note(path, offset, error.message);
  }

  const std::string& directory_;
  FileSystem& files_;
  const PayloadCheck& check_;
  LogReport& report_;
  std::optional<std::uint64_t> next_;  // Number of the record expected next; none: not known.
  model::Epoch last_;
  std::uint32_t last_crc_ = 0;  // Header checksum of that record.
};

}  // namespace

Result<LogReport> verify(const std::string& directory, FileSystem& files, const PayloadCheck& check) {
  const auto names = files.list(directory);
  if (!names) return fail(names.error());
  std::vector<std::string> segments;
  for (const auto& name : *names)
    if (parse_segment_name(name)) segments.push_back(name);
  LogReport report;
  Walk walk(directory, files, check, report);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto end = i + 1 < segments.size() ? parse_segment_name(segments[i + 1]) : std::nullopt;
    if (auto walked = walk.segment(segments[i], end); !walked) return fail(walked.error());
  }
  return report;
}

}  // namespace holdfast::log
