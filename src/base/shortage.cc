#include "base/shortage.h"

#include <chrono>
#include <thread>

#include "base/log.h"

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kPause{20};
constexpr std::uint64_t kWaitsPerLine = 500;

}  // namespace

Shortage::~Shortage() {
  const int kept = errno;
  if (waits_ > 0) log_info("descriptors and memory are there again", {{"for", what_}});
  errno = kept;
}

void Shortage::wait(std::string_view error) {
  if (waits_++ % kWaitsPerLine == 0) log_error("waiting for descriptors or memory", {{"for", what_}, {"error", error}});
  std::this_thread::sleep_for(kPause);
}

}  // namespace holdfast
