// ServerTest: servers of functions on threads of their own, and clients on the test's. Requests are written by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/sdk.h"
#include "holdfast/sdk/server.h"
#include "net/tls_fixture.h"
#include "wire.h"

namespace holdfast::sdk::server {

// A batch of texts for one address, without states.
inline std::string request(std::string_view type, std::string_view id, std::initializer_list<std::string_view> texts) {
  namespace wire = detail::wire;
  const auto slash = type.find('/');
  std::string target;
  wire::append_string(target, 1, type.substr(0, slash));
  wire::append_string(target, 2, type.substr(slash + 1));
  wire::append_string(target, 3, id);
  std::string batch;
  wire::append_bytes(batch, 1, target);
  for (const auto text : texts) {
    const TypedValue value = typed(text);
    std::string argument;
    wire::append_string(argument, 1, value.type);
    wire::append_number(argument, 2, 1);
    wire::append_string(argument, 3, value.bytes);
    std::string invocation;
    wire::append_bytes(invocation, 2, argument);
    wire::append_bytes(batch, 3, invocation);
  }
  std::string out;
  wire::append_bytes(out, 100, batch);
  return out;
}

// Sends each text on to test/sink: so an answer shows what came.
inline void echo(Context& ctx, const Message& message) { ctx.send({"test/sink", "x"}, message); }

// Something a test and its functions wait for each other at.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  int arrived() {
    const std::lock_guard lock(mutex_);
    return arrived_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

// Echoes once the gate is open.
inline auto echo_behind(Gate& gate) {
  return [&gate](Context& ctx, const Message& message) {
    gate.pass();
    echo(ctx, message);
  };
}

class ServerTest : public net::TlsTest {
 protected:
  Server& start(Functions functions, ServerOptions options = {}) {
    if (options.port == ServerOptions{}.port) options.port = 0;
    sdk_server_ = std::make_unique<Server>(std::move(functions), std::move(options));
    return *sdk_server_;
  }
  Server& start_echo(ServerOptions options = {}) { return start(Functions().bind({"test/echo", echo}), std::move(options)); }

  static net::Url url_of(const Server& server) {
    auto url = net::parse_url(server.url());
    if (!url) ADD_FAILURE() << url.error().message;
    return *url;
  }
  net::HttpClient& client(net::ClientOptions options = {}) { return connect(url_of(*sdk_server_), std::move(options)); }
  net::CallResult call_function(net::HttpClient& client, std::string body,
                                net::HeaderList headers = {{"content-type", "application/octet-stream"}}) {
    return post(client, "/functions", std::move(body), std::move(headers));
  }
  // Expects a 200, and gives its body.
  std::string answer(net::HttpClient& client, std::string body) {
    const auto result = call_function(client, std::move(body));
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return {};
    }
    EXPECT_EQ(result->status, 200) << result->body;
    EXPECT_EQ(result->headers.get("content-type"), "application/octet-stream");
    return result->body;
  }
  // What the functions answer without any server.
  static std::string expected(Functions functions, std::string_view body) { return Handler(std::move(functions)).handle(body).body; }
  static std::string expected_echo(std::string_view body) { return expected(Functions().bind({"test/echo", echo}), body); }

  // The sum of a metric over its labels, or that of one series: "name{labels}".
  double metric(const std::string& series) {
    const auto result = get(client(), "/metrics");
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return -1;
    }
    const auto at = result->body.find("\n" + series + " ");
    if (at == std::string::npos) {
      ADD_FAILURE() << "no " << series << " in\n" << result->body;
      return -1;
    }
    return std::stod(result->body.substr(at + series.size() + 2));
  }

  // Runs the clients' loop until what the servers do is seen. `done` may make calls itself.
  void until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "what the test waits for did not happen";
      loop_.after(Duration{1}, [this] { loop_.stop(); });
      loop_.run();
    }
  }

  std::shared_ptr<net::RawPeer> raw_client() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(sdk_server_->port());
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
    auto peer = std::make_shared<net::RawPeer>(loop_, fd);
    peer->listen_on();
    raw_.push_back(peer);
    return peer;
  }
  static std::string post_head(std::size_t body_bytes) {
    return "POST /f HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: " + std::to_string(body_bytes) +
           "\r\n\r\n";
  }

  void TearDown() override {
    sdk_server_.reset();
    net::TlsTest::TearDown();
  }

  std::unique_ptr<Server> sdk_server_;
};

}  // namespace holdfast::sdk::server
