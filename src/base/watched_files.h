// WatchedFiles: whether files have become others since they were last read: certificates, keys, credentials, which are rotated while
// a process runs.
//
// Looks when asked and has no thread: its owner asks at intervals (kWatchInterval), and when told to (SIGHUP). A file is told by what it
// is behind its symbolic links (as mounted secrets are), by its size and by when it was written. The order that misses nothing: changed(),
// then read. What is read while somebody writes may be half of it; then the owner keeps what it has, and the rest of the writing
// is another change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast {

// Short enough that whoever rotates a file need not wait, long enough to cost nothing.
inline constexpr Duration kWatchInterval{1'000};

class WatchedFiles {
 public:
  // As they are now: make it before the files are read for the first time. Empty paths are left out, so that settings that name no file
  // can be handed over as they are.
  explicit WatchedFiles(std::vector<std::string> paths);

  // Whether any of them is another than at the call before. One that is not there, or not to be looked at, counts as one that is
  // empty. Blocks as long as stat() does.
  [[nodiscard]] bool changed();
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

 private:
  struct Seen {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t written_ns = 0, changed_ns = 0;
    bool operator==(const Seen&) const = default;
  };
  [[nodiscard]] static Seen look(const std::string& path);

  std::vector<std::string> paths_;
  std::vector<Seen> seen_;
};

}  // namespace holdfast
