// Rows that must be there, or must be readable.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/result.h"
#include "codec/rows.h"

namespace holdfast::runtime {

// A row that our own code wrote and that its checksums vouch for does not decode: the data directory is of another
// version, or broken. Nothing may be written over it.
[[noreturn]] inline void end_of(std::string_view key, const std::string& why) {
  end_process("cannot read a stored row; `holdfast check-data` says more", {{"row", codec::describe_key(key)}, {"error", why}});
}
// The same of messages, by a walk over them, whose error has the name.
[[noreturn]] inline void end_of_mail(const Error& error) {
  end_process("cannot read stored messages; `holdfast check-data` says more", {{"error", error.message}});
}
template <typename T>
T must(Result<T>&& result, std::string_view key) {
  if (!result) end_of(key, result.error().message);
  return std::move(*result);
}

}  // namespace holdfast::runtime
