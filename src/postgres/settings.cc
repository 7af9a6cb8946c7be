#include "postgres/settings.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace holdfast::postgres {
namespace {

constexpr Duration kSecond{1'000};
constexpr std::int64_t kConnectionsMax = 64;

// With a schema before it, or in quotes.
bool is_table_name(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x80 || std::isalnum(c) != 0 || std::string_view("_.$\"-").find(static_cast<char>(c)) != std::string_view::npos; });
}

}  // namespace

Result<Settings> read_settings(const dapr::StoreDocument& document) {
  dapr::StoreSettings from(document);
  Settings to;
  to.layout = document.version == "v2" ? Layout::V2 : Layout::V1;
  if (!document.version.empty() && document.version != "v1" && document.version != "v2") from.refuse("there is no version " + document.version + " of it");

  if (const auto text = from.text({"connectionString", "url"})) {
    auto parsed = parse_connection_string(*text);
    if (!parsed) from.refuse("failed to parse connection string: " + parsed.error().message);
    else {
      to.connection = std::move(parsed->parameters);
      if (parsed->pool_max_connections > 0) to.connections = parsed->pool_max_connections;
    }
  } else {
    from.refuse("missing connection string");
  }
  if (to.layout == Layout::V1) {
    if (auto table = from.text({"tableName"})) to.state_table = *std::move(table);
  } else if (auto prefix = from.text({"tablePrefix"})) {
    to.table_prefix = *std::move(prefix);
    to.state_table = to.table_prefix + "state";
  }
  if (auto table = from.text({"metadataTableName"})) to.metadata_table = *std::move(table);
  for (const auto& name : {to.state_table, to.metadata_table})
    if (!is_table_name(name)) from.refuse("invalid identifier: " + name);
  to.timeout = from.duration({"timeout", "timeoutInSeconds"}, kSecond, to.timeout);
  if (to.timeout < kSecond) from.refuse("invalid value for 'timeout': must be greater than 1s");
  to.cleanup_interval = std::max(Duration{0}, from.duration({"cleanupInterval", "cleanupIntervalInSeconds"}, kSecond, to.cleanup_interval));
  if (const auto most = from.number({"maxConns"}, INT32_MIN, INT32_MAX, 0); most > 1) to.connections = most;
  to.connections = std::min(to.connections, kConnectionsMax);
  if (from.flag({"useAzureAD"})) from.refuse("metadata useAzureAD: there is no Azure AD here");
  if (from.flag({"useAWSIAM"})) from.refuse("metadata useAWSIAM: there is no AWS IAM here");
  if (auto ok = from.finish(); !ok) return fail(std::move(ok.error()));
  return to;
}

}  // namespace holdfast::postgres
