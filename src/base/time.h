// Time as the core knows it: always handed in as an argument, or read from a Clock.
//
// There are two kinds. Instant is the time of day: what is stored, and what people mean. It steps, both ways: a machine without a clock is
// told the time after boot, one that was suspended hours later. Moment only ever goes on: whatever asks how long something took, or waits
// for a while, asks for that.
#pragma once

#include <compare>
#include <cstdint>

namespace holdfast {

struct Duration {
  std::int64_t ms = 0;
  auto operator<=>(const Duration&) const = default;
};

// Milliseconds since the Unix epoch.
struct Instant {
  std::int64_t unix_ms = 0;
  auto operator<=>(const Instant&) const = default;
};

inline Instant operator+(Instant at, Duration delay) {
  std::int64_t sum = 0;  // Saturates: a delay of 2^63 ms means "never", not "in the past".
  if (__builtin_add_overflow(at.unix_ms, delay.ms, &sum)) return {delay.ms > 0 ? INT64_MAX : INT64_MIN};
  return {sum};
}
inline Duration operator-(Instant a, Instant b) { return {a.unix_ms - b.unix_ms}; }

// Milliseconds since some time of no meaning. Nothing stored has one.
struct Moment {
  std::int64_t ms = 0;
  auto operator<=>(const Moment&) const = default;
};

inline Moment operator+(Moment at, Duration delay) { return {at.ms + delay.ms}; }
inline Duration operator-(Moment a, Moment b) { return {a.ms - b.ms}; }

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual Moment steady() const = 0;
};

// For measuring how long something took; means nothing by itself.
[[nodiscard]] std::uint64_t monotonic_us();

// The machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] Moment steady() const override;
};

}  // namespace holdfast
