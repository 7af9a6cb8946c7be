// Result<T>: a value, or the Error that says why there is none. The one place that names the underlying type; with
// C++23 the alias moves to std::expected and no caller changes.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace holdfast {

// A code exists only where some caller acts differently on it; everything else is in the message.
enum class ErrorCode {
  Invalid,      // Wrong input: say so to whoever sent it (HTTP 400, exit code 2).
  NotFound,     // No such thing (HTTP 404).
  Conflict,     // It contradicts something that is there (HTTP 409, 422).
  TooLarge,     // Over a limit that has a name (HTTP 413).
  Parked,       // The address stands still until somebody decides (HTTP 409).
  Failed,       // What was accepted was given up (HTTP 502).
  Overloaded,   // A bound is reached; trying later helps (HTTP 429).
  Unavailable,  // Stopping, or a disk or peer does not answer; trying later may help (HTTP 503).
  Timeout,      // The time given was used up (HTTP 504).
  Damaged,      // Stored bytes are not what was written: stop, and let somebody look.
  NoSpace,      // The disk is full: wait and try the very same write again.
  Io,           // The system refused; nothing more is known.
};

struct Error {
  ErrorCode code = ErrorCode::Io;
  std::string message;  // Lower case; says what, which, and got.
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline auto fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
[[nodiscard]] inline auto fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace holdfast
