#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

using ::testing::HasSubstr;

std::string logged(LogFormat format, std::string_view value) {
  ::testing::internal::CaptureStderr();
  init_log(LogLevel::Info, format);
  log_info("event", {{"field", value}});
  return ::testing::internal::GetCapturedStderr();
}

// A screen cleared, a title set, and both in the one-character forms of C1; then bytes that are no UTF-8.
constexpr std::string_view kHostile = "a\x1b[2J\r\n\x7f\xc2\x9b" "2Jü\xff\xe4\xb8.";

TEST(Log, TextHasNothingThatATerminalActsUpon) {
  EXPECT_THAT(logged(LogFormat::Text, kHostile), HasSubstr("event field=a [2J    2Jü\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.\n"));
}

TEST(Log, JsonStaysJsonAndValidUtf8) {
  EXPECT_THAT(logged(LogFormat::Json, kHostile),
              HasSubstr(R"("field":"a\u001b[2J\u000d\u000a\u007f\u009b2Jü\ufffd\ufffd\ufffd."})"));
}

}  // namespace
}  // namespace holdfast
