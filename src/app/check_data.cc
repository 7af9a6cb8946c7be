#include "app/check_data.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "api/json_writer.h"
#include "app/data_directory.h"
#include "log/posix_file_system.h"
#include "log/replay_bounds.h"
#include "log/verify.h"
#include "storage/rocksdb_store.h"

namespace holdfast::app {
namespace {

struct Findings {
  DataIdentity identity;
  log::LogReport log;
  storage::StoreReport view;
  std::vector<std::string> damage;
};

// On a terminal only: scripts and logs do not want it.
void progress(const std::string& what) {
  if (::isatty(STDERR_FILENO) != 0) std::cerr << what << "\n";
}

Result<Findings> look(const std::string& directory) {
  Findings found;
  auto identity = read_data_identity(directory);
  if (!identity && identity.error().code == ErrorCode::NotFound) {
    return fail(ErrorCode::Invalid, directory + " is not a data directory: it has no holdfast.json");
  }
  if (!identity) return fail(identity.error());
  found.identity = *identity;
  // Held while we look, so that nobody starts writing.
  auto lock = log::DirectoryLock::acquire_to_read(directory);
  if (!lock && lock.error().code == ErrorCode::Conflict) return fail(ErrorCode::Conflict, lock.error().message + "; stop it first");
  if (!lock) return fail(lock.error());

  log::PosixFileSystem files;
  progress("reading the log …");
  const std::uint16_t partitions = found.identity.partitions;
  auto log = log::verify(directory + "/log", files, [partitions](std::string_view payload) { return check_rows(payload, partitions); });
  if (!log && log.error().code != ErrorCode::NotFound) return fail(log.error());
  if (log) found.log = *std::move(log);
  progress("reading the view …");
  auto view = storage::verify(directory + "/view");
  if (!view) return fail(view.error());
  found.view = *std::move(view);

  for (const auto& damage : found.log.damage) {
    found.damage.push_back(damage.file + " at byte " + std::to_string(damage.offset) + ": " + damage.why);
  }
  if (!found.view.damage.empty()) found.damage.push_back("view: " + found.view.damage);
  if (!found.view.last_key.empty()) {
    if (auto ok = check_partition(found.view.last_key, partitions); !ok) found.damage.push_back("view: " + ok.error().message);
  }
  // Together they must have every epoch. What one of them says of itself is worth nothing if it is damaged.
  if (found.damage.empty()) {
    const auto fits = log::check_replay_bounds(found.view.reached, found.log.previous, std::max(found.log.previous, found.log.last));
    if (!fits) found.damage.push_back(fits.error().message);
  }
  return found;
}

std::string to_json(const Findings& found) {
  api::JsonWriter json;
  json.begin_object().key("ok").boolean(found.damage.empty()).key("partitions").number(found.identity.partitions);
  json.key("log").begin_object();
  json.key("segments").number(found.log.segments).key("records").number(found.log.records).key("bytes").number(found.log.bytes);
  json.key("first_epoch").number(found.log.first.value).key("last_epoch").number(found.log.last.value);
  json.key("torn_tail").boolean(found.log.torn.has_value()).end_object();
  json.key("view").begin_object();
  json.key("exists").boolean(found.view.exists).key("keys").number(found.view.keys).key("bytes").number(found.view.bytes);
  json.key("reached_epoch").number(found.view.reached.value).end_object();
  json.key("damage").begin_array();
  for (const auto& damage : found.damage) json.string(damage);
  return json.end_array().end_object().take();
}

void print(const Findings& found) {
  const auto& log = found.log;
  std::cout << "log:  " << log.segments << " segments, " << log.records << " records, " << log.bytes << " bytes";
  if (log.records != 0) std::cout << ", epochs " << log.first.value << " to " << log.last.value;
  std::cout << "\n";
  if (log.torn) {
    std::cout << "      the last append was cut short by a crash (" << log.torn->file << " at byte " << log.torn->offset
              << ", " << log.torn->bytes << " bytes); it was never acknowledged, and the next start cuts it\n";
  }
  if (found.view.exists) {
    std::cout << "view: " << found.view.keys << " keys, " << found.view.bytes << " bytes, has reached epoch " << found.view.reached.value << "\n";
  } else {
    std::cout << "view: none yet\n";
  }
  if (found.damage.empty()) std::cout << "sound\n";
  for (const auto& damage : found.damage) std::cout << "DAMAGED: " << damage << "\n";
}

}  // namespace

int check_data(const cli::CheckDataOptions& options) {
  const auto found = look(options.directory);
  if (!found) {
    std::cerr << "holdfast: " << found.error().message << "\n";
    return found.error().code == ErrorCode::Invalid ? cli::kExitUsage : cli::kExitFailed;
  }
  if (options.output == cli::Output::Json) std::cout << to_json(*found) << "\n";
  else print(*found);
  return found->damage.empty() ? cli::kExitDone : cli::kExitFailed;
}

}  // namespace holdfast::app
