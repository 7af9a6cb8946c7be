#include "codec/rfc3339.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace holdfast::codec {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

// Takes a text apart from front to back; after the first thing that is not as expected, nothing is.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  // Exactly so many digits, no more than `max`.
  int number(std::size_t digits, int max) {
    int out = 0;
    for (std::size_t i = 0; i < digits; ++i) out = out * 10 + digit();
    if (out > max) good_ = false;
    return out;
  }
  // One of these.
  char one_of(std::string_view chars) {
    if (rest_.empty() || chars.find(rest_.front()) == std::string_view::npos) {
      good_ = false;
      return '\0';
    }
    return take();
  }
  // The milliseconds of ".123456"; 0, if there is none.
  int fraction() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    take();
    int ms = digit() * 100;
    for (int scale = 10; !rest_.empty() && is_digit(rest_.front()); scale /= 10) ms += digit() * scale;
    return ms;
  }
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  int digit() {
    if (rest_.empty() || !is_digit(rest_.front())) {
      good_ = false;
      return 0;
    }
    return take() - '0';
  }

  std::string_view rest_;
  bool good_ = true;
};

void append(std::string& out, int value, std::size_t digits) {
  const std::string text = std::to_string(value);
  out.append(digits - std::min(digits, text.size()), '0').append(text);
}

}  // namespace

std::string rfc3339(Instant at) {
  constexpr std::int64_t kYear0 = -62'167'219'200'000;  // 0000-01-01T00:00:00Z
  constexpr std::int64_t kYear9999 = 253'402'300'799'999;
  const std::int64_t ms = std::clamp(at.unix_ms, kYear0, kYear9999);
  const std::int64_t days = ms / kDayMs - (ms % kDayMs < 0 ? 1 : 0);
  const auto of_day = static_cast<int>(ms - days * kDayMs);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};

  std::string out;
  append(out, static_cast<int>(date.year()), 4);
  append(out += '-', static_cast<int>(static_cast<unsigned>(date.month())), 2);
  append(out += '-', static_cast<int>(static_cast<unsigned>(date.day())), 2);
  append(out += 'T', of_day / 3'600'000, 2);
  append(out += ':', of_day / 60'000 % 60, 2);
  append(out += ':', of_day / 1000 % 60, 2);
  append(out += '.', of_day % 1000, 3);
  return out += 'Z';
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  Cursor in(text);
  const int year = in.number(4, 9999);
  in.one_of("-");
  const int month = in.number(2, 12);
  in.one_of("-");
  const int day = in.number(2, 31);
  in.one_of("Tt");
  const int hour = in.number(2, 23);
  in.one_of(":");
  const int minute = in.number(2, 59);
  in.one_of(":");
  const int second = in.number(2, 59);
  const int ms = in.fraction();
  int offset = 0;  // Minutes.
  if (const char sign = in.one_of("Zz+-"); sign == '+' || sign == '-') {
    offset = in.number(2, 23) * 60;
    in.one_of(":");
    offset += in.number(2, 59);
    if (sign == '-') offset = -offset;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!in.done() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant{days * kDayMs + ((hour * 60LL + minute - offset) * 60 + second) * 1000 + ms};
}

}  // namespace holdfast::codec
