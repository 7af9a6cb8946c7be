// Looks at a stopped log without changing it: what `holdfast check-data` says about <data>/log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/file_system.h"
#include "model/rows.h"

namespace holdfast::log {

struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  std::string why;
};

// What an append that was cut short by a crash has left at the end of the last segment. Not an error: it was never acknowledged, and
// the next start cuts it.
struct TornTail {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct LogReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;     // Of segment headers and whole records.
  model::Epoch previous;       // The newest that was trimmed away; 0: none.
  model::Epoch first;          // 0: no record.
  model::Epoch last;           // 0: no record.
  std::optional<TornTail> torn;
  std::vector<Damage> damage;  // At most one per segment; empty: the log is sound.
};

// Gets each record's payload; an error is damage. A large epoch comes in several, cut anywhere.
using PayloadCheck = std::function<Result<void>(model::Epoch epoch, std::string_view payload)>;

// An error only if the directory cannot be read at all.
[[nodiscard]] Result<LogReport> verify(const std::string& directory, FileSystem& files, const PayloadCheck& check = {});

}  // namespace holdfast::log
