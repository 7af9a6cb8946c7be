// NetTest: servers and clients of a test on one loop, which the test's own thread runs until what it waits for has happened.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace holdfast::net {

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

  HttpServer& serve(HttpServer::Handler handler, HttpLimits limits = {}, ListenSpec spec = {}) {
    auto server = HttpServer::listen({&loop_}, std::move(spec), limits, std::move(handler));
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

  // Everything the test leaves open is closed before the loop goes.
  void TearDown() override {
    clients_.clear();
    server_.reset();
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::vector<std::unique_ptr<HttpClient>> clients_;
};

}  // namespace holdfast::net
