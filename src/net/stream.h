// Stream: one connected socket, TCP or unix, plain or TLS, as non-blocking reads and gathered writes. Tells what to wait for
// instead of waiting. For net/ only; on the loop's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/connection_budget.h"
#include "net/event_loop.h"
#include "net/fd_watcher.h"
#include "net/tls.h"

namespace holdfast::net {

enum class IoStatus {
  Done,       // `bytes` moved, more than none.
  WaitRead,   // Nothing moved; try again when readable.
  WaitWrite,  // Nothing moved; try again when writable.
  End,        // Reads: the peer has closed its side.
  Failed,     // See Stream::error().
};

struct IoResult {
  IoStatus status = IoStatus::Failed;
  std::size_t bytes = 0;
};

class Stream {
 public:
  // Owns `fd`, connected or connecting.
  Stream(EventLoop& loop, int fd);
  ~Stream();

  void use_tls_server(const TlsServer& context, Offer offer);
  void use_tls_client(const TlsClient& context, const std::string& host, Offer offer = Offer::Http1);
  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }

  // For a connecting socket, once writable: the outcome, as errno.
  [[nodiscard]] int connect_outcome() const;
  // TLS only: Done when the session is up.
  [[nodiscard]] IoResult handshake();
  [[nodiscard]] IoResult read(char* into, std::size_t size);
  // As much of the parts, in order, as the system takes. At most kPartsMax parts count.
  [[nodiscard]] IoResult write(std::span<const std::string_view> parts);
  // Says goodbye, as far as that can be done without waiting.
  void shut();
  // TLS only: whether decrypted bytes wait that no readable event will announce.
  [[nodiscard]] bool has_buffered() const;

  // For as long as the socket is open.
  void keep(ConnectionBudget::Place place) { place_ = std::move(place); }

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] FdWatcher& watcher() { return watcher_; }

  static constexpr std::size_t kPartsMax = 16;

 private:
  struct Tls;
  IoResult tls_outcome(int returned);
  ConnectionBudget::Place place_;  // Given back after the socket is closed.
  FdWatcher watcher_;
  std::unique_ptr<Tls> tls_;
  std::string error_;
};

// Closes `fd` unless it is taken: between the system call that gives one and its owner.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

// "connection refused": the system's words, lower case.
[[nodiscard]] std::string error_text(int error);

}  // namespace holdfast::net
