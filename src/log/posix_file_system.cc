#include "log/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/shortage.h"

namespace holdfast::log {
namespace {

constexpr std::size_t kPartsPerWrite = 256;  // The system takes 1024 at most.

Error system_error(int code, const char* what, const std::string& path) {
  const auto message = std::string(what) + " " + path + ": " + std::generic_category().message(code);
  if (code == ENOSPC || code == EDQUOT) return {ErrorCode::NoSpace, message};
  if (code == ENOENT) return {ErrorCode::NotFound, message};
  return {ErrorCode::Io, message};
}

// For calls that answer a descriptor: without one to be had, the log could not go on, and there will be.
template <typename Call>
int patiently(const std::string& path, Call call) {
  for (Shortage shortage(path);;) {
    const int descriptor = call();
    if (descriptor >= 0 || !is_shortage(errno)) return descriptor;
    shortage.wait(std::generic_category().message(errno));
  }
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Result<void> write(std::uint64_t offset, std::span<const std::string_view> parts) override {
    std::size_t part = 0;  // The first that is not written whole,
    std::size_t done = 0;  // and how much of it is.
    while (true) {
      std::array<iovec, kPartsPerWrite> vectors;
      std::size_t count = 0;
      std::size_t bytes = 0;
      for (std::size_t i = part, skip = done; i < parts.size() && count < vectors.size(); ++i, skip = 0) {
        if (parts[i].size() == skip) continue;
        vectors[count++] = {const_cast<char*>(parts[i].data()) + skip, parts[i].size() - skip};
        bytes += parts[i].size() - skip;
      }
      if (bytes == 0) return {};
      const ssize_t written = ::pwritev(descriptor_, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        return fail(system_error(errno, "write", path_));
      }
      if (written == 0) return fail(ErrorCode::Io, "write " + path_ + ": nothing was written");
      offset += static_cast<std::uint64_t>(written);
      for (auto left = static_cast<std::size_t>(written); left > 0;) {
        const std::size_t step = std::min(left, parts[part].size() - done);
        left -= step;
        done += step;
        if (done == parts[part].size()) {
          ++part;
          done = 0;
        }
      }
    }
  }

  Result<std::size_t> read(std::uint64_t offset, char* out, std::size_t size) const override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(descriptor_, out + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return fail(system_error(errno, "read", path_));
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return fail(system_error(errno, "stat", path_));
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> sync() override {
    while (::fdatasync(descriptor_) != 0)
      if (errno != EINTR) return fail(system_error(errno, "fdatasync", path_));
    return {};
  }

  void start_writing(std::uint64_t offset, std::uint64_t size) override {
    (void)::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size), SYNC_FILE_RANGE_WRITE);
  }

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::Read: flags |= O_RDONLY; break;
    case OpenMode::ReadWrite: flags |= O_RDWR; break;
    case OpenMode::Create: flags |= O_RDWR | O_CREAT | O_EXCL; break;
  }
  const int descriptor = patiently(path, [&] { return ::open(path.c_str(), flags, 0600); });
  if (descriptor < 0) return fail(system_error(errno, "open", path));
  return std::make_unique<PosixFile>(descriptor, path);
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  DIR* const stream = ::opendir(directory.c_str());
  if (stream == nullptr) return fail(system_error(errno, "open directory", directory));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int code = errno;
  ::closedir(stream);
  if (code != 0) return fail(system_error(code, "read directory", directory));
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixFileSystem::make_directory(const std::string& directory) {
  for (std::size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    const auto part = directory.substr(0, slash);
    if (::mkdir(part.c_str(), 0700) == 0) {
      // A directory that nobody remembers after a crash would take the log with it.
      const auto cut = part.find_last_of('/');
      const auto parent = cut == std::string::npos ? std::string(".") : cut == 0 ? std::string("/") : part.substr(0, cut);
      if (auto synced = sync_directory(parent); !synced) return synced;
    } else if (errno != EEXIST) {
      return fail(system_error(errno, "make directory", part));
    }
    if (slash == std::string::npos) break;
  }
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return fail(system_error(errno, "stat", directory));
  if (!S_ISDIR(status.st_mode)) return fail(ErrorCode::Io, directory + " is not a directory");
  return {};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(system_error(errno, "rename", from));
  return {};
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return fail(system_error(errno, "remove", path));
  return {};
}

Result<void> PosixFileSystem::sync_directory(const std::string& directory) {
  const int descriptor = patiently(directory, [&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return fail(system_error(errno, "open directory", directory));
  const int outcome = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (outcome != 0) return fail(system_error(code, "fsync", directory));
  return {};
}

}  // namespace holdfast::log
