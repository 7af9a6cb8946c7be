#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include "holdfast/sdk/server.h"

namespace holdfast::sdk {

namespace {

// Signal handlers have nothing but globals.
std::atomic<int> wake_fd{-1};

void on_signal(int) {
  const int saved = errno;
  // The next one, whichever, ends the process.
  ::signal(SIGTERM, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(wake_fd.load(), &one, sizeof one);
  errno = saved;
}

// While it lives, the first SIGTERM or SIGINT is seen here; a second one ends the process, as it would without.
class StopSignals {
 public:
  StopSignals() : fd_(::eventfd(0, EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    int none = -1;
    if (!wake_fd.compare_exchange_strong(none, fd_)) {
      ::close(fd_);
      throw Error("serve() is running already: use Server for a second one");
    }
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGTERM, &action, &before_term_);
    ::sigaction(SIGINT, &action, &before_int_);
  }
  ~StopSignals() {
    ::sigaction(SIGTERM, &before_term_, nullptr);
    ::sigaction(SIGINT, &before_int_, nullptr);
    wake_fd.store(-1);
    ::close(fd_);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  void wait() {
    std::uint64_t count = 0;
    while (::read(fd_, &count, sizeof count) < 0 && errno == EINTR) {
    }
  }

 private:
  int fd_;
  struct sigaction before_term_{};
  struct sigaction before_int_{};
};

}  // namespace

int serve(Functions functions, ServerOptions options) try {
  StopSignals signals;
  Server server(std::move(functions), std::move(options));
  std::fprintf(stderr, "listening on %s\n", server.url().c_str());
  signals.wait();
  server.stop();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}

}  // namespace holdfast::sdk
