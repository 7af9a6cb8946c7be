#include "app/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "base/check.h"

namespace holdfast::app {

Result<StopSignals> StopSignals::create() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  ::signal(SIGPIPE, SIG_IGN);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return fail(ErrorCode::Io, "cannot block signals");
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  const int notified = ::eventfd(0, EFD_CLOEXEC);
  if (signals < 0 || notified < 0) return fail(ErrorCode::Io, "cannot wait for signals: no file descriptors");
  return StopSignals(signals, notified);
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : signals_(std::exchange(other.signals_, -1)), notified_(std::exchange(other.notified_, -1)) {}

StopSignals::~StopSignals() {
  if (signals_ >= 0) ::close(signals_);
  if (notified_ >= 0) ::close(notified_);
}

int StopSignals::wait() { return *wait_for(Duration{-1}); }

std::optional<int> StopSignals::wait_for(Duration time) {
  while (true) {
    std::array<pollfd, 2> events{pollfd{signals_, POLLIN, 0}, pollfd{notified_, POLLIN, 0}};
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(time.ms));  // Less than none: for ever.
    if (ready == 0) return std::nullopt;
    if (ready < 0) {
      HOLDFAST_CHECK(errno == EINTR);
      continue;
    }
    if (events[0].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals_, &info, sizeof info) == sizeof info) return static_cast<int>(info.ssi_signo);
    }
    if (events[1].revents != 0) {
      std::uint64_t count = 0;
      if (::read(notified_, &count, sizeof count) == sizeof count) return 0;
    }
  }
}

void StopSignals::notify() const {
  const std::uint64_t one = 1;
  HOLDFAST_CHECK(::write(notified_, &one, sizeof one) == sizeof one);
}

}  // namespace holdfast::app
