// FileSystem: the few things the log asks of an operating system, so that a simulated disk can stand in for it. Paths are
// plain strings; directories are separated by '/'.
//
// What is written is durable after sync(); that a name exists, is gone or has changed is durable after sync_directory().
// ErrorCode::NoSpace stands for a full disk or quota, ErrorCode::NotFound for a missing file, ErrorCode::Io for all else.
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::log {

enum class OpenMode {
  Read,       // The file must exist.
  ReadWrite,  // The file must exist.
  Create,     // For reading and writing; the file must not exist.
};

class File {
 public:
  virtual ~File() = default;

  // Writes the concatenation of `parts`, all of it or an error; after an error any part of it may have been written.
  [[nodiscard]] virtual Result<void> write(std::uint64_t offset, std::span<const std::string_view> parts) = 0;
  // Reads up to `size` bytes; less only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read(std::uint64_t offset, char* out, std::size_t size) const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  // The content, and as much of the metadata as reading it back needs.
  [[nodiscard]] virtual Result<void> sync() = 0;
  // Asks that these bytes be on their way to the disk before sync() asks for them. A hint: promises nothing, cannot fail.
  virtual void start_writing(std::uint64_t offset, std::uint64_t size) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // The names in a directory, sorted.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Also makes the parents that are missing; fine if it is there.
  [[nodiscard]] virtual Result<void> make_directory(const std::string& directory) = 0;
  // Takes the place of `to` if there is one.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& directory) = 0;
};

}  // namespace holdfast::log
