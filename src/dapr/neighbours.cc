#include "dapr/neighbours.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <utility>

#include "net/http_message.h"

namespace holdfast::dapr {
namespace {

constexpr std::size_t kAddressBytesMax = 300;
constexpr std::int64_t kTickSeconds = 1;  // How coarse a folder's time of change may be.

std::string key_of(std::string_view name_space, std::string_view app_id) { return net::percent_encode(name_space) + "," + net::percent_encode(app_id); }

Result<void> io(const std::string& what, const std::string& path) { return fail(ErrorCode::Io, what + " " + path + ": " + std::strerror(errno)); }

bool write_whole(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return ::close(fd) == 0 && done;
}

std::optional<std::string> read_whole(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string text(kAddressBytesMax, '\0');
  const ssize_t size = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (size <= 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// "NAMESPACE,APP,PID,PORT" -> "NAMESPACE,APP" and the pid.
std::optional<std::pair<std::string, pid_t>> parse_name(std::string_view name) {
  const auto port = name.rfind(',');
  if (port == std::string_view::npos || port == 0) return std::nullopt;
  const auto pid = name.rfind(',', port - 1);
  if (pid == std::string_view::npos || name.substr(0, pid).find(',') == std::string_view::npos) return std::nullopt;
  pid_t number = 0;
  const auto [end, error] = std::from_chars(name.data() + pid + 1, name.data() + port, number);
  if (error != std::errc() || end != name.data() + port || number <= 0) return std::nullopt;
  return std::pair{std::string(name.substr(0, pid)), number};
}

}  // namespace

std::string Neighbours::default_folder() {
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') return std::string(runtime) + "/holdfast";
  std::error_code error;
  const auto temporary = std::filesystem::temp_directory_path(error);
  return (error ? std::string("/tmp") : temporary.string()) + "/holdfast-" + std::to_string(::geteuid());
}

Neighbours::~Neighbours() {
  for (const auto& path : announced_) ::unlink(path.c_str());
}

Result<void> Neighbours::open_folder() const {
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return io("cannot make the folder", folder_);
  struct stat found {};
  if (::lstat(folder_.c_str(), &found) != 0) return io("cannot look at the folder", folder_);
  if (!S_ISDIR(found.st_mode) || found.st_uid != ::geteuid() || (found.st_mode & 077) != 0)
    return fail(ErrorCode::Io, folder_ + " is not a folder that only this user may enter: who else does could lead calls elsewhere");
  return {};
}

Result<void> Neighbours::announce(std::string_view name_space, std::string_view app_id, std::string_view host, std::uint16_t port) {
  if (auto ok = open_folder(); !ok) return ok;
  const std::string name = key_of(name_space, app_id) + "," + std::to_string(::getpid()) + "," + std::to_string(port);
  const std::string path = folder_ + "/" + name;
  const std::string fresh = folder_ + "/." + name;  // Until it is whole.
  if (!write_whole(fresh, std::string(host) + ":" + std::to_string(port)) || ::rename(fresh.c_str(), path.c_str()) != 0) {
    auto failure = io("cannot write", path);
    ::unlink(fresh.c_str());
    return failure;
  }
  announced_.push_back(path);
  return {};
}

// Under the mutex.
void Neighbours::look() {
  known_.clear();
  if (!open_folder()) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_.c_str()), ::closedir);
  if (!folder) return;
  std::size_t files = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (++files > kFilesMax) return;
    const auto parsed = entry->d_name[0] == '.' ? std::nullopt : parse_name(entry->d_name);
    if (!parsed) continue;
    const std::string path = folder_ + "/" + entry->d_name;
    if (::kill(parsed->second, 0) != 0 && errno == ESRCH) {
      ::unlink(path.c_str());
      continue;
    }
    if (auto address = read_whole(path)) known_[parsed->first].push_back(*std::move(address));
  }
}

std::optional<std::string> Neighbours::find(std::string_view name_space, std::string_view app_id) {
  const std::lock_guard lock(mutex_);
  struct stat found {};
  if (::stat(folder_.c_str(), &found) != 0) return std::nullopt;
  const bool is_same = found.st_mtim.tv_sec == changed_.tv_sec && found.st_mtim.tv_nsec == changed_.tv_nsec;
  if (!is_same || !is_certain_) {
    // What comes within the same tick of the folder's clock could go unseen.
    is_certain_ = std::time(nullptr) - found.st_mtim.tv_sec > kTickSeconds;
    changed_ = found.st_mtim;
    look();
  }
  const auto it = known_.find(key_of(name_space, app_id));
  if (it == known_.end()) return std::nullopt;
  return it->second[turn_++ % it->second.size()];
}

}  // namespace holdfast::dapr
