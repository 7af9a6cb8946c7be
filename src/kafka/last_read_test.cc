#include "kafka/last_read.h"

#include <gtest/gtest.h>

namespace holdfast::kafka {
namespace {

// A log with one record at each of these times, from `low` on.
struct Log {
  std::uint64_t low = 0;
  std::vector<std::int64_t> times;
  std::optional<std::uint64_t> committed;

  [[nodiscard]] Questions questions() const {
    return {.watermarks = [this]() -> Result<Watermarks> { return Watermarks{low, low + times.size()}; },
            .offset_at = [this](Instant time) -> Result<std::optional<std::uint64_t>> {
              for (std::size_t i = 0; i < times.size(); ++i)
                if (times[i] >= time.unix_ms) return low + i;
              return std::nullopt;
            },
            .committed = [this]() -> Result<std::optional<std::uint64_t>> { return committed; }};
  }
  [[nodiscard]] bool is_anew(Instead instead, const std::optional<LastRead>& last) const {
    const auto anew = is_made_anew(instead, last, questions());
    EXPECT_TRUE(anew.has_value());
    return anew && *anew;
  }
};
const LastRead kLast{.offset = 7, .time_ms = 1'000, .hash = 1};

TEST(MadeAnew, TopicWhoseRecordsAreAllNewerIsAnother) {
  const Log log{.times = {1'001, 1'002}, .committed = 8};
  EXPECT_TRUE(log.is_anew(Instead::Another, kLast));
  EXPECT_TRUE(log.is_anew(Instead::Beyond, kLast));
  EXPECT_TRUE((Log{.times = {}, .committed = 8}.is_anew(Instead::Beyond, kLast)));
}

TEST(MadeAnew, TopicThatHasWhatIsOlderIsTheSameUnlessItsOffsetIsForgotten) {
  const Log log{.times = {999, 1'001}, .committed = 8};
  EXPECT_FALSE(log.is_anew(Instead::Another, kLast));
  EXPECT_FALSE(log.is_anew(Instead::Beyond, kLast));
  const Log copied{.times = {999, 1'001}, .committed = std::nullopt};
  EXPECT_TRUE(copied.is_anew(Instead::Another, kLast));
  EXPECT_TRUE(copied.is_anew(Instead::Beyond, kLast));
}

// Compaction takes records away, and may leave only what is newer.
TEST(MadeAnew, RecordThatIsOnlyGoneTakesBothSigns) {
  EXPECT_FALSE((Log{.low = 3, .times = {1'001}, .committed = 8}.is_anew(Instead::Nothing, kLast)));
  EXPECT_FALSE((Log{.low = 3, .times = {999, 1'001}, .committed = std::nullopt}.is_anew(Instead::Nothing, kLast)));
  EXPECT_TRUE((Log{.low = 3, .times = {1'001}, .committed = std::nullopt}.is_anew(Instead::Nothing, kLast)));
}

TEST(MadeAnew, WithoutATimeOnlyTheForgottenOffsetTells) {
  const LastRead timeless{.offset = 7, .time_ms = -1, .hash = 1};
  EXPECT_FALSE((Log{.times = {1'001}, .committed = 8}.is_anew(Instead::Another, timeless)));
  EXPECT_TRUE((Log{.times = {1'001}, .committed = std::nullopt}.is_anew(Instead::Another, timeless)));
  EXPECT_TRUE((Log{.times = {1'001}, .committed = std::nullopt}.is_anew(Instead::Beyond, std::nullopt)));
  EXPECT_FALSE((Log{.times = {1'001}, .committed = 8}.is_anew(Instead::Beyond, std::nullopt)));
}

TEST(MadeAnew, WhoMayNotAskForTheOffsetHasTheTimesAlone) {
  Questions ask = Log{.times = {999}, .committed = std::nullopt}.questions();
  ask.committed = []() -> Result<std::optional<std::uint64_t>> { return fail(ErrorCode::Invalid, "forbidden"); };
  ask.offset_at = [](Instant) -> Result<std::optional<std::uint64_t>> { return 0; };
  EXPECT_FALSE(is_made_anew(Instead::Beyond, std::nullopt, ask).value());
  EXPECT_TRUE(is_made_anew(Instead::Another, kLast, ask).value());
}

TEST(LastRead, IsKeptAsARow) {
  for (const auto& last : {kLast, LastRead{.offset = 0, .time_ms = -1, .hash = 0}, LastRead{.offset = 1, .time_ms = INT64_MAX, .hash = UINT64_MAX}})
    EXPECT_EQ(decode_last_read(encode_last_read(last)), last);
  for (const char* text : {"", "5", "5 ", "x 5", "5 x", "5 5 5"}) {
    model::SourceRow row;
    row.incarnation = text;
    EXPECT_EQ(decode_last_read(row), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast::kafka
