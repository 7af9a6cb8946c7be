#include "app/data_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/json.h"
#include "codec/rows.h"
#include "codec/standard_types.h"
#include "log/posix_file_system.h"
#include "model/address.h"

namespace holdfast::app {
namespace {

constexpr std::uint64_t kIdentityBytesMax = 4096;

constexpr mode_t kOthers = 077;

// As it was written before there were checksums; before there were ids, without one.
std::string unchecked_json(const DataIdentity& identity) {
  std::string text = "{\"format\":" + std::to_string(kDataFormat) + ",\"partitions\":" + std::to_string(identity.partitions);
  if (!identity.id.empty()) text += ",\"id\":\"" + identity.id + "\"";
  return text + "}";
}

std::string checksum(const DataIdentity& identity) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  const std::uint32_t crc = crc32c(unchecked_json(identity));
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back(kHex[crc >> shift & 15]);
  return out;
}

std::string to_json(const DataIdentity& identity) {
  std::string text = unchecked_json(identity);
  text.pop_back();
  return text + ",\"checksum\":\"" + checksum(identity) + "\"}\n";
}

std::string identity_path(const std::string& path) { return path + "/holdfast.json"; }

Result<void> write_identity(const std::string& path, const DataIdentity& identity) {
  log::PosixFileSystem files;
  const std::string temporary = identity_path(path) + ".new";
  // One that a crash has left behind.
  if (auto removed = files.remove(temporary); !removed && removed.error().code != ErrorCode::NotFound) return removed;
  auto file = files.open(temporary, log::OpenMode::Create);
  if (!file) return fail(file.error());
  const std::string text = to_json(identity);
  const std::array<std::string_view, 1> parts{text};
  if (auto ok = (*file)->write(0, parts); !ok) return ok;
  if (auto ok = (*file)->sync(); !ok) return ok;
  if (auto ok = files.rename(temporary, identity_path(path)); !ok) return ok;
  return files.sync_directory(path);
}

// Whether there are files of ours without the one that says what they are.
bool holds_data(const std::string& path) {
  log::PosixFileSystem files;
  for (const char* part : {"/log", "/view"}) {
    if (const auto names = files.list(path + part); names && !names->empty()) return true;
  }
  return false;
}

// A directory without holdfast.json may be made into one of ours if nothing is in it but what a crash at that leaves behind, or
// what a new file system brings along.
Result<void> check_unused(const std::string& path) {
  constexpr std::array<std::string_view, 5> kHarmless{"LOCK", "holdfast.json.new", "lost+found", "log", "view"};
  constexpr std::size_t kNamesShown = 3;
  if (holds_data(path))
    return fail(ErrorCode::Damaged, path + " holds a log or a view, but no holdfast.json: it is not a whole data directory");
  const auto names = log::PosixFileSystem().list(path);
  if (!names && names.error().code == ErrorCode::NotFound) return {};
  if (!names) return fail(names.error());
  std::string shown;
  std::size_t others = 0;
  for (const auto& name : *names) {
    if (std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end()) continue;
    if (++others <= kNamesShown) shown += (shown.empty() ? "" : ", ") + name;
  }
  if (others == 0) return {};
  if (others > kNamesShown) shown += " and " + std::to_string(others - kNamesShown) + " more";
  return fail(ErrorCode::Invalid, path + " is not a data directory and not empty: it has no holdfast.json, but " + shown +
                                      "; name an empty directory, or one that does not exist yet");
}

// One that was made by a version, or under a umask, that let others look in. What somebody has put there beside ours is closed as well: it is
// in a directory that nobody else can enter any more.
void close_to_others(const std::string& path) {
  std::error_code error;
  std::uint64_t closed = 0;
  const auto close = [&closed](const std::string& name) {
    struct stat status {};
    if (::lstat(name.c_str(), &status) != 0 || S_ISLNK(status.st_mode) || (status.st_mode & kOthers) == 0) return;
    if (status.st_uid != ::geteuid()) return;
    if (::chmod(name.c_str(), status.st_mode & 07777 & ~kOthers) == 0) ++closed;
    else log_warn("cannot close the data directory to others", {{"file", name}});
  };
  close(path);
  for (const char* part : {"", "/log", "/view"}) {
    if (*part != 0) close(path + part);
    for (std::filesystem::directory_iterator it(path + part, error), end; !error && it != end; it.increment(error))
      if (it->is_regular_file(error)) close(it->path().string());
    error.clear();
  }
  if (closed > 0) log_warn("the data directory was open to others, and is closed now", {{"data", path}, {"changed", closed}});
}

}  // namespace

