// The segment log on a disk that crashes, kills, fills up and fails at any point, against the obvious model: the list of what was
// acknowledged. Each seed is a run of its own; a failing one prints itself.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "log/fake_file_system.h"
#include "log/segment_log.h"
#include "log/verify.h"
#include "log_probe.h"

namespace holdfast::log {
namespace {

using testing::append;
using testing::Records;
using testing::replay;

constexpr const char* kDirectory = "/data/log";

std::string random_payload(Random& random) {
  static constexpr std::uint64_t kSizes[] = {0, 20, 400, 3'000, 20'000};
  std::string out(random.below(kSizes[random.below(std::size(kSizes))] + 1), '\0');
  // Runs of zeros are what a torn record is most easily mistaken for.
  if (random.below(4) != 0)
    for (char& c : out) c = static_cast<char>(random.next());
  return out;
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), disk_(seed + 1) {
    options_.segment_bytes = 1024u << random_.below(6);
    options_.first_segment_bytes = options_.segment_bytes >> random_.below(3);
    options_.record_bytes_max = 500u << random_.below(5);
    options_.spares_max = static_cast<std::uint32_t>(random_.below(4));
    options_.seed = seed + 2;
  }

  void live_and_die() {
    const auto trouble = random_.below(4);
    if (trouble == 0) disk_.stop_after(random_.below(80));
    if (trouble == 1)
      disk_.fail(FakeFileSystem::Operation::Sync, 1 + random_.below(30), {ErrorCode::Io, "planned"});
    disk_.set_capacity(random_.below(3) == 0 ? disk_.used() + random_.below(40'000) : UINT64_MAX);

    auto log = SegmentLog::open(kDirectory, options_, disk_).value();
    if (start(*log)) work(*log);
    log.reset();
    const bool gently = random_.below(3) == 0;
    gently ? disk_.kill() : disk_.crash();
    if (!gently) look();
  }

  void end() {
    disk_.set_capacity(UINT64_MAX);
    auto log = SegmentLog::open(kDirectory, options_, disk_).value();
    EXPECT_TRUE(start(*log));
  }

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_count_; }
  [[nodiscard]] std::uint64_t found_again() const { return found_again_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  bool start(ports::EpochLog& log) {
    const auto after = random_.below(2) == 0 ? view_ : trimmed_;
    const auto found = replay(log, after);
    if (!found) {
      EXPECT_NE(found.error().code, ErrorCode::Damaged) << found.error().message;
      return false;
    }
    Records expected;
    for (const auto& record : acknowledged_)
      if (record.first > after) expected.push_back(record);
    if (*found != expected && in_doubt_) {
      expected.push_back(*in_doubt_);
      acknowledged_.push_back(*in_doubt_);
      ++found_again_;
    }
    EXPECT_EQ(found->size(), expected.size());
    EXPECT_TRUE(*found == expected) << "what was replayed is not what was acknowledged";
    in_doubt_.reset();
    return true;
  }

  void work(ports::EpochLog& log) {
    for (auto steps = random_.below(60); steps > 0; --steps) {
      if (random_.below(8) == 0) {
        view_ += random_.below(last() - view_ + 1);
        trimmed_ = view_;
        if (!log.trim({view_})) return;
        continue;
      }
      const std::pair record{last() + 1 + random_.below(3), random_payload(random_)};
      const auto appended = append(log, record.first, record.second);
      if (appended) {
        acknowledged_.push_back(record);
        ++acknowledged_count_;
      } else if (appended.error().code == ErrorCode::NoSpace) {
        ++refused_;
        if (random_.below(3) == 0) disk_.set_capacity(disk_.used() + random_.below(40'000));
      } else {
        in_doubt_ = record;
        EXPECT_FALSE(append(log, record.first + 1, "x")) << "a log that has failed must stay so";
        return;
      }
    }
  }

  // After a crash and before the next start, what check-data says.
  void look() {
    const auto report = verify(kDirectory, disk_).value();
    for (const auto& damage : report.damage) ADD_FAILURE() << damage.file << " at " << damage.offset << ": " << damage.why;
    if (report.records > 0) {
      EXPECT_GE(report.last.value, last());
    }
    EXPECT_LE(report.previous.value, view_);
  }

  [[nodiscard]] std::uint64_t last() const { return acknowledged_.empty() ? 0 : acknowledged_.back().first; }

  SeededRandom random_;
  FakeFileSystem disk_;
  SegmentLog::Options options_;
  Records acknowledged_;
  std::optional<std::pair<std::uint64_t, std::string>> in_doubt_;  // Neither acknowledged nor refused.
  std::uint64_t view_ = 0;
  std::uint64_t trimmed_ = 0;
  std::uint64_t acknowledged_count_ = 0;
  std::uint64_t found_again_ = 0;
  std::uint64_t refused_ = 0;
};

TEST(SegmentLogCrash, EveryAcknowledgedRecordIsThereAndNothingElseInEverySeed) {
  std::uint64_t acknowledged = 0, found_again = 0, refused = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History run(seed * 1000);
    for (int life = 0; life < 8; ++life) run.live_and_die();
    run.end();
    acknowledged += run.acknowledged();
    found_again += run.found_again();
    refused += run.refused();
    if (HasFailure()) return;
  }
  // The runs have been where they were meant to go.
  EXPECT_GT(acknowledged, 10'000u);
  EXPECT_GT(found_again, 50u);
  EXPECT_GT(refused, 50u);
}

// Every place of a short history where the power can go, each with several outcomes.
TEST(SegmentLogCrash, EveryPlaceOfAShortHistoryIsSafe) {
  SegmentLog::Options options;
  options.segment_bytes = 2048;
  options.first_segment_bytes = 1024;
  options.seed = 5;
  std::uint64_t places = 0;
  for (bool reached_end = false; !reached_end; ++places) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE("place " + std::to_string(places) + ", seed " + std::to_string(seed));
      FakeFileSystem disk(seed);
      disk.stop_after(places);
      std::uint64_t acknowledged = 0, trimmed = 0;
      {
        auto log = SegmentLog::open(kDirectory, options, disk).value();
        ASSERT_TRUE(replay(*log, 0));
        for (std::uint64_t epoch = 1; epoch <= 24; ++epoch) {
          if (!append(*log, epoch, std::string(100 + 50 * epoch, 'x'))) break;
          acknowledged = epoch;
          if (epoch % 6 != 0) continue;
          trimmed = epoch - 2;
          if (!log->trim({trimmed})) break;
        }
      }
      reached_end = !disk.stopped();
      disk.crash();
      auto log = SegmentLog::open(kDirectory, options, disk).value();
      const auto found = replay(*log, trimmed);
      ASSERT_TRUE(found) << found.error().message;
      ASSERT_GE(found->size(), acknowledged - trimmed);
      ASSERT_LE(found->size(), acknowledged - trimmed + 1);
      for (std::size_t i = 0; i < found->size(); ++i) {
        EXPECT_EQ((*found)[i].first, trimmed + 1 + i);
        EXPECT_EQ((*found)[i].second, std::string(100 + 50 * (*found)[i].first, 'x'));
      }
      ASSERT_TRUE(append(*log, 100, "goes on"));
    }
  }
  EXPECT_GT(places, 60u);
}

TEST(SegmentLogCrash, AFullDiskRefusesUntilThereIsRoomAndKeepsTheRest) {
  FakeFileSystem disk(3);
  SegmentLog::Options options;
  options.segment_bytes = 4096;
  options.first_segment_bytes = 4096;
  auto log = SegmentLog::open(kDirectory, options, disk).value();
  ASSERT_TRUE(replay(*log, 0));
  disk.set_capacity(20'000);
  std::uint64_t epoch = 1;
  while (true) {
    const auto appended = append(*log, epoch, std::string(500, 'x'));
    if (!appended) {
      EXPECT_EQ(appended.error().code, ErrorCode::NoSpace) << appended.error().message;
      break;
    }
    ++epoch;
  }
  EXPECT_GT(epoch, 20u);
  // Refused again and again, it costs nothing.
  const auto used = disk.used();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(append(*log, epoch, std::string(500, 'x')));
  EXPECT_FALSE(append(*log, epoch, std::string(50'000, 'x')));
  EXPECT_LE(disk.used(), used);

  // Trimming alone makes room: the segment that is freed is used again.
  ASSERT_TRUE(log->trim({epoch - 4}));
  ASSERT_TRUE(append(*log, epoch, "room again"));
  log.reset();
  disk.crash();
  log = SegmentLog::open(kDirectory, options, disk).value();
  const auto found = replay(*log, epoch - 4).value();
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found.back().second, "room again");
}

TEST(SegmentLogCrash, ASyncThatFailedIsNotBelievedAfterARestart) {
  SegmentLog::Options options;
  options.segment_bytes = options.first_segment_bytes = 64u << 10;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FakeFileSystem disk(seed);
    auto log = SegmentLog::open(kDirectory, options, disk).value();
    ASSERT_TRUE(replay(*log, 0));
    ASSERT_TRUE(append(*log, 1, std::string(2000, 'a')));
    disk.fail(FakeFileSystem::Operation::Sync, 1, {ErrorCode::NoSpace, "planned"});
    const auto appended = append(*log, 2, std::string(2000, 'b'));
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, ErrorCode::Io) << "whatever the reason, the log is dead";
    log.reset();
    disk.kill();

    // The record reads back whole, so it counts; then it must outlive the crash that comes after the next record.
    log = SegmentLog::open(kDirectory, options, disk).value();
    ASSERT_EQ(replay(*log, 0).value().size(), 2u);
    ASSERT_TRUE(append(*log, 3, "c"));
    log.reset();
    disk.crash();
    log = SegmentLog::open(kDirectory, options, disk).value();
    const auto found = replay(*log, 0);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->size(), 3u);
  }
}

}  // namespace
}  // namespace holdfast::log
