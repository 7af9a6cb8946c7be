// The contract of ports::EpochLog, for each log there is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "log/fake_file_system.h"
#include "log/memory_log.h"
#include "log/posix_file_system.h"
#include "log/segment_log.h"
#include "log_probe.h"
#include "temp_directory.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::append;
using testing::Records;
using testing::replay;

// Where a log lives on while no program has it open.
class Place {
 public:
  virtual ~Place() = default;
  // The log as a program finds it that has just started; the one given before is gone.
  virtual ports::EpochLog& reopen() = 0;
};

class MemoryPlace final : public Place {
  ports::EpochLog& reopen() override { return log_; }
  log::MemoryLog log_;
};

// Small segments and records, so that a handful of epochs needs several.
log::SegmentLog::Options small_segments() {
  log::SegmentLog::Options options;
  options.segment_bytes = 4096;
  options.first_segment_bytes = 1024;
  options.record_bytes_max = 1000;
  return options;
}

class DiskPlace final : public Place {
  ports::EpochLog& reopen() override {
    log_.reset();
    log_ = log::SegmentLog::open(directory_.path() + "/log", small_segments(), files_).value();
    return *log_;
  }
  testing::TempDirectory directory_;
  log::PosixFileSystem files_;
  std::unique_ptr<ports::EpochLog> log_;
};

class FakeDiskPlace final : public Place {
  ports::EpochLog& reopen() override {
    log_.reset();
    files_.crash();
    log_ = log::SegmentLog::open("/data/log", small_segments(), files_).value();
    return *log_;
  }
  log::FakeFileSystem files_{1};
  std::unique_ptr<ports::EpochLog> log_;
};

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Place>()> make;
};

class EpochLog : public ::testing::TestWithParam<Implementation> {
 protected:
  std::unique_ptr<Place> place_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Every, EpochLog,
                         ::testing::Values(Implementation{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Implementation{"Disk", [] { return std::make_unique<DiskPlace>(); }},
                                           Implementation{"FakeDisk", [] { return std::make_unique<FakeDiskPlace>(); }}),
                         [](const auto& info) { return info.param.name; });

TEST_P(EpochLog, IsEmptyAtFirst) {
  auto& log = place_->reopen();
  EXPECT_THAT(replay(log, 0).value(), IsEmpty());
  EXPECT_THAT(replay(place_->reopen(), 0).value(), IsEmpty());
}

TEST_P(EpochLog, GivesBackEveryRecordInOrder) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  Records expected;
  for (std::uint64_t epoch = 1; epoch <= 200; ++epoch) {
    expected.emplace_back(epoch, std::string(epoch * 7 % 300, static_cast<char>('a' + epoch % 26)));
    ASSERT_TRUE(append(log, epoch, expected.back().second));
  }
  EXPECT_EQ(replay(place_->reopen(), 0).value(), expected);
}

TEST_P(EpochLog, TakesARecordInParts) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  const std::vector<std::string_view> parts{"one", "", std::string_view("\0two", 4), "three"};
  ASSERT_TRUE(log.append({1}, parts));
  ASSERT_TRUE(log.append({2}, {}));
  const std::vector<std::string_view> many(3000, "xy");
  ASSERT_TRUE(log.append({3}, many));

  const auto found = replay(place_->reopen(), 0).value();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].second, std::string("one\0twothree", 12));
  EXPECT_EQ(found[1].second, "");
  EXPECT_EQ(found[2].second.size(), 6000u);
}

TEST_P(EpochLog, EpochsMayLeaveNumbersOut) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  ASSERT_TRUE(append(log, 5, "five"));
  ASSERT_TRUE(append(log, 1'000'000'000'000, "far"));
  EXPECT_THAT(replay(place_->reopen(), 0).value(), ElementsAre(Pair(5, "five"), Pair(1'000'000'000'000, "far")));
}

TEST_P(EpochLog, ReplaysOnlyWhatComesAfterTheGivenEpoch) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  for (std::uint64_t epoch = 1; epoch <= 60; ++epoch) ASSERT_TRUE(append(log, epoch, std::string(200, 'x')));
  for (std::uint64_t after = 0; after <= 60; ++after) {
    const auto found = replay(place_->reopen(), after).value();
    ASSERT_EQ(found.size(), 60 - after);
    if (!found.empty()) {
      EXPECT_EQ(found.front().first, after + 1);
    }
  }
}

