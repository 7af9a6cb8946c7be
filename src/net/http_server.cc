#include "net/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "net/message_writer.h"
#include "net/server_connection.h"
#include "net/stream.h"

namespace holdfast::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause{100};  // When the system has no more descriptors.
constexpr std::size_t kWithoutPlaceMax = 16;  // Accepted beyond the bound, for as long as it takes to find an idle one to close.

std::string host_and_port(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return host_and_port(text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return host_and_port(text, ntohs(v6.sin6_port));
  }
  return "unix";
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

auto cannot_listen(const std::string& where, const std::string& why) {
  return fail(ErrorCode::Io, "cannot listen on " + where + ": " + why);
}

Result<UniqueFd> open_listener(int family, const sockaddr* address, socklen_t size, const std::string& where) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return cannot_listen(where, error_text(errno));
  const int on = 1;
  if (family != AF_UNIX) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address, size) != 0) return cannot_listen(where, error_text(errno));
  if (::listen(fd.get(), kBacklog) != 0) return cannot_listen(where, error_text(errno));
  return fd;
}

Result<UniqueFd> listen_tcp(const ListenSpec& spec) {
  const std::string where = host_and_port(spec.host, spec.port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(spec.host.c_str(), std::to_string(spec.port).c_str(), &hints, &found);
  if (failed != 0) return cannot_listen(where, ::gai_strerror(failed));
  const addrinfo* chosen = found;  // A name with both kinds of address: IPv4, where clients of "localhost" come.
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    if (each->ai_family == AF_INET) {
      chosen = each;
      break;
    }
  auto fd = open_listener(chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen, where);
  ::freeaddrinfo(found);
  return fd;
}

Result<UniqueFd> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return cannot_listen(path, "the path is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) return cannot_listen(path, "something that is not a socket is there");
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), generic, sizeof address) == 0 || errno != ECONNREFUSED)
      return cannot_listen(path, "address already in use");
    ::unlink(path.c_str());  // Left over from a process that was killed.
  }
  return open_listener(AF_UNIX, generic, sizeof address, path);
}

// Whole, because the connection that gets it is never made.
std::string answer_when_full(ErrorFormatter format_error, std::size_t connections_max) {
  const HttpResponse response =
      format_error(503, "all connections are taken: connections_max=" + std::to_string(connections_max));
  std::string out = "HTTP/1.1 503 " + std::string(reason_phrase(503)) + "\r\n";
  for (const auto [name, value] : response.headers) append_field(out, name, value);
  if (!response.headers.find("retry-after")) append_field(out, "retry-after", "1");
  append_field(out, "content-length", std::to_string(response.body.size()));
  append_field(out, "connection", "close");
  return out + "\r\n" + response.body;
}

std::size_t most_connections(const HttpLimits& limits) {
  return limits.connections ? std::min(limits.connections_max, limits.connections->max()) : limits.connections_max;
}

}  // namespace

HttpResponse plain_text_error(int status, std::string_view message) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::string(message) + "\n"};
}

struct HttpServer::Impl final : IoHandler, std::enable_shared_from_this<HttpServer::Impl> {
  Impl(std::vector<EventLoop*> all, std::shared_ptr<ServerShared> common) : loops(std::move(all)), shared(std::move(common)) {
    for (EventLoop* loop : loops) {
      shards.push_back(std::make_shared<ServerShard>(*loop, shared));
      handles.push_back(loop->handle());
    }
  }

  void arm() { listener->wait_readable(shared_from_this()); }
  void on_writable() override {}
  void on_readable() override;
  void stop_listening();
  void hand_over(UniqueFd fd, const sockaddr_storage& from);

  std::vector<EventLoop*> loops;
  std::vector<LoopHandle> handles;
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<ServerShard>> shards;
  std::unique_ptr<FdWatcher> listener;  // On loops[0].
  std::string unix_path;
  std::string address;
  std::uint16_t port = 0;
  std::size_t next = 0;
};

