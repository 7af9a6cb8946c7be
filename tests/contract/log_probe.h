// What a log holds, as values to compare.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ports/epoch_log.h"

namespace holdfast::testing {

using Records = std::vector<std::pair<std::uint64_t, std::string>>;  // Epoch and payload.

inline Result<Records> replay(ports::EpochLog& log, std::uint64_t after) {
  Records out;
  auto done = log.replay({after}, [&](model::Epoch epoch, std::string_view payload) -> Result<void> {
    if (!out.empty() && out.back().first == epoch.value) out.back().second += payload;
    else out.emplace_back(epoch.value, payload);
    return {};
  });
  if (!done) return fail(done.error());
  return out;
}

inline Result<void> append(ports::EpochLog& log, std::uint64_t epoch, std::string_view payload) {
  return log.append({epoch}, {&payload, 1});
}

}  // namespace holdfast::testing
