// Damage to what was durable: found and named, or, where it cannot be told from a torn tail, cut (docs/data-format.md says why).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "log/fake_file_system.h"
#include "log/segment_format.h"
#include "log/segment_log.h"
#include "log/verify.h"
#include "log_probe.h"

namespace holdfast::log {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::append;
using testing::Records;
using testing::replay;

constexpr const char* kDirectory = "/data/log";

SegmentLog::Options options() {
  SegmentLog::Options out;
  out.segment_bytes = 1024;
  out.first_segment_bytes = 1024;
  out.record_bytes_max = 400;
  out.seed = 11;
  return out;
}

void put(std::string& bytes, std::size_t at, std::uint32_t value) {
  std::string out;
  append_be(out, value);
  bytes.replace(at, out.size(), out);
}

std::string as_version_1(std::string bytes) {
  bytes[8] = 1;
  bytes.replace(48, 12, std::string(12, '\0'));
  put(bytes, kSegmentHeaderBytes - 4, crc32c(std::string_view(bytes).substr(0, kSegmentHeaderBytes - 4)));
  const auto seed = crc_seed(decode_segment_header(bytes).value());
  for (std::uint64_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes <= bytes.size();) {
    const auto header = decode_record_header(std::string_view(bytes).substr(at), at, seed).value();
    if (!header) break;
    EXPECT_EQ(header->extent, Extent::EndsEpoch);
    bytes[at + 12] = 1;
    std::string place;
    append_be(place, at);
    put(bytes, at, crc32c(std::string_view(bytes).substr(at + 4, kRecordHeaderBytes - 4), crc32c(place, seed)));
    at += record_bytes(header->length);
  }
  return bytes;
}

enum class Epochs { OneIsLarge, AllAreSmall };

// A log of several segments, at rest.
struct Stored {
  explicit Stored(Epochs epochs = Epochs::OneIsLarge) {
    auto log = SegmentLog::open(kDirectory, options(), disk).value();
    EXPECT_TRUE(replay(*log, 0));
    SeededRandom random(4);
    for (std::uint64_t epoch = 1; epoch <= 14; ++epoch) {
      std::string payload(epochs == Epochs::OneIsLarge && epoch == 9 ? 1000 : random.below(300), '\0');  // The ninth is of three records.
      for (char& c : payload) c = static_cast<char>(random.next());
      records.emplace_back(epoch, payload);
      EXPECT_TRUE(append(*log, epoch, payload));
    }
    log.reset();
    disk.kill();
    for (const auto& path : disk.paths())
      if (parse_segment_name(path.substr(path.rfind('/') + 1))) segments.push_back(path);
  }
  // As version 1 of the format has it, which says neither sizes nor what a segment follows, and knows no epochs of several records.
  void make_version_1() {
    for (const auto& path : segments) disk.set_content(path, as_version_1(disk.content(path)));
  }
  Result<Records> reopen() {
    disk.kill();
    auto log = SegmentLog::open(kDirectory, options(), disk).value();
    return replay(*log, 0);
  }
  FakeFileSystem disk{9};
  Records records;
  std::vector<std::string> segments;
};

TEST(SegmentLogDamage, EveryFlippedByteIsFoundOrCutsTheLastRecord) {
  Stored stored;
  ASSERT_GE(stored.segments.size(), 3u);
  ASSERT_EQ(stored.reopen().value(), stored.records);
  const auto report = verify(kDirectory, stored.disk).value();
  std::uint64_t damaged = 0, cut = 0, harmless = 0;
  for (const auto& path : stored.segments) {
    const std::string sound = stored.disk.content(path);
    for (std::size_t offset = 0; offset < sound.size(); ++offset) {
      SCOPED_TRACE(path + " offset " + std::to_string(offset));
      std::string bytes = sound;
      bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << offset % 8));
      stored.disk.set_content(path, bytes);
      const auto found = stored.reopen();
      const auto seen = verify(kDirectory, stored.disk).value();
      if (!found) {
        EXPECT_EQ(found.error().code, ErrorCode::Damaged);
        EXPECT_THAT(found.error().message, HasSubstr(path + " at offset "));
        EXPECT_FALSE(seen.damage.empty());
        ++damaged;
      } else if (*found == stored.records) {
        EXPECT_TRUE(seen.damage.empty());
        ++harmless;
      } else {
        EXPECT_EQ(path, stored.segments.back());
        EXPECT_EQ(*found, Records(stored.records.begin(), stored.records.end() - 1));
        EXPECT_TRUE(seen.damage.empty());
        ++cut;
      }
      if (HasFailure()) return;
    }
    stored.disk.set_content(path, sound);
  }
  const auto last_record = record_bytes(stored.records.back().second.size());
  EXPECT_EQ(cut, last_record);
  EXPECT_EQ(damaged, report.bytes - last_record);
  EXPECT_GT(harmless, 0u);
}

