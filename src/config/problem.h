// Problem: one thing that is wrong in a configuration, said so that its writer can mend it without asking.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::config {

enum class Severity : std::uint8_t {
  Error,    // The configuration cannot be used.
  Warning,  // It can; something in it has no effect, or is not what it seems.
};

// Where something stands. Lines and columns count from 1, columns in bytes; 0: the file as a whole.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  [[nodiscard]] std::string text() const;  // "file:line:column", or "file".
};

struct Problem {
  Severity severity = Severity::Error;
  Place place;
  std::string path;  // The key's path in its document, as "spec.topics[2]"; empty: the document as a whole.
  std::string expected;
  std::string got;   // As the file has it: never a value taken from the environment.
  std::string hint;  // What else helps, as `did you mean "spec"?`; may be empty.

  // file:line:column: key.path: expected …, got … (hint). A warning says "warning: " before the path.
  [[nodiscard]] std::string text() const;
};

// A value from a document as it may be shown: quoted, cut, control characters escaped.
[[nodiscard]] std::string in_quotes(std::string_view value);

}  // namespace holdfast::config
