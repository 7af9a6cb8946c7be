// bench_calls [--window 64] [--bytes 300] [--calls 1000000] [--over unix|tcp] [--how calls|http]: what one call costs each side over
// holdfast-calls/1, and over HTTP/1.1. Client and server are a thread and a loop each in one process; the processor time of each thread is
// read for itself. The server answers with what it was sent.
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <thread>

#include "base/check.h"
#include "bench/arguments.h"
#include "net/call_pipe.h"
#include "net/call_server.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace {

using namespace holdfast;

double cpu_us(pthread_t thread) {
  clockid_t clock{};
  HOLDFAST_CHECK(::pthread_getcpuclockid(thread, &clock) == 0);
  timespec at{};
  HOLDFAST_CHECK(::clock_gettime(clock, &at) == 0);
  return static_cast<double>(at.tv_sec) * 1e6 + static_cast<double>(at.tv_nsec) / 1e3;
}

// Keeps `window` calls under way until `total` have been answered.
class Caller : public net::CallReceiver {
 public:
  Caller(net::EventLoop& loop, net::HttpClient& client, std::size_t bytes, std::size_t window, std::size_t total, Task begun, Task done)
      : loop_(loop), client_(client), body_(bytes, 'x'), window_(window), total_(total), begun_(std::move(begun)), done_(std::move(done)) {}

  void begin_calls() {
    net::CallPipeOptions options;
    pipe_ = net::CallPipe::open(loop_, client_, "/", options, *this);
  }
  void begin_http() {
    begun_();
    for (std::size_t i = 0; i < window_; ++i) call_http();
  }

  void on_open() override {
    begun_();
    for (std::size_t i = 0; i < window_; ++i) call();
  }
  void on_answer(std::uint32_t, std::string_view body) override {
    HOLDFAST_CHECK(body.size() == body_.size());
    if (++answered_ == total_) return finish();
    if (made_ < total_) call();
  }
  void on_failed(std::uint32_t, const net::CallFailure& failure) override {
    std::fprintf(stderr, "failed: %.*s\n", static_cast<int>(failure.message.size()), failure.message.data());
    std::exit(1);
  }
  void on_unsent(std::uint32_t, std::string_view, std::string_view) override {}
  void on_closed(std::string_view why) override {
    std::fprintf(stderr, "closed: %.*s\n", static_cast<int>(why.size()), why.data());
    std::exit(1);
  }
  [[nodiscard]] std::uint64_t writes() const { return pipe_->writes(); }

 private:
  void call() {
    ++made_;
    HOLDFAST_CHECK(pipe_->takes(0, body_.size()));
    pipe_->begin_call({}, body_.size()).append(body_);
    pipe_->end_call();
  }
  void call_http() {
    ++made_;
    client_.call({"POST", "/", {{"content-type", "application/octet-stream"}, {"accept", "application/octet-stream"}}, body_},
                 [this](const net::CallResult& result) {
                   HOLDFAST_CHECK(result && result->body.size() == body_.size());
                   if (++answered_ == total_) return done_();
                   if (made_ < total_) call_http();
                 });
  }
  void finish() {
    pipe_->shut();
    done_();
  }

  net::EventLoop& loop_;
  net::HttpClient& client_;
  const std::string body_;
  const std::size_t window_;
  const std::size_t total_;
  Task begun_;
  Task done_;
  std::shared_ptr<net::CallPipe> pipe_;
  std::size_t made_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv, {"window", "bytes", "calls", "over", "how"});
  const auto window = arguments.number<std::size_t>("window", 64, 1, 60'000);
  const auto bytes = arguments.number<std::size_t>("bytes", 300, 0, 1'000'000);
  const auto total = arguments.number<std::size_t>("calls", 1'000'000, 1, 1'000'000'000);
  const std::string over = arguments.text("over", "unix");
  const std::string how = arguments.text("how", "calls");

  net::CallLimits limits;
  limits.calls_max = window;
  limits.bytes_max = window * bytes + limits.frame_bytes_max;
  net::CallServer calls(limits, [](const net::IncomingCall& call, net::CallToken token) { token.answer(call.body); });
  net::ListenSpec spec;
  if (over == "unix") spec.unix_path = "/tmp/bench_calls_" + std::to_string(::getpid()) + ".sock";
  net::EventLoop server_loop;
  auto server = net::HttpServer::listen({&server_loop}, spec, {}, [&](net::HttpRequest&& request, net::Responder responder) {
    if (net::CallServer::is_wanted_by(request)) return calls.accept(request, std::move(responder));
    responder.send({200, {{"content-type", "application/octet-stream"}}, std::move(request.body)});
  });
  HOLDFAST_CHECK(server.has_value());
  std::thread server_thread([&] { server_loop.run(); });

  net::EventLoop loop;
  net::Url origin;
  origin.host = "127.0.0.1";
  origin.port = (*server)->port();
  origin.socket_path = spec.unix_path;
  auto client = net::HttpClient::create(loop, origin, {});
  HOLDFAST_CHECK(client.has_value());

  double wall_us = 0, client_us = 0, server_us = 0;
  const auto mark = [&](double sign) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    wall_us += sign * static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) / 1e3;
    client_us += sign * cpu_us(::pthread_self());
    server_us += sign * cpu_us(server_thread.native_handle());
  };
  Caller caller(loop, **client, bytes, window, total, [&] { mark(-1); },
                [&] {
                  mark(1);
                  loop.stop();
                });
  loop.post([&] { how == "http" ? caller.begin_http() : caller.begin_calls(); });
  loop.run();

  const auto n = static_cast<double>(total);
  std::printf("%s over %s, window %zu, %zu bytes: %.0f calls/s, client %.2f us, server %.2f us of processor a call", how.c_str(), over.c_str(),
              window, bytes, n / wall_us * 1e6, client_us / n, server_us / n);
  if (how == "calls") std::printf(", %.1f calls a write", n / static_cast<double>(caller.writes()));
  std::printf("\n");
  client->reset();
  (*server)->close([&] { server_loop.stop(); });
  server_thread.join();
  return 0;
}