Result<DataIdentity> read_data_identity(const std::string& path) {
  log::PosixFileSystem files;
  const std::string name = identity_path(path);
  auto file = files.open(name, log::OpenMode::Read);
  if (!file) return fail(file.error());
  std::string text(kIdentityBytesMax, '\0');
  const auto size = (*file)->read(0, text.data(), text.size());
  if (!size) return fail(size.error());
  text.resize(*size);
  const auto json = cli::Json::parse(text);
  if (!json) return fail(ErrorCode::Damaged, name + " is " + json.error().message);
  if (const auto format = (*json)["format"].number(); format != kDataFormat) {
    return fail(ErrorCode::Invalid, name + ": format " + std::to_string(format) + ", this program knows " + std::to_string(kDataFormat));
  }
  const auto partitions = (*json)["partitions"].number();
  if (partitions < 1 || partitions > model::kPartitionsMax) {
    return fail(ErrorCode::Damaged, name + ": partitions is " + std::to_string(partitions) + ", expected 1 to " +
                                        std::to_string(model::kPartitionsMax));
  }
  DataIdentity identity{static_cast<std::uint16_t>(partitions), (*json)["id"].text()};
  const auto& sum = (*json)["checksum"];
  if (!sum.is_null()) {
    if (const auto right = checksum(identity); sum.text() != right)
      return fail(ErrorCode::Damaged, name + ": checksum is " + codec::quote_json(sum.text()) + ", but with " + describe(identity) + " it would be " + right +
                                          ": one of these has changed since it was written");
    return identity;
  }
  // Written before there were checksums, or the word is what has changed: then this is not what was written then.
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  if (text != unchecked_json(identity)) return fail(ErrorCode::Damaged, name + ": it has members other than format, partitions, id and checksum");
  identity.checked = false;
  return identity;
}

std::string describe(const DataIdentity& identity) {
  return "partitions " + std::to_string(identity.partitions) + ", id " + codec::quote_json(identity.id);
}

std::string new_directory_id() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (std::uint64_t bits = entropy(), i = 0; i < 16; ++i, bits >>= 4) id.push_back(kHex[bits & 15]);
  return id;
}

Result<void> check_log_is_there(const std::string& path) {
  std::error_code error;
  // The log is made before the view.
  if (!std::filesystem::exists(path + "/view", error) || std::filesystem::exists(path + "/log", error)) return {};
  return fail(ErrorCode::Damaged, path + " has a view/ and no log/: what the view does not have yet is lost with it");
}

Result<DataDirectory> open_data_directory(const std::string& path, std::uint16_t partitions, PartitionsAre are) {
  // Before anything is put into it.
  if (const auto there = read_data_identity(path); !there && there.error().code == ErrorCode::NotFound) {
    if (auto unused = check_unused(path); !unused) return fail(unused.error());
  }
  auto lock = log::DirectoryLock::acquire(path);
  if (!lock) return fail(lock.error());
  auto identity = read_data_identity(path);
  if (!identity && identity.error().code == ErrorCode::NotFound) {
    identity = DataIdentity{partitions, new_directory_id()};
    if (auto written = write_identity(path, *identity); !written) return fail(written.error());
  }
  if (!identity) return fail(identity.error());
  if (auto there = check_log_is_there(path); !there) return fail(there.error());
  close_to_others(path);
  if (identity->id.empty() || !identity->checked) {
    if (identity->id.empty()) identity->id = new_directory_id();
    if (auto written = write_identity(path, *identity); !written) return fail(written.error());
  }
  if (identity->partitions != partitions && are == PartitionsAre::Demanded) {
    return fail(ErrorCode::Conflict, "the configuration says partitions: " + std::to_string(partitions) + ", but " + path +
                                         " was made with " + std::to_string(identity->partitions) +
                                         ", which cannot be changed: take the key out, or use another directory");
  }
  return DataDirectory{path, *identity, *std::move(lock)};
}

Result<void> check_partition(std::string_view key, std::uint16_t partitions) {
  if (key.size() < sizeof partitions) return fail(ErrorCode::Damaged, "a key of " + std::to_string(key.size()) + " bytes, which no row has");
  const auto partition = codec::partition_of_key(key).value;
  if (partition < partitions) return {};
  return fail(ErrorCode::Damaged, "a row of partition " + std::to_string(partition) + ", but there are only " +
                                      std::to_string(partitions) + " (holdfast.json)");
}

Result<void> check_view(const ports::StateStore& view, std::uint16_t partitions) {
  std::string end;
  append_be(end, partitions);
  const auto beyond = view.scan(end, "");
  if (beyond->valid()) return check_partition(beyond->key(), partitions);
  return beyond->status();
}

}  // namespace holdfast::app