TEST_P(EpochLog, GoesOnAfterEveryReopening) {
  Records expected;
  for (std::uint64_t epoch = 1; epoch <= 40; ++epoch) {
    auto& log = place_->reopen();
    ASSERT_EQ(replay(log, 0).value(), expected);
    expected.emplace_back(epoch, "record " + std::to_string(epoch));
    ASSERT_TRUE(append(log, epoch, expected.back().second));
  }
  EXPECT_EQ(replay(place_->reopen(), 0).value(), expected);
}

TEST_P(EpochLog, HoldsRecordsLargerThanASegment) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  const Records expected{{1, "small"}, {2, std::string(3'000'000, 'L')}, {3, "small"}, {4, std::string(9000, 'l')}, {5, ""}};
  for (const auto& [epoch, payload] : expected) ASSERT_TRUE(append(log, epoch, payload));
  EXPECT_EQ(replay(place_->reopen(), 0).value(), expected);
}

TEST_P(EpochLog, HoldsEpochsOfAnySizeInAnyParts) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  Records expected;
  for (std::uint64_t epoch = 1; epoch <= 60; ++epoch) {
    // Around the sizes at which one record more begins.
    std::string payload(epoch % 6 * 1000 + epoch % 3 - (epoch % 6 == 0 ? 0 : 1), '\0');
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>('a' + (i / 7 + epoch) % 26);
    const std::string_view whole = payload;
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < whole.size(); at += 1 + epoch * 37) parts.push_back(whole.substr(at, 1 + epoch * 37));
    ASSERT_TRUE(log.append({epoch}, parts));
    expected.emplace_back(epoch, payload);
  }
  for (std::uint64_t after : {0u, 1u, 17u, 30u, 59u, 60u})
    EXPECT_EQ(replay(place_->reopen(), after).value(), Records(expected.begin() + static_cast<long>(after), expected.end()));
  auto& again = place_->reopen();
  ASSERT_EQ(replay(again, 0).value(), expected);
  ASSERT_TRUE(again.trim({40}));
  EXPECT_EQ(replay(place_->reopen(), 40).value(), Records(expected.begin() + 40, expected.end()));
}

TEST_P(EpochLog, AnErrorOfTheReaderStopsTheReplayAndIsPassedOn) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) ASSERT_TRUE(append(log, epoch, "x"));
  int seen = 0;
  const auto outcome = place_->reopen().replay({0}, [&](model::Epoch, std::string_view) -> Result<void> {
    if (++seen == 2) return fail(ErrorCode::Invalid, "enough");
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Invalid);
  EXPECT_EQ(outcome.error().message, "enough");
  EXPECT_EQ(seen, 2);
}

TEST_P(EpochLog, TrimKeepsEverythingAboveAndFreesMostOfTheRest) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  for (std::uint64_t epoch = 1; epoch <= 300; ++epoch) ASSERT_TRUE(append(log, epoch, std::string(300, 'x')));
  const auto before = log.bytes();
  EXPECT_GE(before, 300u * 300u);
  ASSERT_TRUE(log.trim({250}));
  EXPECT_LT(log.bytes(), before / 3);

  const auto found = replay(place_->reopen(), 250).value();
  ASSERT_EQ(found.size(), 50u);
  EXPECT_EQ(found.front().first, 251u);
  EXPECT_EQ(found.back().first, 300u);
}

TEST_P(EpochLog, GoesOnAfterEverythingIsTrimmed) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  for (std::uint64_t epoch = 1; epoch <= 100; ++epoch) {
    ASSERT_TRUE(append(log, epoch, std::string(200, 'x')));
    ASSERT_TRUE(log.trim({epoch}));
  }
  auto& again = place_->reopen();
  EXPECT_THAT(replay(again, 100).value(), IsEmpty());
  ASSERT_TRUE(append(again, 101, "next"));
  EXPECT_THAT(replay(place_->reopen(), 100).value(), ElementsAre(Pair(101, "next")));
}

TEST_P(EpochLog, RefusesAViewThatIsBehindWhatWasTrimmed) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  for (std::uint64_t epoch = 1; epoch <= 100; ++epoch) ASSERT_TRUE(append(log, epoch, std::string(300, 'x')));
  ASSERT_TRUE(log.trim({90}));
  const auto outcome = replay(place_->reopen(), 10);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Damaged);
}

TEST_P(EpochLog, RefusesAViewThatIsAheadOfIt) {
  auto& log = place_->reopen();
  ASSERT_TRUE(replay(log, 0));
  ASSERT_TRUE(append(log, 7, "x"));
  const auto outcome = replay(place_->reopen(), 8);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Damaged);
}

}  // namespace
}  // namespace holdfast
