// Shortage: waiting for descriptors or memory that the system does not have just now, as one waits for space on a full disk. Only for
// threads that may block, and for what cannot fail without ending the process: the files of log and view.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// Too many files open, in this process or on the whole machine, or no memory for one more.
[[nodiscard]] inline bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

class Shortage {
 public:
  // `what` for: a file's path. Outlives this.
  explicit Shortage(std::string_view what) : what_(what) {}
  ~Shortage();
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;
  // For a moment. Says so in the log, at first and then every few seconds.
  void wait(std::string_view error);

 private:
  std::string_view what_;
  std::uint64_t waits_ = 0;
};

}  // namespace holdfast
