// Formats: what a scalar may be, each with the words that say so in an error. Text in, value out, nothing
// else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/settings.h"

namespace holdfast::config {

template <typename T>
struct Format {
  std::string expected;
  // May say in `hint` what exactly is wrong.
  std::function<std::optional<T>(std::string_view text, std::string& hint)> parse;
  // It begins with an integer: one without quotes is YAML's, see yaml_integer().
  bool is_number = false;
};

// The text of a plain scalar as SnakeYAML, which reads StateFun's files, takes it (YAML 1.1): 10_000, 0x10, 0b1, 010 (octal) and +5 in
// decimal, without a sign that says nothing. What is no such integer, or has more than 64 bits, is itself.
[[nodiscard]] std::string yaml_integer(std::string_view text);
// The same, and yes, on, no, off, in the spellings of YAML 1.1, as true and false.
[[nodiscard]] std::string yaml_scalar(std::string_view text);

// Flink's TimeUtils: a non-negative integer, white space if you like, a unit if it is not milliseconds. What
// is smaller than a millisecond is rounded up to one.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// An integer, a space if you like, and b, k, kb, kib, m, mb, mib, g, gb or gib in any case: powers of 1024.
// No unit: bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
// The shortest exact form: "7d", "1500ms", "0ms"; "1gb", "1000b".
[[nodiscard]] std::string show(Duration duration);
[[nodiscard]] std::string show_bytes(std::uint64_t bytes);

[[nodiscard]] Format<std::int64_t> integer(std::int64_t min, std::int64_t max);
[[nodiscard]] Format<double> number(double min, double max);
[[nodiscard]] Format<Duration> duration(Duration min, Duration max);
[[nodiscard]] Format<std::uint64_t> byte_size(std::uint64_t min, std::uint64_t max);
[[nodiscard]] Format<std::string> one_of(std::vector<std::string_view> names);
[[nodiscard]] Format<std::string> text(std::string expected);  // Not empty, no control characters.
[[nodiscard]] Format<std::string> functions_pattern();         // "ns/*" or "ns/name".
[[nodiscard]] Format<std::string> egress_id();                 // "ns/name", one slash.
[[nodiscard]] Format<std::string> topic_name();
[[nodiscard]] Format<std::string> url_template();
[[nodiscard]] Format<std::pair<std::string, std::uint16_t>> listen_address();  // host:port
[[nodiscard]] Format<std::string> readable_file(std::string folder);  // Gives the path that opens it.
[[nodiscard]] Format<std::string> environment_name();

}  // namespace holdfast::config
