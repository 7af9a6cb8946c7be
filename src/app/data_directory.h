// The data directory: LOCK, holdfast.json (what was decided when it was made), log/ and view/. docs/operations.md describes it.
//
// holdfast.json is {"format":1,"partitions":64,"id":"5f1c…","checksum":"…"}, written once, whole, and durable before anything else is stored.
// What it says stands in the view as well. Nobody but its owner may look in (0700, files 0600).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "log/directory_lock.h"
#include "ports/state_store.h"

namespace holdfast::app {

inline constexpr int kDataFormat = 1;

struct DataIdentity {
  std::uint16_t partitions = 0;
  std::string id;  // 16 hexadecimal digits, random: what others outside know the directory by, a copy of it included. Empty: one from
                   // before there were ids; opening gives it one.
  bool checked = true;  // False: from before there were checksums; opening gives it one.
};

// As the view notes whose it is.
[[nodiscard]] std::string describe(const DataIdentity& identity);

struct DataDirectory {
  std::string path;
  DataIdentity identity;
  log::DirectoryLock lock;  // Held for as long as this lives.

  [[nodiscard]] std::string log_path() const { return path + "/log"; }
  [[nodiscard]] std::string view_path() const { return path + "/view"; }
};

// Opens it, and makes it with `partitions` if it is new. `demanded`: the configuration names that number, so another one that
// is stored is a Conflict; otherwise what is stored wins. Invalid: it is a directory with something else in it.
enum class PartitionsAre { Demanded, Suggested };
// One that others can look into is closed to them, and that is said.
[[nodiscard]] Result<DataDirectory> open_data_directory(const std::string& path, std::uint16_t partitions, PartitionsAre are);

// Damaged: there is a view, and the log that it is made from is gone.
[[nodiscard]] Result<void> check_log_is_there(const std::string& path);

[[nodiscard]] std::string new_directory_id();

// What holdfast.json says. NotFound: there is none.
[[nodiscard]] Result<DataIdentity> read_data_identity(const std::string& path);

// Whether rows belong to partitions that the directory has: one of another holdfast.json has others. ErrorCode::Damaged.
[[nodiscard]] Result<void> check_partition(std::string_view key, std::uint16_t partitions);
[[nodiscard]] Result<void> check_view(const ports::StateStore& view, std::uint16_t partitions);

}  // namespace holdfast::app
