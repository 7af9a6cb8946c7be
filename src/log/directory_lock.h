// DirectoryLock: one process at a time works on a data directory. Held as a lock on the directory itself, which nobody can take away, and on the
// file LOCK in it, which says who has it; both go away with the process, however it ends.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::log {

class DirectoryLock {
 public:
  // Makes the directory if it is missing. ErrorCode::Conflict: somebody else has it; the message says which process.
  [[nodiscard]] static Result<DirectoryLock> acquire(const std::string& directory);
  // For whoever only reads: makes nothing, and works in a directory that cannot be written to (where nobody else can write either).
  [[nodiscard]] static Result<DirectoryLock> acquire_to_read(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int directory) : directory_(directory) {}
  [[nodiscard]] Result<void> lock_file(const std::string& directory, int descriptor);
  int directory_ = -1;
  int file_ = -1;  // -1: there is none, and we only read.
};

}  // namespace holdfast::log
