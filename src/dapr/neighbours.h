// Neighbours: how sidecars of one user on one machine find each other without any configuration: each has a file in a folder that only this
// user may enter, whose name says which application, and of which process it is, and whose content where its sidecar is called.
//
//   PREFIX/NAMESPACE,APP,PID,PORT        "127.0.0.1:41234"
//
// Files of processes that are gone are removed by whoever meets them. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::dapr {

class Neighbours {
 public:
  static constexpr std::size_t kFilesMax = 10'000;  // Looked at.

  // $XDG_RUNTIME_DIR/holdfast, or holdfast-UID in the folder of temporary files.
  [[nodiscard]] static std::string default_folder();

  explicit Neighbours(std::string folder) : folder_(std::move(folder)) {}
  // What it has announced is gone with it.
  ~Neighbours();
  Neighbours(const Neighbours&) = delete;

  // Io: the folder cannot be made, or others may write in it.
  [[nodiscard]] Result<void> announce(std::string_view name_space, std::string_view app_id, std::string_view host, std::uint16_t port);
  // "host:port"; of several, one after the other.
  [[nodiscard]] std::optional<std::string> find(std::string_view name_space, std::string_view app_id);

 private:
  using Addresses = std::map<std::string, std::vector<std::string>, std::less<>>;
  [[nodiscard]] Result<void> open_folder() const;
  void look();

  std::string folder_;
  std::vector<std::string> announced_;  // Paths.
  std::mutex mutex_;                    // Of what follows.
  Addresses known_;
  timespec changed_{};  // The folder, when it was looked at.
  bool is_certain_ = false;
  std::size_t turn_ = 0;
};

}  // namespace holdfast::dapr
