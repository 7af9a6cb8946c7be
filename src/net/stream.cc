#include "net/stream.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "net/tls_context.h"

namespace holdfast::net {
namespace {

// One TLS record: parts are copied together up to this, so that a small answer is one record and one packet.
constexpr std::size_t kTlsWriteMax = 16 * 1024;
// Parts that are smaller together are put side by side: the copy costs less than what the system does for a list.
constexpr std::size_t kGatherBytesMax = 1024;

// EAGAIN is what the next wait counts from, so nothing else may pass for it.
template <typename F>
IoResult socket_outcome(F&& move, IoStatus would_block, std::string& error) {
  ssize_t moved = 0;
  do moved = move();
  while (moved < 0 && errno == EINTR);
  if (moved > 0) return {IoStatus::Done, static_cast<std::size_t>(moved)};
  if (moved == 0) return {IoStatus::End, 0};
  if (errno == EAGAIN) return {would_block, 0};
  error = error_text(errno);
  return {IoStatus::Failed, 0};
}

}  // namespace

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = other.release();
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

struct Stream::Tls {
  SslPtr ssl;
  std::string scratch;
};

Stream::Stream(EventLoop& loop, int fd) : watcher_(loop, fd) {}
Stream::~Stream() = default;

void Stream::use_tls_server(const TlsServer& context, Offer offer) {
  tls_ = std::make_unique<Tls>();
  tls_->ssl = make_server_session(*context, watcher_.fd(), offer);
}

void Stream::use_tls_client(const TlsClient& context, const std::string& host, Offer offer) {
  tls_ = std::make_unique<Tls>();
  tls_->ssl = make_client_session(*context, watcher_.fd(), host, offer);
}

int Stream::connect_outcome() const {
  int outcome = 0;
  socklen_t size = sizeof outcome;
  if (::getsockopt(watcher_.fd(), SOL_SOCKET, SO_ERROR, &outcome, &size) != 0) return errno;
  return outcome;
}

IoResult Stream::tls_outcome(int returned) {
  const int saved = errno;
  switch (SSL_get_error(tls_->ssl.get(), returned)) {
    case SSL_ERROR_WANT_READ: watcher_.would_block_reading(); return {IoStatus::WaitRead, 0};
    case SSL_ERROR_WANT_WRITE: watcher_.would_block_writing(); return {IoStatus::WaitWrite, 0};
    case SSL_ERROR_ZERO_RETURN: return {IoStatus::End, 0};
    case SSL_ERROR_SYSCALL:
      error_ = saved == 0 ? "connection closed" : error_text(saved);
      ERR_clear_error();
      return {IoStatus::Failed, 0};
    default: error_ = "tls: " + tls_error(tls_->ssl.get()); return {IoStatus::Failed, 0};
  }
}

IoResult Stream::handshake() {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(tls_->ssl.get());
  if (returned == 1) return {IoStatus::Done, 1};
  IoResult out = tls_outcome(returned);
  if (out.status == IoStatus::End) {
    error_ = "connection closed during the tls handshake";
    out.status = IoStatus::Failed;
  }
  return out;
}

IoResult Stream::read(char* into, std::size_t size) {
  if (!tls_) {
    const IoResult got = socket_outcome([&] { return ::recv(watcher_.fd(), into, size, 0); }, IoStatus::WaitRead, error_);
    if (got.status == IoStatus::WaitRead) watcher_.would_block_reading();
    else if (got.status == IoStatus::Done && got.bytes < size) watcher_.has_read_short();
    return got;
  }
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_read(tls_->ssl.get(), into, static_cast<int>(std::min<std::size_t>(size, 1 << 30)));
  if (returned > 0) return {IoStatus::Done, static_cast<std::size_t>(returned)};
  return tls_outcome(returned);
}

IoResult Stream::write(std::span<const std::string_view> parts) {
  if (!tls_) {
    std::array<iovec, kPartsMax> vectors;
    std::size_t count = 0;
    for (const std::string_view part : parts) {
      if (part.empty()) continue;
      if (count == kPartsMax) break;
      vectors[count++] = {const_cast<char*>(part.data()), part.size()};
    }
    std::array<char, kGatherBytesMax> gathered;
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += vectors[i].iov_len;
    if (count > 1 && total <= gathered.size()) {
      std::size_t at = 0;
      for (std::size_t i = 0; i < count; at += vectors[i++].iov_len) std::memcpy(gathered.data() + at, vectors[i].iov_base, vectors[i].iov_len);
      vectors[0] = {gathered.data(), total};
      count = 1;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const auto send = [&] {
      if (count == 1) return ::send(watcher_.fd(), vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL);
      return ::sendmsg(watcher_.fd(), &message, MSG_NOSIGNAL);
    };
    const IoResult put = socket_outcome(send, IoStatus::WaitWrite, error_);
    if (put.status == IoStatus::WaitWrite) watcher_.would_block_writing();
    return put;
  }
  // A retry after WaitWrite gathers the same bytes again, as OpenSSL demands.
  std::string& scratch = tls_->scratch;
  scratch.clear();
  for (const std::string_view part : parts) scratch.append(part.substr(0, kTlsWriteMax - scratch.size()));
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_write(tls_->ssl.get(), scratch.data(), static_cast<int>(scratch.size()));
  if (returned > 0) return {IoStatus::Done, static_cast<std::size_t>(returned)};
  IoResult out = tls_outcome(returned);
  if (out.status == IoStatus::End) {
    error_ = "connection closed";
    out.status = IoStatus::Failed;
  }
  return out;
}

void Stream::shut() {
  if (tls_) {
    ERR_clear_error();
    if (SSL_is_init_finished(tls_->ssl.get())) SSL_shutdown(tls_->ssl.get());
    ERR_clear_error();
  }
  ::shutdown(watcher_.fd(), SHUT_WR);
}

bool Stream::has_buffered() const { return tls_ && SSL_has_pending(tls_->ssl.get()) == 1; }

}  // namespace holdfast::net
