#include "sqlite/settings.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace holdfast::sqlite {
namespace {

constexpr Duration kSecond{1'000};

bool is_identifier(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_'); });
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string decode_percent(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_code = text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0;
    if (!is_code) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
    i += 2;
  }
  return out;
}

// Options that are SQLite's own stay in the URI; those of daprd's driver are taken out of it.
void read_connection_string(const std::string& text, dapr::StoreSettings& from, Settings& to) {
  const auto question = text.find('?');
  const std::string path = text.substr(0, question);
  std::string rest;
  for (std::size_t at = question; at < text.size();) {
    const auto end = std::min(text.find('&', at + 1), text.size());
    const std::string option = text.substr(at + 1, end - at - 1);
    at = end;
    const auto equals = std::min(option.find('='), option.size());
    const std::string name = option.substr(0, equals);
    const std::string value = equals < option.size() ? decode_percent(option.substr(equals + 1)) : "";
    if (name == "mode" && value == "memory") to.in_memory = true;
    if ((name == "mode" && value == "ro") || (name == "immutable" && value == "1")) to.read_only = true;
    if (name == "_pragma") {
      for (const auto* forbidden : {"busy_timeout", "journal_mode", "foreign_keys"})
        if (lower(value).starts_with(forbidden)) from.refuse("found forbidden option '_pragma=" + std::string(forbidden) + "' in the connection string");
      const bool is_plain = std::ranges::all_of(value, [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || std::string_view("_()=-+. '").find(static_cast<char>(c)) != std::string_view::npos); });
      if (!is_plain) from.refuse("found a strange option '_pragma' in the connection string");
      to.pragmas.push_back(value);
    } else if (!name.starts_with('_')) {
      rest += (rest.empty() ? "?" : "&") + option;
    }
  }
  const std::string small = lower(path);
  if (small.starts_with(":memory:") || small.starts_with("file::memory:")) to.in_memory = true;
  to.file = (small.starts_with("file:") ? "" : "file:") + path + rest;
  // Of this component alone: another of the same process shall not meet it.
  if (to.in_memory) to.file = ":memory:";
}

}  // namespace

Result<Settings> read_settings(const dapr::StoreDocument& document) {
  dapr::StoreSettings from(document);
  Settings to;
  const auto connection = from.text({"connectionString", "url"});
  if (!connection) from.refuse("missing connection string");
  else read_connection_string(*connection, from, to);
  if (auto table = from.text({"tableName"})) to.table = *std::move(table);
  if (auto table = from.text({"metadataTableName"})) to.metadata_table = *std::move(table);
  for (const auto& name : {to.table, to.metadata_table})
    if (!is_identifier(name)) from.refuse("invalid identifier: " + name);
  to.timeout = from.duration({"timeout", "timeoutInSeconds"}, kSecond, to.timeout);
  if (to.timeout < kSecond) from.refuse("invalid value for 'timeout': must be greater than 1s");
  to.busy_timeout = from.duration({"busyTimeout"}, kSecond, to.busy_timeout);
  to.cleanup_interval = from.duration({"cleanupInterval", "cleanupIntervalInSeconds"}, kSecond, to.cleanup_interval);
  to.wal = !from.flag({"disableWAL"}) && !to.in_memory && !to.read_only;
  if (auto ok = from.finish(); !ok) return fail(std::move(ok.error()));
  return to;
}

}  // namespace holdfast::sqlite
