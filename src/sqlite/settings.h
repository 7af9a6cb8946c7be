// What a SQLite component is configured with.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dapr/store_settings.h"

namespace holdfast::sqlite {

struct Settings {
  std::string file;  // As SQLite opens it: a path, or a URI.
  bool in_memory = false;
  bool read_only = false;
  std::vector<std::string> pragmas;  // "cache_size(-2000)", of the connection string.
  std::string table = "state";
  std::string metadata_table = "metadata";
  Duration timeout{20'000};      // Of one call.
  Duration busy_timeout{2'000};  // How long another process may hold the file.
  Duration cleanup_interval{0};
  bool wal = true;
};

[[nodiscard]] Result<Settings> read_settings(const dapr::StoreDocument& document);

}  // namespace holdfast::sqlite