void HttpServer::Impl::on_readable() {
  for (int i = 0; listener && i < kAcceptsPerTurn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    UniqueFd fd(::accept4(listener->fd(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() >= 0) {
      hand_over(std::move(fd), from);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      loops[0]->after(kAcceptPause, [self = shared_from_this()] {
        if (self->listener) self->arm();
      });
      return;
    } else if (errno == EAGAIN) {
      listener->would_block_reading();
      break;
    }
  }
  if (listener) arm();
}

void HttpServer::Impl::hand_over(UniqueFd fd, const sockaddr_storage& from) {
  Arrival arrival;
  arrival.has_place = shared->take_place(arrival.place);
  if (!arrival.has_place && shared->without_place.fetch_add(1) >= kWithoutPlaceMax) {
    shared->without_place.fetch_sub(1);
    const std::string& full = shared->answer_when_full;
    if (!shared->tls) [[maybe_unused]] const auto put = ::send(fd.get(), full.data(), full.size(), MSG_NOSIGNAL);
    return;
  }
  const int on = 1;
  if (from.ss_family == AF_INET || from.ss_family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  arrival.fd = std::move(fd);
  arrival.peer = std::make_shared<const std::string>(address_text(from));
  const std::size_t at = next++ % shards.size();
  if (at == 0) return shards[0]->add(std::move(arrival));
  handles[at].post([shard = shards[at], moved = std::make_shared<Arrival>(std::move(arrival))] { shard->add(std::move(*moved)); });
}

void HttpServer::Impl::stop_listening() {
  if (!listener) return;
  listener.reset();
  if (!unix_path.empty()) ::unlink(unix_path.c_str());
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(std::vector<EventLoop*> loops, ListenSpec spec, HttpLimits limits,
                                                       Handler handler, ErrorFormatter format_error, HeadCheck check_head,
                                                       OversizeAnswer answer_oversize) {
  HOLDFAST_CHECK(!loops.empty() && format_error != nullptr);
  auto fd = spec.unix_path.empty() ? listen_tcp(spec) : listen_unix(spec.unix_path);
  if (!fd) return fail(fd.error());
  auto shared = std::make_shared<ServerShared>();
  shared->limits = limits;
  shared->limits.buffered_bytes_max = std::max(limits.buffered_bytes_max, limits.message.body_bytes_max);
  shared->format_error = format_error;
  shared->answer_when_full = answer_when_full(format_error, most_connections(limits));
  shared->handler = std::move(handler);
  shared->check_head = std::move(check_head);
  shared->answer_oversize = std::move(answer_oversize);
  shared->tls = spec.tls;
  auto impl = std::make_shared<Impl>(std::move(loops), std::move(shared));
  impl->unix_path = spec.unix_path;
  impl->address = spec.unix_path;
  if (spec.unix_path.empty()) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
      return cannot_listen(host_and_port(spec.host, spec.port), error_text(errno));
    impl->port = port_of(bound);
    impl->address = address_text(bound);
  }
  impl->listener = std::make_unique<FdWatcher>(*impl->loops[0], fd->release());
  impl->arm();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  for (std::size_t i = 0; i < impl_->shards.size(); ++i) {
    const auto shut = [impl = impl_, i] {
      if (i == 0) impl->stop_listening();
      impl->shards[i]->close();
    };
    if (impl_->loops[i]->is_running() && !impl_->loops[i]->is_current()) impl_->handles[i].post(shut);
    else shut();
  }
}

std::uint16_t HttpServer::port() const { return impl_->port; }
const std::string& HttpServer::address() const { return impl_->address; }
std::size_t HttpServer::connections() const { return impl_->shared->connections.load(); }

void HttpServer::stop_accepting() {
  impl_->handles[0].post([impl = impl_] { impl->stop_listening(); });
}

void HttpServer::drain(Task drained) {
  // In this order, so that what was accepted before has reached its shard when the shard drains.
  impl_->handles[0].post([impl = impl_, drained = std::move(drained)] {
    impl->stop_listening();
    auto left = std::make_shared<std::atomic<std::size_t>>(impl->shards.size());
    for (std::size_t i = 0; i < impl->shards.size(); ++i)
      impl->handles[i].post([impl, i, left, drained] {
        impl->shards[i]->drain([left, drained] {
          if (left->fetch_sub(1) == 1 && drained) drained();
        });
      });
  });
}

void HttpServer::close(Task closed) {
  impl_->handles[0].post([impl = impl_, closed = std::move(closed)] {
    impl->stop_listening();
    auto left = std::make_shared<std::atomic<std::size_t>>(impl->shards.size());
    for (std::size_t i = 0; i < impl->shards.size(); ++i)
      impl->handles[i].post([impl, i, left, closed] {
        impl->shards[i]->close();
        if (left->fetch_sub(1) == 1 && closed) closed();
      });
  });
}

}  // namespace holdfast::net
