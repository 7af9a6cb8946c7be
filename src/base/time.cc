#include "base/time.h"

#include <chrono>

namespace holdfast {

Instant SystemClock::now() const {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

Moment SystemClock::steady() const { return {static_cast<std::int64_t>(monotonic_us() / 1'000)}; }

std::uint64_t monotonic_us() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

}  // namespace holdfast
