#include "config/formats.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <span>

#include "config/nearest.h"
#include "config/problem.h"
#include "model/address.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kNameBytesMax = 249;  // Of a namespace, a name or a topic; the bound of Kafka's topics.
constexpr std::size_t kUrlBytesMax = 4096;
constexpr std::size_t kPathBytesMax = 4096;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}
bool has_space(std::string_view text) {
  return text.find(' ') != std::string_view::npos || has_control(text);
}

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::string_view kTrue[] = {"yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"};
constexpr std::string_view kFalse[] = {"no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"};

std::string_view without_plus(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  return text;
}

// 1e3 and 2.0, which Jackson takes for integers; 1.5, too, but nobody means the 1 that it makes of it.
std::optional<std::int64_t> parse_whole_float(std::string_view text, std::string& hint) {
  const std::string_view digits = without_plus(text);
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  const auto value = parse_whole<double>(digits);
  constexpr double kExactMax = 9007199254740992;  // 2^53
  if (!value || std::fabs(*value) > kExactMax) return std::nullopt;
  if (*value != std::trunc(*value)) {
    hint = "it is not a whole number";
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*value);
}

// "12 kb" as 12 and "kb".
struct Amount {
  std::uint64_t count = 0;
  std::string unit;
};
std::optional<Amount> parse_amount(std::string_view text) {
  text = trimmed(text);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = parse_whole<std::uint64_t>(text.substr(0, digits));
  if (!count) return std::nullopt;
  return Amount{*count, lower(trimmed(text.substr(digits)))};
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr Unit kDurationUnits[] = {
    {"d", 86'400'000 * kNsPerMs},
    {"day", 86'400'000 * kNsPerMs},
    {"days", 86'400'000 * kNsPerMs},
    {"h", 3'600'000 * kNsPerMs},
    {"hour", 3'600'000 * kNsPerMs},
    {"hours", 3'600'000 * kNsPerMs},
    {"m", 60'000 * kNsPerMs},
    {"min", 60'000 * kNsPerMs},
    {"minute", 60'000 * kNsPerMs},
    {"minutes", 60'000 * kNsPerMs},
    {"s", 1'000 * kNsPerMs},
    {"sec", 1'000 * kNsPerMs},
    {"secs", 1'000 * kNsPerMs},
    {"second", 1'000 * kNsPerMs},
    {"seconds", 1'000 * kNsPerMs},
    {"", kNsPerMs},
    {"ms", kNsPerMs},
    {"milli", kNsPerMs},
    {"millis", kNsPerMs},
    {"millisecond", kNsPerMs},
    {"milliseconds", kNsPerMs},
    {"µs", 1'000},
    {"micro", 1'000},
    {"micros", 1'000},
    {"microsecond", 1'000},
    {"microseconds", 1'000},
    {"ns", 1},
    {"nano", 1},
    {"nanos", 1},
    {"nanosecond", 1},
    {"nanoseconds", 1},
};
constexpr Unit kByteUnits[] = {
    {"", 1},
    {"b", 1},
    {"k", 1ull << 10},
    {"kb", 1ull << 10},
    {"kib", 1ull << 10},
    {"m", 1ull << 20},
    {"mb", 1ull << 20},
    {"mib", 1ull << 20},
    {"g", 1ull << 30},
    {"gb", 1ull << 30},
    {"gib", 1ull << 30},
};

std::optional<std::uint64_t> factor_of(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return unit.factor;
  return std::nullopt;
}

// Why a name cannot be part of a type name or an id; empty when it can.
std::string name_fault(std::string_view what, std::string_view name) {
  if (name.empty()) return "the " + std::string(what) + " is missing";
  if (name.size() > kNameBytesMax)
    return "the " + std::string(what) + " is longer than " + std::to_string(kNameBytesMax) + " bytes";
  if (has_space(name)) return "the " + std::string(what) + " has white space or control characters in it";
  if (name.find('*') != std::string_view::npos)
    return "* stands for all names of a namespace and nothing else";
  return {};
}

// Port and host behind the scheme of a TCP URL; empty when they are in order.
std::string authority_fault(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos)
    return "user names and passwords are not taken from a URL";
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return "the ] of an IPv6 address is missing";
    host = authority.substr(1, end - 1);
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return "there is something between the host and the path";
    if (!rest.empty()) port = rest;
  } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (host.empty()) return "the host is missing";
  if (!port.empty()) {
    const auto value = parse_whole<std::uint32_t>(port.substr(1));
    if (!value || *value == 0 || *value > 65535) return "the port is not a number from 1 to 65535";
  }
  return {};
}

std::string url_fault(std::string_view url) {
  constexpr std::string_view kSchemes[] = {"http", "https", "http+unix", "https+unix"};
  constexpr std::string_view kPlaceholder = "{function.name}";
  if (url.size() > kUrlBytesMax) return "it is longer than " + std::to_string(kUrlBytesMax) + " bytes";
  if (has_space(url)) return "it has white space or control characters in it";
  const auto separator = url.find("://");
  if (separator == std::string_view::npos) return "the scheme is missing";
  const std::string scheme = lower(url.substr(0, separator));
  if (std::find(std::begin(kSchemes), std::end(kSchemes), scheme) == std::end(kSchemes))
    return "the scheme is none of http, https, http+unix and https+unix";
  std::string rest(url.substr(separator + 3));
  // Any name will do to see whether the rest makes sense.
  for (std::size_t at = 0; (at = rest.find(kPlaceholder, at)) != std::string::npos;)
    rest.replace(at, kPlaceholder.size(), "f");
  if (rest.find_first_of("{}") != std::string::npos)
    return "{function.name} is the only placeholder there is";
  if (rest.find('#') != std::string::npos) return "a fragment is never sent";
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = std::string_view(rest).substr(0, slash),
                         path = std::string_view(rest).substr(slash);
  if (!scheme.ends_with("+unix")) return authority_fault(authority);
  if (!authority.empty()) return "the path of the socket is absolute: three slashes";
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = path.substr(at + 1, end - at - 1);
    if (segment.ends_with(".sock")) return {};
    at = end;
  }
  return "one part of the path must end in .sock: the socket";
}

}  // namespace

std::string yaml_integer(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  std::string_view allowed = "0123456789_";
  if (rest.starts_with("0b")) {
    base = 2, allowed = "01_";
    rest.remove_prefix(2);
  } else if (rest.starts_with("0x")) {
    base = 16, allowed = "0123456789abcdefABCDEF_";
    rest.remove_prefix(2);
  } else if (rest.size() > 1 && rest.starts_with('0')) {
    base = 8, allowed = "01234567_";
  }
  if (rest.starts_with('_') && base == 10) return std::string(text);
  if (rest.find_first_not_of(allowed) != std::string_view::npos) return std::string(text);
  std::string digits(negative ? "-" : "");
  std::copy_if(rest.begin(), rest.end(), std::back_inserter(digits), [](char c) { return c != '_'; });
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::string(text);
  return std::to_string(value);
}

std::string yaml_scalar(std::string_view text) {
  if (std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue)) return "true";
  if (std::find(std::begin(kFalse), std::end(kFalse), text) != std::end(kFalse)) return "false";
  return yaml_integer(text);
}

std::optional<Duration> parse_duration(std::string_view text) {
  const auto amount = parse_amount(text);
  if (!amount) return std::nullopt;
  const auto factor = factor_of(kDurationUnits, amount->unit);
  if (!factor) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (*factor >= kNsPerMs) {
    const std::uint64_t ms = *factor / kNsPerMs;
    if (amount->count > kMax / ms) return std::nullopt;
    return Duration{static_cast<std::int64_t>(amount->count * ms)};
  }
  const std::uint64_t per_ms = kNsPerMs / *factor;
  return Duration{static_cast<std::int64_t>(amount->count / per_ms + (amount->count % per_ms != 0))};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const auto amount = parse_amount(text);
  if (!amount) return std::nullopt;
  const auto factor = factor_of(kByteUnits, amount->unit);
  if (!factor || amount->count > std::numeric_limits<std::uint64_t>::max() / *factor) return std::nullopt;
  return amount->count * *factor;
}

std::string show(Duration duration) {
  constexpr std::pair<std::int64_t, std::string_view> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}};
  for (const auto& [ms, unit] : kUnits)
    if (duration.ms != 0 && duration.ms % ms == 0) return std::to_string(duration.ms / ms).append(unit);
  return std::to_string(duration.ms) + "ms";
}

std::string show_bytes(std::uint64_t bytes) {
  constexpr std::pair<std::uint64_t, std::string_view> kUnits[] = {
      {1ull << 30, "gb"}, {1ull << 20, "mb"}, {1ull << 10, "kb"}};
  for (const auto& [factor, unit] : kUnits)
    if (bytes != 0 && bytes % factor == 0) return std::to_string(bytes / factor).append(unit);
  return std::to_string(bytes) + "b";
}

Format<std::int64_t> integer(std::int64_t min, std::int64_t max) {
  return {"an integer from " + std::to_string(min) + " to " + std::to_string(max),
          [=](std::string_view text, std::string& hint) -> std::optional<std::int64_t> {
            auto value = parse_whole<std::int64_t>(without_plus(trimmed(text)));
            if (!value) value = parse_whole_float(trimmed(text), hint);
            if (!value || *value < min || *value > max) return std::nullopt;
            return value;
          },
          true};
}

Format<double> number(double min, double max) {
  const auto shown = [](double value) {
    char buffer[32];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  };
  return {"a number from " + shown(min) + " to " + shown(max),
          [=](std::string_view text, std::string&) -> std::optional<double> {
            const auto value = parse_whole<double>(trimmed(text));
            if (!value || !std::isfinite(*value) || *value < min || *value > max) return std::nullopt;
            return value;
          }};
}

Format<Duration> duration(Duration min, Duration max) {
  return {"a duration from " + show(min) + " to " + show(max) + ", as 500ms, 10s or 2 min",
          [=](std::string_view text, std::string& hint) -> std::optional<Duration> {
            const auto value = parse_duration(text);
            if (!value && lower(trimmed(text)).ends_with("us"))
              hint = "microseconds are written µs or micros";
            if (!value || *value < min || *value > max) return std::nullopt;
            return value;
          },
          true};
}

Format<std::uint64_t> byte_size(std::uint64_t min, std::uint64_t max) {
  return {"a size from " + show_bytes(min) + " to " + show_bytes(max) + ", as 1000, 64kb or 16mb",
          [=](std::string_view text, std::string&) -> std::optional<std::uint64_t> {
            const auto value = parse_bytes(text);
            if (!value || *value < min || *value > max) return std::nullopt;
            return value;
          },
          true};
}

Format<std::string> one_of(std::vector<std::string_view> names) {
  std::string expected;
  for (std::size_t i = 0; i < names.size(); ++i)
    expected.append(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  return {expected, [names](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (std::find(names.begin(), names.end(), text) != names.end()) return std::string(text);
            if (const auto near = nearest(text, names); !near.empty())
              hint = "did you mean " + in_quotes(near) + "?";
            return std::nullopt;
          }};
}

Format<std::string> text(std::string expected) {
  return {std::move(expected), [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (text.empty()) return std::nullopt;
            if (has_control(text)) {
              hint = "it has control characters in it";
              return std::nullopt;
            }
            return std::string(text);
          }};
}

Format<std::string> functions_pattern() {
  return {"functions as namespace/name or namespace/*",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            const auto [ns, name] = model::split_type(text);
            if (text.find('/') == std::string_view::npos)
              hint = "the / is missing";
            else
              hint = name_fault("namespace", ns);
            if (hint.empty() && name != "*") hint = name_fault("name", name);
            if (hint.empty() && ns == model::kOwnNamespace) hint = "the namespace holdfast is reserved";
            if (!hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> egress_id() {
  return {"an egress id as namespace/name",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            const auto [ns, name] = model::split_type(text);
            if (std::count(text.begin(), text.end(), '/') != 1)
              hint = "there must be one /";
            else
              hint = name_fault("namespace", ns);
            if (hint.empty()) hint = name_fault("name", name);
            if (hint.empty() && ns == model::kOwnNamespace) hint = "the namespace holdfast is reserved";
            if (!hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> topic_name() {
  return {"a topic: 1 to 249 bytes without /, white space and control characters",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (text.empty() || text.size() > kNameBytesMax || has_space(text) ||
                text.find('/') != std::string_view::npos)
              return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> url_template() {
  return {
      "a URL as http://host:port/path or http+unix:///path/to.sock/path, {function.name} anywhere behind the "
      "scheme",
      [](std::string_view text, std::string& hint) -> std::optional<std::string> {
        if (hint = url_fault(text); !hint.empty()) return std::nullopt;
        const auto separator = text.find("://");
        return lower(text.substr(0, separator)).append(text.substr(separator));
      }};
}

Format<std::pair<std::string, std::uint16_t>> listen_address() {
  return {
      "an address to listen on, as 127.0.0.1:9999 or [::1]:9999",
      [](std::string_view text, std::string& hint) -> std::optional<std::pair<std::string, std::uint16_t>> {
        const auto colon = text.rfind(':');
        if (colon == std::string_view::npos) {
          hint = "the port is missing";
          return std::nullopt;
        }
        std::string_view host = text.substr(0, colon);
        const auto port = parse_whole<std::uint16_t>(text.substr(colon + 1));
        if (!port) {
          hint = "the port is not a number from 0 to 65535";
          return std::nullopt;
        }
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        if (bracketed) host = host.substr(1, host.size() - 2);
        const std::string_view allowed = bracketed ? "0123456789abcdefABCDEF:." : "0123456789.";
        if (host.empty() ||
            (host != "localhost" && host.find_first_not_of(allowed) != std::string_view::npos)) {
          hint = "the host is an IP address (IPv6 in brackets) or localhost";
          return std::nullopt;
        }
        return std::pair{std::string(host), *port};
      }};
}

Format<std::string> readable_file(std::string folder) {
  return {
      "a file that can be read",
      [folder = std::move(folder)](std::string_view text, std::string& hint) -> std::optional<std::string> {
        if (text.empty()) return std::nullopt;
        if (has_control(text) || text.size() > kPathBytesMax) {
          hint = "it cannot be a path";
          return std::nullopt;
        }
        if (text.starts_with("classpath:")) text.remove_prefix(10);
        // file:/x and file:///x are the same to Java.
        if (text.starts_with("file:")) text.remove_prefix(text.starts_with("file:///") ? 7 : 5);
        const std::filesystem::path path = std::filesystem::path(folder) / std::filesystem::path(text);
        std::error_code error;
        const auto status = std::filesystem::status(path, error);
        if (!std::filesystem::exists(status))
          hint = "there is no " + path.string();
        else if (std::filesystem::is_directory(status))
          hint = path.string() + " is a folder";
        else if (::access(path.c_str(), R_OK) != 0)
          hint = path.string() + " may not be read";
        if (!hint.empty()) return std::nullopt;
        return path.string();
      }};
}

Format<std::string> environment_name() {
  return {"the name of an environment variable",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
            });
            if (text.empty() || text.size() > kNameBytesMax || !plain || (text[0] >= '0' && text[0] <= '9'))
              return std::nullopt;
            return std::string(text);
          }};
}

}  // namespace holdfast::config
