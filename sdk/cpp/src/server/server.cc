#include "holdfast/sdk/server.h"

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "net/event_loop.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "net/url.h"
#include "server/service.h"
#include "server/thread_group.h"

namespace holdfast::sdk {

namespace {

using Clock = std::chrono::steady_clock;

// After stop_grace, for what only has to be told that it is over.
constexpr std::chrono::milliseconds kLastWords{1'000};

void check(const Functions& functions, const ServerOptions& options) {
  if (functions.types().empty()) throw InvalidArgument("a server without functions: bind one before");
  const auto positive = [](const char* name, auto value) {
    if (value == 0) throw InvalidArgument(std::string("ServerOptions::") + name + " is 0, expected at least 1");
  };
  positive("threads", options.threads);
  positive("blocking_threads", options.blocking_threads);
  positive("concurrent_calls_max", options.concurrent_calls_max);
  positive("request_bytes_max", options.request_bytes_max);
  if (options.unix_path.empty() && options.host.empty())
    throw InvalidArgument("ServerOptions::host is empty, expected a name or an address");
  if (options.stop_grace.count() < 0) throw InvalidArgument("ServerOptions::stop_grace is negative");
  const ServerTls& tls = options.tls;
  if (tls.certificate.empty() && !(tls.key.empty() && tls.client_ca.empty()))
    throw InvalidArgument("ServerOptions::tls has no certificate, but a " + std::string(tls.key.empty() ? "client_ca" : "key"));
  if (!tls.certificate.empty() && tls.key.empty()) throw InvalidArgument("ServerOptions::tls has a certificate, but no key");
}

net::ListenSpec listen_spec(const ServerOptions& options) {
  net::ListenSpec spec;
  spec.host = options.host;
  spec.port = options.port;
  if (!options.unix_path.empty()) spec.unix_path = std::filesystem::absolute(options.unix_path).lexically_normal().string();
  if (options.tls.certificate.empty()) return spec;
  auto tls = net::load_tls_server({options.tls.certificate, options.tls.key, {}, options.tls.client_ca});
  if (!tls) throw Error("ServerOptions::tls: " + tls.error().message);
  spec.tls = *std::move(tls);
  return spec;
}

net::HttpLimits limits(const ServerOptions& options) {
  net::HttpLimits out;
  out.message.body_bytes_max = options.request_bytes_max;
  return out;
}

}  // namespace

namespace {

// Something that happens once. It may happen after everybody has stopped waiting for it.
class Milestone {
 public:
  [[nodiscard]] Task when_reached() const {
    return [state = state_] {
      const std::lock_guard lock(state->mutex);
      state->reached = true;
      state->changed.notify_all();
    };
  }
  bool wait_until(Clock::time_point deadline) {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_until(lock, deadline, [this] { return state_->reached; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool reached = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace

// What the threads of a server use, and keep alive: a function that never returns may hold one beyond stop().
struct ServerCore {
  std::shared_ptr<server::Service> service;
  std::vector<std::unique_ptr<net::EventLoop>> loops;
  std::unique_ptr<net::HttpServer> http;
};

struct Server::Impl {
  Impl(Functions functions, ServerOptions given);
  void begin_stop();
  void stop();

  const ServerOptions options;
  std::shared_ptr<ServerCore> core = std::make_shared<ServerCore>();
  server::ThreadGroup threads;
  std::string url;
  std::uint16_t port = 0;

  Milestone drained;
  Milestone closed;
  std::once_flag begun;
  std::once_flag stopped;
};

Server::Impl::Impl(Functions functions, ServerOptions given) : options(std::move(given)) {
  check(functions, options);
  auto spec = listen_spec(options);
  const std::string scheme = spec.tls ? "https" : "http";
  if (!spec.unix_path.empty()) {
    url = scheme + "+unix://" + spec.unix_path;
    const auto parsed = net::parse_url(url);
    if (!parsed || parsed->socket_path != spec.unix_path)
      throw InvalidArgument("ServerOptions::unix_path " + spec.unix_path +
                            " cannot be named in a url: expected one whose last part, and no other, ends in .sock, without blanks");
  }
  core->service = std::make_shared<server::Service>(std::move(functions), options);
  std::vector<net::EventLoop*> loops;
  for (unsigned i = 0; i < options.threads; ++i) loops.push_back(core->loops.emplace_back(std::make_unique<net::EventLoop>()).get());
  auto http = net::HttpServer::listen(loops, std::move(spec), limits(options),
                                      [service = core->service](net::HttpRequest&& request, net::Responder responder) {
                                        service->take(std::move(request), std::move(responder));
                                      });
  if (!http) throw Error(http.error().message);
  core->http = *std::move(http);
  port = core->http->port();
  if (url.empty()) url = scheme + "://" + core->http->address();
  core->service->set_connections([http = core->http.get()] { return http->connections(); });
  try {
    for (unsigned i = 0; i < options.threads; ++i)
      threads.start([core = core, i] {
        core->service->join_thread(i, core->loops[i]->handle());
        core->loops[i]->run();
      });
  } catch (const std::system_error& error) {
    for (const auto& loop : core->loops) loop->stop();
    (void)threads.join_until(Clock::now() + kLastWords);
    throw Error(std::string("cannot start a thread: ") + error.what());
  }
}

void Server::Impl::begin_stop() {
  std::call_once(begun, [this] {
    core->service->stop();
    core->http->drain(drained.when_reached());
  });
}

void Server::Impl::stop() {
  begin_stop();
  if (core->service->is_current()) return;  // It would wait for itself.
  std::call_once(stopped, [this] {
    const auto deadline = Clock::now() + options.stop_grace;
    // Calls may come until all connections are gone; of those whose caller went away, functions may still run.
    bool done = drained.wait_until(deadline);
    done = core->service->finish(deadline) && done;
    if (!done)
      std::fprintf(stderr, "holdfast: %zu calls did not end within stop_grace=%lld ms, and are given up\n", core->service->under_way(),
                   static_cast<long long>(options.stop_grace.count()));
    core->http->close(closed.when_reached());
    const auto last = Clock::now() + kLastWords;
    closed.wait_until(last);
    for (const auto& loop : core->loops) loop->stop();
    threads.join_until(last);
  });
}

Server::Server(Functions functions, ServerOptions options) : impl_(std::make_unique<Impl>(std::move(functions), std::move(options))) {}
Server::~Server() { stop(); }
std::uint16_t Server::port() const noexcept { return impl_->port; }
std::string Server::url() const { return impl_->url; }
void Server::stop() { impl_->stop(); }

}  // namespace holdfast::sdk
