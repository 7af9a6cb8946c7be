#include "log/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "log/posix_file_system.h"

namespace holdfast::log {
namespace {

constexpr mode_t kMode = 0600;
constexpr std::size_t kPidBytesMax = 32;

tl::unexpected<Error> failed(const std::string& what) { return fail(ErrorCode::Io, what + ": " + std::generic_category().message(errno)); }

// What LOCK says; none: something that we have not written.
std::optional<std::string> read_pid(int descriptor) {
  char bytes[kPidBytesMax];
  const ssize_t size = ::pread(descriptor, bytes, sizeof bytes, 0);
  if (size < 0 || size == sizeof bytes) return std::nullopt;
  std::string pid;
  for (ssize_t i = 0; i < size; ++i) {
    if (bytes[i] == '\n' && i + 1 == size) break;
    if (bytes[i] < '0' || bytes[i] > '9') return std::nullopt;
    pid.push_back(bytes[i]);
  }
  return pid;
}

int open_file(const std::string& directory, int flags) {
  // Neither follows a link, nor waits at a pipe.
  return ::open((directory + "/LOCK").c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, kMode);
}

tl::unexpected<Error> in_use(const std::string& directory, int file) {
  const auto pid = file < 0 ? std::nullopt : read_pid(file);
  return fail(ErrorCode::Conflict, "data directory " + directory + " is in use by " + (pid && !pid->empty() ? "process " + *pid : "another process"));
}

Result<int> lock_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("open " + directory);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  const bool taken = errno == EWOULDBLOCK;
  const auto error = failed("lock " + directory);
  ::close(descriptor);
  if (!taken) return error;
  const int file = open_file(directory, O_RDONLY);
  auto refused = in_use(directory, file);
  if (file >= 0) ::close(file);
  return refused;
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  if (auto made = PosixFileSystem().make_directory(directory); !made) return fail(made.error());
  const auto descriptor = lock_directory(directory);
  if (!descriptor) return fail(descriptor.error());
  DirectoryLock lock(*descriptor);
  const int file = open_file(directory, O_RDWR | O_CREAT);
  if (file < 0) return failed("open " + directory + "/LOCK");
  if (auto locked = lock.lock_file(directory, file); !locked) return fail(locked.error());
  return lock;
}

Result<DirectoryLock> DirectoryLock::acquire_to_read(const std::string& directory) {
  const auto descriptor = lock_directory(directory);
  if (!descriptor) return fail(descriptor.error());
  DirectoryLock lock(*descriptor);
  int file = open_file(directory, O_RDWR);
  if (file < 0 && (errno == EROFS || errno == EACCES || errno == EPERM)) file = open_file(directory, O_RDONLY);
  if (file < 0 && errno == ENOENT) return lock;  // The lock on the directory is held.
  if (file < 0) return failed("open " + directory + "/LOCK");
  if (auto locked = lock.lock_file(directory, file); !locked) return fail(locked.error());
  return lock;
}

Result<void> DirectoryLock::lock_file(const std::string& directory, int descriptor) {
  file_ = descriptor;
  struct stat status {};
  if (::fstat(file_, &status) != 0) return failed("stat " + directory + "/LOCK");
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::Io, directory + "/LOCK is not a file");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(directory, file_);
    return failed("lock " + directory + "/LOCK");
  }
  // For people and for the message above; a full disk is no reason not to start. What somebody else has put there, or may have under another
  // name, is left alone. (A descriptor that only reads leaves what is there.)
  if (status.st_nlink != 1 || !read_pid(file_)) return {};
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file_, 0) == 0) (void)!::pwrite(file_, pid.data(), pid.size(), 0);
  return {};
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : directory_(std::exchange(other.directory_, -1)), file_(std::exchange(other.file_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(directory_, other.directory_);
  std::swap(file_, other.file_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) ::close(file_);
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace holdfast::log
