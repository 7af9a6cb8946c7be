// DirectoryLock: one process at a time works on a data directory. Held as a lock on the file LOCK in it, which goes away with
// the process, however it ends.
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
  [[nodiscard]] static Result<DirectoryLock> lock(int descriptor, const std::string& directory);
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;  // -1: nothing to lock, in a directory that cannot be written to.
};

}  // namespace holdfast::log
