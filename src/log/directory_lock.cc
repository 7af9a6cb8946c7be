#include "log/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "log/posix_file_system.h"

namespace holdfast::log {
namespace {

std::string holder(int descriptor) {
  char digits[32];
  const ssize_t size = ::pread(descriptor, digits, sizeof digits, 0);
  std::string pid;
  for (ssize_t i = 0; i < size && digits[i] >= '0' && digits[i] <= '9'; ++i) pid.push_back(digits[i]);
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  if (auto made = PosixFileSystem().make_directory(directory); !made) return fail(made.error());
  const std::string path = directory + "/LOCK";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0) return fail(ErrorCode::Io, "open " + path + ": " + std::generic_category().message(errno));
  return lock(descriptor, directory);
}

Result<DirectoryLock> DirectoryLock::acquire_to_read(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  const auto cannot_write = [] { return errno == EROFS || errno == EACCES || errno == EPERM; };
  if (descriptor < 0 && cannot_write()) {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) return DirectoryLock(-1);
  }
  if (descriptor < 0) return fail(ErrorCode::Io, "open " + path + ": " + std::generic_category().message(errno));
  return lock(descriptor, directory);
}

Result<DirectoryLock> DirectoryLock::lock(int descriptor, const std::string& directory) {
  DirectoryLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(ErrorCode::Conflict, "data directory " + directory + " is in use by " + holder(descriptor));
    return fail(ErrorCode::Io, "lock " + directory + "/LOCK: " + std::generic_category().message(errno));
  }
  // For people and for the message above; a full disk is no reason not to start.
  // (A descriptor that only reads leaves what is there.)
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) == 0) (void)!::pwrite(descriptor, pid.data(), pid.size(), 0);
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace holdfast::log
