// NetTest: servers and clients of a test on one loop, which the test's own thread runs until what it waits for has happened.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/stream.h"

namespace holdfast::net {

// One end of a plain connection that says exactly what the test says.
class RawPeer final : public IoHandler, public std::enable_shared_from_this<RawPeer> {
 public:
  RawPeer(EventLoop& loop, int fd) : stream(std::make_unique<Stream>(loop, fd)) {}
  void listen_on() { stream->watcher().wait_readable(shared_from_this()); }
  void on_writable() override {}
  void on_readable() override {
    std::array<char, 65536> buffer;
    while (stream) {
      const IoResult read = stream->read(buffer.data(), buffer.size());
      if (read.status == IoStatus::WaitRead) return listen_on();
      if (read.status != IoStatus::Done) {
        ended = true;
        return;
      }
      got.append(buffer.data(), read.bytes);
      if (on_bytes) on_bytes(*this);
    }
  }
  // Small enough to fit into the socket's buffer.
  void say(std::string_view bytes) {
    const IoResult put = stream->write({&bytes, 1});
    ASSERT_EQ(put.status, IoStatus::Done) << stream->error();
    ASSERT_EQ(put.bytes, bytes.size());
  }
  // Reads no more.
  void pause() { stream->watcher().forget_waits(); }
  void hang_up() { stream.reset(); }
  [[nodiscard]] std::size_t count(std::string_view text) const {
    std::size_t n = 0;
    for (auto at = got.find(text); at != std::string::npos; at = got.find(text, at + text.size())) ++n;
    return n;
  }

  std::unique_ptr<Stream> stream;
  std::string got;
  bool ended = false;
  std::function<void(RawPeer&)> on_bytes;
};

// Accepts connections and hands them to the test.
class RawListener final : public IoHandler, public std::enable_shared_from_this<RawListener> {
 public:
  explicit RawListener(EventLoop& loop) : loop_(loop) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd, 16), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    watcher_ = std::make_unique<FdWatcher>(loop, fd);
  }
  void accept_all() { watcher_->wait_readable(shared_from_this()); }
  void on_writable() override {}
  void on_readable() override {
    for (;;) {
      const int fd = ::accept4(watcher_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        watcher_->would_block_reading();
        break;
      }
      peers.push_back(std::make_shared<RawPeer>(loop_, fd));
      if (on_accept) on_accept(*peers.back());
      if (peers.back()->stream) peers.back()->listen_on();
    }
    accept_all();
  }
  void close() {
    watcher_.reset();
    for (auto& peer : peers) peer->hang_up();
  }

  std::uint16_t port = 0;
  std::vector<std::shared_ptr<RawPeer>> peers;
  std::function<void(RawPeer&)> on_accept;

 private:
  EventLoop& loop_;
  std::unique_ptr<FdWatcher> watcher_;
};

class NetTest : public ::testing::Test {
 protected:
  // Nothing here takes long; what takes this long hangs.
  static constexpr Duration kHang{20'000};

  // Runs the loop until `done` is true after some turn.
  void run_until(const std::function<bool()>& done) {
    bool hung = false;
    const auto guard = loop_.after(kHang, [&] {
      hung = true;
      loop_.stop();
    });
    bool stopping = false;
    loop_.set_after_turn([&] {
      if (!stopping && done()) {
        stopping = true;
        loop_.stop();
      }
    });
    loop_.post([] {});
    loop_.run();
    loop_.set_after_turn(nullptr);
    loop_.cancel(guard);
    ASSERT_FALSE(hung) << "what the test waits for did not happen";
  }

  HttpServer& serve(HttpServer::Handler handler, HttpLimits limits = {}, ListenSpec spec = {},
                    ErrorFormatter format_error = plain_text_error, HeadCheck check_head = nullptr) {
    auto server = HttpServer::listen({&loop_}, std::move(spec), limits, std::move(handler), format_error, std::move(check_head));
    if (!server) ADD_FAILURE() << server.error().message;
    server_ = std::move(*server);
    return *server_;
  }

  Url url(bool tls = false) const {
    Url out;
    out.tls = tls;
    out.host = "127.0.0.1";
    out.port = server_->port();
    return out;
  }

  HttpClient& connect(ClientOptions options = {}) { return connect(url(), std::move(options)); }
  HttpClient& connect(Url origin, ClientOptions options = {}) {
    auto client = HttpClient::create(loop_, std::move(origin), std::move(options));
    if (!client) ADD_FAILURE() << client.error().message;
    clients_.push_back(std::move(*client));
    return *clients_.back();
  }

  CallResult call(HttpClient& client, HttpCall what) {
    std::optional<CallResult> result;
    client.call(std::move(what), [&](CallResult r) { result = std::move(r); });
    run_until([&] { return result.has_value(); });
    return result ? std::move(*result) : tl::unexpected<ClientError>(ClientError{});
  }
  CallResult post(HttpClient& client, std::string target, std::string body = {}, HeaderList headers = {}) {
    return call(client, {"POST", std::move(target), std::move(headers), std::move(body)});
  }
  CallResult get(HttpClient& client, std::string target) { return call(client, {"GET", std::move(target), {}, {}}); }

  std::shared_ptr<RawPeer> raw_connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server_->port());
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    EXPECT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
    auto peer = std::make_shared<RawPeer>(loop_, fd);
    peer->listen_on();
    raw_.push_back(peer);
    return peer;
  }

  // A server that answers what and when the test says: `on_bytes` runs whenever one of its connections has more in `got`.
  RawListener& raw_serve(std::function<void(RawPeer&)> on_bytes) {
    listener_ = std::make_shared<RawListener>(loop_);
    listener_->on_accept = [on_bytes](RawPeer& peer) { peer.on_bytes = on_bytes; };
    listener_->accept_all();
    return *listener_;
  }
  HttpClient& connect_raw(ClientOptions options = {}) {
    Url origin;
    origin.host = "127.0.0.1";
    origin.port = listener_->port;
    return connect(origin, std::move(options));
  }

  // Everything the test leaves open is closed before the loop goes.
  void TearDown() override {
    clients_.clear();
    server_.reset();
    for (auto& peer : raw_) peer->hang_up();
    if (listener_) listener_->close();
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::vector<std::unique_ptr<HttpClient>> clients_;
  std::vector<std::shared_ptr<RawPeer>> raw_;
  std::shared_ptr<RawListener> listener_;
};

}  // namespace holdfast::net
