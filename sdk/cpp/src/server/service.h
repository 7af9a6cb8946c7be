// Service: what a server does with a request. Whatever way it came, a call of a function takes the same one:
//
//   call() ──Admission──▶ quick: here, on the thread that read it         ──▶ metrics, Reply, next one in
//              │      ├──▶ blocking: on the pool
//              └ waits└──▶ completes later: begins here, ends on any thread
//
// Calls that end later keep it alive, but let go of it before they say that they have ended: whoever waits for the last one may let its
// functions go on its own thread then.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "holdfast/sdk/handler.h"
#include "holdfast/sdk/server.h"
#include "net/call_server.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "server/admission.h"
#include "server/blocking_pool.h"
#include "server/call_metrics.h"
#include "server/reply.h"

namespace holdfast::sdk::server {

class Service : public std::enable_shared_from_this<Service> {
 public:
  Service(Functions functions, const ServerOptions& options);

  // Makes the calling thread the one that reads requests, by its number. Before the first request.
  void join_thread(std::size_t thread, net::LoopHandle loop);
  // Whether the caller is such a thread, or one that runs functions.
  [[nodiscard]] bool is_current() const;

  // On a thread that joined.
  void take(net::HttpRequest&& request, net::Responder responder);

  // Of the server; told once it listens. For metrics.
  void set_connections(std::function<std::size_t()> count) { connections_ = std::move(count); }
  // From here on /healthz answers 503.
  void stop() { books_->stopping.store(true); }
  // Waits until no call is under way. False: some are at the deadline; those that wait are dropped.
  bool finish(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::size_t under_way() const { return books_->admission.under_way(); }

 private:
  enum class Way : std::uint8_t { Quick, Blocking, Later, BlockingLater };
  struct Bound {
    std::size_t index;  // For metrics.
    Way way;
  };
  // What is counted of calls; outlives the functions.
  struct Books {
    CallMetrics metrics;
    Admission admission;
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> failure_said_us{0};
  };
  struct Call;

  void take_admin(const net::HttpRequest& request, net::Responder responder);
  [[nodiscard]] net::HttpResponse metrics() const;
  [[nodiscard]] Bound find(std::string_view request, std::size_t& messages) const;

  // `owned`: null, or where the request is, if it may be moved away from there.
  void call(std::string_view request, std::string* owned, Reply reply);
  void dispatch(std::shared_ptr<Call> call);
  static void end(const std::shared_ptr<Call>& call, Answer&& answer);
  // Whoever writes a function looks at its server first. Not for each: what fails is tried again, and again.
  static void say_failure(Books& books, const Answer& answer);
  // The thread's number for metrics.
  [[nodiscard]] static std::size_t thread_for(const Service* service);

  const Handler handler_;
  std::map<std::string, Bound, std::less<>> bound_;
  Bound unknown_;
  const std::shared_ptr<Books> books_;
  BlockingPool pool_;
  net::CallServer calls_;
  std::function<std::size_t()> connections_;
};

}  // namespace holdfast::sdk::server
