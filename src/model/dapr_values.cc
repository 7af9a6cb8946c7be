#include "model/dapr_values.h"

#include <charconv>
#include <limits>

namespace holdfast::model {
namespace {

constexpr std::size_t kAppIdBytesMax = 249;  // As names of functions: it becomes a part of keys and of file names.

__extension__ typedef unsigned __int128 Wide;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// "12.5" at the beginning of `text`, which goes on behind it: its digits without the dot, and how many of them stand behind it. Digits that
// cannot make a difference are dropped.
struct Decimal {
  Wide digits = 0;  // At most 2^74: times any unit it has room.
  int scale = 0;
};
std::optional<Decimal> take_decimal(std::string_view& text) {
  constexpr Wide kMax = static_cast<Wide>(1) << 70;
  Decimal out;
  bool any = false, dot = false;
  while (!text.empty() && (is_digit(text.front()) || (text.front() == '.' && !dot))) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '.') {
      dot = true;
      continue;
    }
    any = true;
    if (out.digits >= kMax) {
      if (!dot) return std::nullopt;
      continue;
    }
    out.digits = out.digits * 10 + static_cast<unsigned>(c - '0');
    if (dot) ++out.scale;
  }
  if (!any) return std::nullopt;
  return out;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<Duration> parse_go_duration(std::string_view text) {
  constexpr std::int64_t kNsMax = std::numeric_limits<std::int64_t>::max();
  struct Unit {
    std::string_view name;
    std::int64_t ns;
  };
  // Longer names first, where one begins another. Both micro signs of Unicode are Go's, too.
  constexpr Unit kUnits[] = {{"ns", 1},
                             {"us", 1'000},
                             {"µs", 1'000},
                             {"\xce\xbcs", 1'000},
                             {"ms", 1'000'000},
                             {"s", 1'000'000'000},
                             {"m", 60'000'000'000},
                             {"h", 3'600'000'000'000}};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration{0};
  if (text.empty()) return std::nullopt;
  Wide ns = 0;
  while (!text.empty()) {
    const auto number = take_decimal(text);
    if (!number) return std::nullopt;
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (!take(text, candidate.name)) continue;
      unit = &candidate;
      break;
    }
    if (unit == nullptr) return std::nullopt;
    Wide part = number->digits * static_cast<Wide>(unit->ns);
    for (int i = 0; i < number->scale; ++i) part /= 10;
    ns += part;
    if (ns > static_cast<Wide>(kNsMax)) return std::nullopt;
  }
  const auto ms = static_cast<std::int64_t>((ns + 999'999) / 1'000'000);
  return Duration{negative ? -ms : ms};
}

std::optional<Duration> parse_dapr_duration(std::string_view text) {
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && end == text.data() + text.size()) return Duration{ms};
  return parse_go_duration(text);
}

std::optional<std::int64_t> parse_quantity(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto number = take_decimal(text);
  if (!number) return std::nullopt;
  int tens = -number->scale;
  int twos = 0;
  constexpr std::string_view kBinary[] = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  constexpr std::pair<std::string_view, int> kTens[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                                                        {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
  bool known = false;
  for (int i = 0; i < 6; ++i)
    if (text == kBinary[i]) known = true, twos = 10 * (i + 1);
  for (const auto& [name, exponent] : kTens)
    if (text == name) known = true, tens += exponent;
  if (!known && (text.starts_with('e') || text.starts_with('E'))) {
    text.remove_prefix(1);
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    known = error == std::errc{} && end == text.data() + text.size() && exponent >= -40 && exponent <= 40;
    tens += exponent;
  }
  if (!known) return std::nullopt;
  constexpr auto kMax = static_cast<Wide>(std::numeric_limits<std::int64_t>::max());
  constexpr Wide kRoom = ~static_cast<Wide>(0) / 10;
  Wide value = number->digits;
  // First up, then down, so that 1.5Mi is whole.
  for (; twos > 0 && value <= kRoom; --twos) value *= 2;
  for (; tens > 0 && value != 0 && value <= kRoom; --tens) value *= 10;
  for (; tens < 0 && value % 10 == 0 && value != 0; ++tens) value /= 10;
  if (value == 0) return 0;
  if (tens != 0 || twos != 0 || value > kMax) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(value);
  return negative ? -whole : whole;
}

std::string app_id_fault(std::string_view app_id) {
  if (app_id.empty()) return "parameter app-id cannot be empty";
  if (app_id.find('.') != std::string_view::npos) return "parameter app-id cannot contain dots";
  if (app_id.size() > kAppIdBytesMax) return "parameter app-id cannot be longer than " + std::to_string(kAppIdBytesMax) + " bytes";
  for (const char c : app_id)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/')
      return "parameter app-id cannot contain slashes and control characters";
  if (app_id.find("||") != std::string_view::npos) return "parameter app-id cannot contain '||'";
  return {};
}

std::optional<DaprAppProtocol> parse_app_protocol(std::string_view text) {
  for (const auto protocol : {DaprAppProtocol::Http, DaprAppProtocol::Https, DaprAppProtocol::H2c, DaprAppProtocol::Grpc,
                              DaprAppProtocol::Grpcs})
    if (lower(text) == show(protocol)) return protocol;
  return std::nullopt;
}

}  // namespace holdfast::model
