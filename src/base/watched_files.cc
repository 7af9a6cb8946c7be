#include "base/watched_files.h"

#include <sys/stat.h>

#include <cstddef>
#include <utility>

namespace holdfast {

WatchedFiles::WatchedFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {
  std::erase(paths_, std::string());
  for (const auto& path : paths_) seen_.push_back(look(path));
}

bool WatchedFiles::changed() {
  bool any = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Seen now = look(paths_[i]);
    if (now == seen_[i]) continue;
    seen_[i] = now;
    any = true;
  }
  return any;
}

WatchedFiles::Seen WatchedFiles::look(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) return {};
  const auto ns = [](const timespec& at) { return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec; };
  return {there.st_dev, there.st_ino, static_cast<std::uint64_t>(there.st_size), ns(there.st_mtim), ns(there.st_ctim)};
}

}  // namespace holdfast
