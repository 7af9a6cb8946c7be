#include "app/check_data.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/json_writer.h"
#include "app/data_directory.h"
#include "cli/answers.h"
#include "codec/rows.h"
#include "log/posix_file_system.h"
#include "log/replay_bounds.h"
#include "log/verify.h"
#include "runtime/row_check.h"
#include "runtime/row_layers.h"
#include "storage/memory_store.h"
#include "storage/rocksdb_store.h"

namespace holdfast::app {
namespace {

// Rows of the log are looked at for so many partitions at once as have about so much in it.
constexpr std::uint64_t kLogBytesAtOnce = 64u << 20;

struct Findings {
  DataIdentity identity;
  log::LogReport log;
  storage::StoreReport view;
  runtime::RowFaults faults;  // Each file is sound, and what they say together is not.
  std::vector<std::string> damage;
};

// On a terminal only: scripts and logs do not want it.
void progress(const std::string& what) {
  if (::isatty(STDERR_FILENO) != 0) std::cerr << what << "\n";
}

// Each epoch's rows, whatever pieces it comes in.
log::PayloadCheck for_rows(codec::RowVisit visit) {
  struct State {
    codec::RowPieces pieces;
    model::Epoch epoch;
  };
  return [visit = std::move(visit), state = std::make_shared<State>()](model::Epoch epoch, std::string_view payload) -> Result<void> {
    if (epoch != std::exchange(state->epoch, epoch))
      if (auto ended = state->pieces.end(); !ended) return ended;
    return state->pieces.add(payload, visit);
  };
}

// View and log together, as a recovery would see them.
Result<void> look_at_rows(const std::string& directory, log::FileSystem& files, Findings& found) {
  std::unique_ptr<ports::StateStore> store = std::make_unique<storage::MemoryStore>();
  if (found.view.exists) {
    auto view = storage::RocksDbStore::open_to_read(directory + "/view");
    if (!view) return fail(view.error());
    store = *std::move(view);
  }
  const std::uint32_t partitions = found.identity.partitions;
  const auto passes = std::min<std::uint64_t>(partitions, 1 + found.log.bytes / kLogBytesAtOnce);
  const auto last = std::max(found.log.last, found.view.reached);
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    const auto from = static_cast<std::uint16_t>(partitions * pass / passes), to = static_cast<std::uint16_t>(partitions * (pass + 1) / passes);
    runtime::RowLayers rows(*store);
    model::Epoch epoch;
    const auto keep = for_rows([&](std::string_view key, std::optional<std::string_view> value) {
      const auto partition = codec::partition_of_key(key).value;
      if (epoch > found.view.reached && partition >= from && partition < to)
        rows.add_closed(key, value);
    });
    const auto read = log::verify(directory + "/log", files, [&](model::Epoch of, std::string_view payload) {
      epoch = of;
      return keep(of, payload);
    });
    if (!read && read.error().code != ErrorCode::NotFound) return fail(read.error());
    for (std::uint16_t partition = from; partition < to; ++partition)
      runtime::check_partition(rows, {partition}, found.identity.partitions, last, found.faults);
  }
  return {};
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
  Result<void> within;
  const auto check = for_rows([&](std::string_view key, std::optional<std::string_view>) {
    if (within) within = check_partition(key, partitions);
  });
  auto log = log::verify(directory + "/log", files, [&](model::Epoch epoch, std::string_view payload) {
    within = {};
    auto read = check(epoch, payload);
    return read ? within : read;
  });
  if (!log && log.error().code != ErrorCode::NotFound) return fail(log.error());
  if (log) found.log = *std::move(log);
  progress("reading the view …");
  auto view = storage::verify(directory + "/view");
  if (!view) return fail(view.error());
  found.view = *std::move(view);

  for (const auto& damage : found.log.damage) {
    found.damage.push_back(damage.file + " at byte " + std::to_string(damage.offset) + ": " + damage.why);
  }
  for (const auto& damage : found.view.damage) found.damage.push_back("view: " + damage);
  if (auto there = check_log_is_there(directory); !there) found.damage.push_back(there.error().message);
  if (!found.view.owner.empty() && found.view.owner != describe(found.identity))
    found.damage.push_back("holdfast.json says " + describe(found.identity) + ", the view is of a directory with " + found.view.owner);
  if (!found.view.last_key.empty()) {
    if (auto ok = check_partition(found.view.last_key, partitions); !ok) found.damage.push_back("view: " + ok.error().message);
  }
  // Together they must have every epoch. What one of them says of itself is worth nothing if it is damaged.
  if (found.damage.empty()) {
    const auto fits = log::check_replay_bounds(found.view.reached, found.log.previous, std::max(found.log.previous, found.log.last));
    if (!fits) found.damage.push_back(fits.error().message);
  }
  if (!found.damage.empty()) return found;
  progress("reading what they say together …");
  if (auto looked = look_at_rows(directory, files, found); !looked) return fail(looked.error());
  found.damage = found.faults.shown();
  if (found.faults.count() > found.damage.size()) found.damage.push_back(std::to_string(found.faults.count() - found.damage.size()) + " more like these");
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
    return cli::failed(found.error());
  }
  if (options.output == cli::Output::Json) std::cout << to_json(*found) << "\n";
  else print(*found);
  return found->damage.empty() ? cli::kExitDone : cli::kExitFailed;
}

}  // namespace holdfast::app
