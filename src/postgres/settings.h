// What a PostgreSQL component is configured with.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "dapr/store_settings.h"

namespace holdfast::postgres {

enum class Layout : std::uint8_t { V1, V2 };

struct Settings {
  Layout layout = Layout::V1;
  std::map<std::string, std::string> connection;  // Parameters of libpq. Holds secrets.
  std::string state_table = "state";
  std::string metadata_table = "dapr_metadata";
  std::string table_prefix;          // Of v2: what its keys in the metadata table end with.
  Duration timeout{20'000};          // Of one call, and of connecting.
  Duration cleanup_interval{3'600'000};  // 0: never.
  std::int64_t connections = 4;
};

[[nodiscard]] Result<Settings> read_settings(const dapr::StoreDocument& document);

// What pgx takes as a connection string: a URL, or words like `host=… database=…`, with options of its pool among them. Invalid: neither.
struct ConnectionString {
  std::map<std::string, std::string> parameters;
  std::int64_t pool_max_connections = 0;  // 0: not said.
};
[[nodiscard]] Result<ConnectionString> parse_connection_string(const std::string& text);

}  // namespace holdfast::postgres