TEST(SegmentLogDamage, TheViewThatHasTheLastRecordDoesNotLetItBeCut) {
  Stored stored;
  std::string bytes = stored.disk.content(stored.segments.back());
  const auto tail = bytes.find(stored.records.back().second);
  ASSERT_NE(tail, std::string::npos);
  bytes[tail] = static_cast<char>(~bytes[tail]);
  stored.disk.set_content(stored.segments.back(), bytes);
  auto log = SegmentLog::open(kDirectory, options(), stored.disk).value();
  const auto found = replay(*log, stored.records.back().first);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::Damaged);
  EXPECT_THAT(found.error().message, HasSubstr("but the view has reached 14"));
}

TEST(SegmentLogDamage, AMissingSegmentIsFound) {
  for (std::size_t missing = 0; missing + 1 < Stored().segments.size(); ++missing) {
    Stored stored;
    ASSERT_TRUE(stored.disk.remove(stored.segments[missing]));
    ASSERT_TRUE(stored.disk.sync_directory(kDirectory));
    const auto found = stored.reopen();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::Damaged) << found.error().message;
    const auto seen = verify(kDirectory, stored.disk).value();
    if (missing == 0) {
      // The log alone cannot tell this from a trimmed one; the view can.
      EXPECT_GT(seen.previous.value, 0u);
    } else {
      EXPECT_THAT(seen.damage, SizeIs(1));
    }
  }
}

TEST(SegmentLogDamage, EveryShorterFileIsFound) {
  Stored stored;
  for (const auto& path : stored.segments) {
    const std::string sound = stored.disk.content(path);
    for (std::size_t size = 0; size < sound.size(); ++size) {
      SCOPED_TRACE(path + " size " + std::to_string(size));
      stored.disk.set_content(path, sound.substr(0, size));
      const auto found = stored.reopen();
      ASSERT_FALSE(found);
      EXPECT_EQ(found.error().code, ErrorCode::Damaged) << found.error().message;
      EXPECT_THAT(found.error().message, HasSubstr(path));
      EXPECT_THAT(verify(kDirectory, stored.disk).value().damage, SizeIs(1));
      if (HasFailure()) return;
    }
    stored.disk.set_content(path, sound);
  }
}

// One whose records the view has is not read at a start; its header is.
TEST(SegmentLogDamage, AShorterFileIsFoundAlsoIfTheViewHasAllOfIt) {
  Stored stored;
  const auto& first = stored.segments.front();
  const std::string sound = stored.disk.content(first);
  stored.disk.set_content(first, sound.substr(0, sound.size() - 1));
  auto log = SegmentLog::open(kDirectory, options(), stored.disk).value();
  const auto found = replay(*log, stored.records.back().first);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr(first + " at offset 0: the file has 1023 bytes of the 1024"));
}

TEST(SegmentLogDamage, ASegmentThatFollowsAnotherEndThanItsPredecessorsIsFound) {
  Stored stored;
  // The last record of the first segment is another one, of the same length, number and epoch, and sound in itself.
  std::string bytes = stored.disk.content(stored.segments[0]);
  const auto seed = crc_seed(decode_segment_header(bytes).value());
  std::uint64_t at = kSegmentHeaderBytes, last = 0;
  while (const auto header = decode_record_header(std::string_view(bytes).substr(at), at, seed).value()) {
    last = at;
    at += record_bytes(header->length);
  }
  auto header = *decode_record_header(std::string_view(bytes).substr(last), last, seed).value();
  ASSERT_GT(header.length, 0u);
  bytes[last + kRecordHeaderBytes] ^= 1;
  header.payload_crc = crc32c(std::string_view(bytes).substr(last + kRecordHeaderBytes, header.length), seed);
  bytes.replace(last, kRecordHeaderBytes, encode(header, last, seed));
  stored.disk.set_content(stored.segments[0], bytes);
  const auto found = stored.reopen();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr(stored.segments[1] + " at offset 0: it follows another record"));
  EXPECT_THAT(verify(kDirectory, stored.disk).value().damage, SizeIs(1));
}

TEST(SegmentLogDamage, ALogOfVersion1IsReadAndGoneOnWith) {
  Stored stored(Epochs::AllAreSmall);
  stored.make_version_1();
  ASSERT_EQ(stored.reopen().value(), stored.records);
  EXPECT_THAT(verify(kDirectory, stored.disk).value().damage, SizeIs(0));
  {
    auto log = SegmentLog::open(kDirectory, options(), stored.disk).value();
    ASSERT_TRUE(replay(*log, 0));
    for (std::uint64_t epoch = 15; epoch <= 40; ++epoch) {
      stored.records.emplace_back(epoch, std::string(epoch * 30, 'x'));
      ASSERT_TRUE(append(*log, epoch, stored.records.back().second));
    }
  }
  EXPECT_EQ(stored.reopen().value(), stored.records);
  EXPECT_THAT(verify(kDirectory, stored.disk).value().damage, SizeIs(0));
}

