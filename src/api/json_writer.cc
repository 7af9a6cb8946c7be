#include "api/json_writer.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace holdfast::api {

std::string rfc3339(Instant at) {
  constexpr std::int64_t kYear0 = -62'167'219'200'000;   // 0000-01-01T00:00:00Z
  constexpr std::int64_t kYear9999 = 253'402'300'799'999;
  const std::int64_t ms = std::clamp(at.unix_ms, kYear0, kYear9999);
  std::int64_t seconds = ms / 1000;
  std::int64_t rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    seconds -= 1;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(rest));
  return buffer;
}

}  // namespace holdfast::api
