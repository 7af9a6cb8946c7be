#include "bench/closed_loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/random.h"

namespace holdfast::bench {
namespace {

constexpr int kReadBytes = 64 * 1024;
constexpr std::uint64_t kErrorsMax = 1000;  // More, and the run says nothing anymore.

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

auto system_failure(const std::string& what) { return fail(ErrorCode::Io, what + ": " + std::strerror(errno)); }

Result<int> connect_to(const net::Url& server) {
  int fd = -1;
  int status = -1;
  if (server.is_unix()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (server.socket_path.size() >= sizeof address.sun_path) return fail(ErrorCode::Invalid, "socket path too long");
    std::memcpy(address.sun_path, server.socket_path.c_str(), server.socket_path.size() + 1);
    fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) status = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    if (::inet_pton(AF_INET, server.host.c_str(), &address.sin_addr) != 1)
      return fail(ErrorCode::Invalid, "expected an IPv4 address, got " + server.host);
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) status = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    const int on = 1;
    if (status == 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (status == 0) return fd;
  auto failure = system_failure("connect to " + server.origin());
  if (fd >= 0) ::close(fd);
  return failure;
}

class ClosedLoop {
 public:
  ClosedLoop(const LoopPlan& plan, Requests requests) : plan_(plan), requests_(std::move(requests)), random_(plan.seed) {}
  ~ClosedLoop() {
    for (const auto& c : connections_)
      if (c.fd >= 0) ::close(c.fd);
    if (epoll_ >= 0) ::close(epoll_);
  }

  Result<LoopOutcome> run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return system_failure("epoll_create1");
    connections_.resize(plan_.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (auto opened = open(i); !opened) return fail(opened.error());

    const std::uint64_t began = now_ns();
    stop_at_ = plan_.count != 0 ? UINT64_MAX : began + static_cast<std::uint64_t>(plan_.seconds * 1e9);
    std::uint64_t ended = began;
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (may_send(now_ns())) send_next(i);

    std::array<epoll_event, 256> events{};
    while (under_way_ != 0 && broken_.empty()) {
      const int ready = ::epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(plan_.patience_seconds * 1000));
      if (ready < 0 && errno == EINTR) continue;
      if (ready < 0) return system_failure("epoll_wait");
      if (ready == 0) {
        note("no answer in " + std::to_string(plan_.patience_seconds) + " s", under_way_);
        break;
      }
      for (int i = 0; i < ready; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
      ended = now_ns();
    }
    if (!broken_.empty()) return fail(ErrorCode::Io, broken_);
    outcome_.seconds = static_cast<double>(ended - began) / 1e9;
    return std::move(outcome_);
  }

 private:
  struct Connection {
    int fd = -1;
    std::uint64_t sent_ns = 0;
    std::string received;  // Only what is left of an answer that comes in pieces.
  };

  Result<void> open(std::size_t index) {
    auto fd = connect_to(plan_.server);
    if (!fd) return fail(fd.error());
    connections_[index].fd = *fd;
    connections_[index].received.clear();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, *fd, &event) != 0) return system_failure("epoll_ctl");
    return {};
  }

  bool may_send(std::uint64_t now) const { return now < stop_at_ && (plan_.count == 0 || sent_ < plan_.count); }

  void send_next(std::size_t index) {
    Connection& c = connections_[index];
    const std::string_view request = requests_.for_key(plan_.in_turn ? next_key_++ % plan_.keys : plan_.keys == 1 ? 0 : random_.below(plan_.keys));
    ++sent_;
    ++under_way_;
    c.sent_ns = now_ns();
    // The socket's buffer is empty, so it takes a request at once; a larger one is written on, blocking.
    for (std::size_t at = 0; at < request.size();) {
      const ssize_t took = ::send(c.fd, request.data() + at, request.size() - at, MSG_NOSIGNAL);
      if (took < 0 && errno == EINTR) continue;
      if (took < 0) return lost(index, std::string("send: ") + std::strerror(errno));
      at += static_cast<std::size_t>(took);
    }
  }

  void receive(std::size_t index) {
    Connection& c = connections_[index];
    const ssize_t got = ::recv(c.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost(index, got == 0 ? "closed by the server" : std::string("recv: ") + std::strerror(errno));
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
    if (!c.received.empty()) bytes = c.received.append(bytes);

    const auto state = reader_.read(bytes, Body::Skip, response_);
    if (state == ResponseReader::State::Incomplete) {
      if (c.received.empty()) c.received = bytes;
      return;
    }
    if (state == ResponseReader::State::Malformed) return lost(index, "an answer that is not HTTP/1.1 as expected");
    const std::uint64_t now = now_ns();
    --under_way_;
    if (response_.status == plan_.expected_status) {
      outcome_.latency_ns.add(now - c.sent_ns);
    } else {
      if (outcome_.first_error.empty()) {
        Response whole;
        (void)reader_.read(bytes, Body::Keep, whole);
        outcome_.first_error = whole.body.substr(0, 300);
      }
      note("status " + std::to_string(response_.status), 1);
    }
    c.received.clear();
    if (!response_.keeps_alive && !reopen(index)) return;
    if (may_send(now)) send_next(index);
  }

  void lost(std::size_t index, const std::string& what) {
    --under_way_;
    note(what, 1);
    if (reopen(index) && may_send(now_ns())) send_next(index);
  }
  bool reopen(std::size_t index) {
    ::close(connections_[index].fd);
    connections_[index].fd = -1;
    if (auto opened = open(index); !opened) broken_ = opened.error().message;
    return broken_.empty();
  }
  void note(const std::string& what, std::uint64_t times) {
    outcome_.errors[what] += times;
    if (outcome_.error_count() > kErrorsMax) stop_at_ = 0;
  }

  const LoopPlan& plan_;
  Requests requests_;
  SeededRandom random_;
  std::uint64_t next_key_ = 0;
  ResponseReader reader_;
  Response response_;
  LoopOutcome outcome_;
  std::vector<Connection> connections_;
  std::array<char, kReadBytes> buffer_{};
  std::string broken_;
  std::uint64_t stop_at_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t under_way_ = 0;
  int epoll_ = -1;
};

}  // namespace

std::uint64_t LoopOutcome::error_count() const {
  std::uint64_t sum = 0;
  for (const auto& [what, times] : errors) sum += times;
  return sum;
}

Result<LoopOutcome> run_closed_loop(const LoopPlan& plan, Requests requests) {
  return ClosedLoop(plan, std::move(requests)).run();
}

Result<Response> ask_once(const net::Url& server, std::string_view request) {
  auto fd = connect_to(server);
  if (!fd) return fail(fd.error());
  std::string received(kReadBytes, '\0');
  std::size_t size = 0;
  Response response;
  auto state = ResponseReader::State::Incomplete;
  if (::send(*fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    pollfd wait{*fd, POLLIN, 0};
    while (state == ResponseReader::State::Incomplete && ::poll(&wait, 1, 10'000) == 1) {
      const ssize_t got = ::recv(*fd, received.data() + size, received.size() - size, 0);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
      state = ResponseReader{}.read(std::string_view(received).substr(0, size), Body::Keep, response);
    }
  }
  ::close(*fd);
  if (state != ResponseReader::State::Complete) return fail(ErrorCode::Io, "no HTTP/1.1 answer from " + server.origin());
  return response;
}

}  // namespace holdfast::bench
