#include "codec/rfc3339.h"

#include <gtest/gtest.h>

namespace holdfast::codec {
namespace {

std::int64_t parsed(std::string_view text) {
  const auto at = parse_rfc3339(text);
  return at ? at->unix_ms : INT64_MIN;
}

TEST(Rfc3339, InstantsAreWrittenInMillisecondsAndStayInRange) {
  EXPECT_EQ(rfc3339({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339({1'795'260'264'123}), "2026-11-21T11:24:24.123Z");
  EXPECT_EQ(rfc3339({-1}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339({INT64_MAX}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339({INT64_MIN}), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, WhatIsWrittenIsReadBack) {
  for (std::int64_t ms = -62'167'219'200'000; ms < 253'402'300'799'999; ms += 9'876'543'210'987) {
    EXPECT_EQ(parsed(rfc3339({ms})), ms);
  }
  EXPECT_EQ(parsed("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(Rfc3339, OffsetsAndFractionsCount) {
  EXPECT_EQ(parsed("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parsed("1970-01-01t00:00:00z"), 0);
  EXPECT_EQ(parsed("1970-01-01T02:30:00+02:30"), 0);
  EXPECT_EQ(parsed("1969-12-31T23:00:00-01:00"), 0);
  EXPECT_EQ(parsed("1970-01-01T00:00:00.5Z"), 500);
  EXPECT_EQ(parsed("1970-01-01T00:00:00.1239999999999999999999Z"), 123);
}

TEST(Rfc3339, WhatIsNoTimeIsRefused) {
  for (const char* wrong : {"", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z", "2026-11-21T10:00Z", "2026-13-01T00:00:00Z",
                            "2026-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
                            "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0100",
                            "2026-01-01T00:00:00Z ", "26-01-01T00:00:00Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00", "earliest"}) {
    EXPECT_EQ(parsed(wrong), INT64_MIN) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::codec