// What cannot be written: the first of several records in the middle of a segment, and an epoch that lacks its end.
TEST(SegmentLogDamage, APartOfAnEpochThatIsNotWholeIsNoEpoch) {
  FakeFileSystem disk(3);
  for (const auto before : {0u, 1u}) {
    SegmentHeader segment{.first = 1, .size = 1024};
    std::string bytes = encode(segment);
    RecordHeader header{.epoch = {5}, .sequence = 1};
    const auto add = [&](Extent extent, std::uint64_t epoch) {
      header.payload_crc = crc32c("", crc_seed(segment));
      header.extent = extent;
      header.epoch = {epoch};
      bytes += encode(header, bytes.size(), crc_seed(segment));
      ++header.sequence;
    };
    if (before == 1) add(Extent::EndsEpoch, 4);
    add(Extent::EpochGoesOn, 5);
    if (before == 1) add(Extent::EndsEpoch, 5);
    bytes.resize(1024, '\0');
    disk.set_content(std::string(kDirectory) + "/" + segment_name(1), bytes);
    auto log = SegmentLog::open(kDirectory, options(), disk).value();
    const auto found = replay(*log, 0);
    ASSERT_FALSE(found) << before;
    EXPECT_EQ(found.error().code, ErrorCode::Damaged);
    EXPECT_THAT(verify(kDirectory, disk).value().damage, SizeIs(1));
  }
}

TEST(SegmentLogDamage, AnotherFormatVersionIsRefusedAsSuch) {
  Stored stored;
  std::string bytes = stored.disk.content(stored.segments[1]);
  bytes[8] = 3;
  std::string crc;
  append_be(crc, crc32c(std::string_view(bytes).substr(0, kSegmentHeaderBytes - 4)));
  bytes.replace(kSegmentHeaderBytes - 4, 4, crc);
  stored.disk.set_content(stored.segments[1], bytes);
  const auto found = stored.reopen();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::Invalid);
  EXPECT_THAT(found.error().message, HasSubstr(stored.segments[1] + ": format version 3"));
}

TEST(SegmentLogDamage, ARecycledFileNeverGivesBackWhatItHeld) {
  FakeFileSystem disk(2);
  auto log = SegmentLog::open(kDirectory, options(), disk).value();
  ASSERT_TRUE(replay(*log, 0));
  std::uint64_t epoch = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(append(*log, ++epoch, std::string(100, 'x')));
    ASSERT_TRUE(log->trim({epoch - 1}));
  }
  EXPECT_LE(disk.paths().size(), 8u);
  log.reset();
  disk.kill();
  log = SegmentLog::open(kDirectory, options(), disk).value();
  const auto found = replay(*log, epoch - 1).value();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].first, epoch);
}

TEST(SegmentLogDamage, VerifyTellsWhatThereIs) {
  Stored stored;
  const auto report = verify(kDirectory, stored.disk).value();
  EXPECT_EQ(report.segments, stored.segments.size());
  EXPECT_EQ(report.records, 16u);
  EXPECT_EQ(report.first.value, 1u);
  EXPECT_EQ(report.last.value, 14u);
  EXPECT_EQ(report.previous.value, 0u);
  EXPECT_FALSE(report.torn);
  EXPECT_THAT(report.damage, SizeIs(0));

  // A record whose header got to the disk and whose payload did not.
  const auto& last = stored.segments.back();
  std::string bytes = stored.disk.content(last);
  const auto tail = bytes.find(stored.records.back().second);
  bytes[tail + 1] = static_cast<char>(bytes[tail + 1] + 1);
  stored.disk.set_content(last, bytes);
  const auto torn = verify(kDirectory, stored.disk).value();
  ASSERT_TRUE(torn.torn);
  EXPECT_EQ(torn.torn->file, last);
  EXPECT_EQ(torn.torn->offset, tail - kRecordHeaderBytes);
  EXPECT_EQ(torn.torn->bytes, record_bytes(stored.records.back().second.size()));
  EXPECT_EQ(torn.records, 15u);
  EXPECT_EQ(stored.disk.content(last), bytes);

  // An operator must learn of it at the next start, too: what is cut is gone then.
  ::testing::internal::CaptureStdout();  // Where the log goes before init_log().
  ASSERT_TRUE(testing::replay(*SegmentLog::open(kDirectory, options(), stored.disk).value(), 0));
  const std::string said = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(said, ::testing::HasSubstr("cut away"));
  EXPECT_THAT(said, ::testing::HasSubstr(last));
  EXPECT_THAT(said, ::testing::HasSubstr(std::to_string(torn.torn->offset)));
}

TEST(SegmentLogDamage, VerifyShowsEachPayloadToWhoeverKnowsWhatIsInIt) {
  Stored stored;
  std::size_t seen = 0;
  const auto report = verify(kDirectory, stored.disk, [&](model::Epoch epoch, std::string_view payload) -> Result<void> {
    EXPECT_NE(stored.records[epoch.value - 1].second.find(payload), std::string::npos);
    if (++seen == 2) return fail(ErrorCode::Damaged, "not ours");
    return {};
  }).value();
  EXPECT_EQ(seen, 16u);
  ASSERT_THAT(report.damage, SizeIs(1));
  EXPECT_EQ(report.damage[0].why, "not ours");
}

}  // namespace
}  // namespace holdfast::log
