#include "server/service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/log.h"
#include "base/time.h"
#include "server/request_head.h"
#include "telemetry/process.h"
#include "telemetry/prometheus.h"

namespace holdfast::sdk::server {

namespace {

// Of requests that wait for their turn: connections bound their number, this their size.
constexpr std::size_t kWaitingBytesMax = 256 * 1024 * 1024;
// Between two failures that are said on standard error.
constexpr std::uint64_t kFailurePauseUs = 1'000'000;

// What a thread that reads requests knows of itself.
struct ThreadSeat {
  const Service* service = nullptr;
  std::size_t thread = 0;
  std::optional<net::LoopHandle> loop;
  std::string type;  // Keeps its memory.
};
thread_local ThreadSeat seat;

bool is_octet_stream(std::string_view content_type) {
  std::string_view media = content_type.substr(0, content_type.find(';'));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t')) media.remove_suffix(1);
  return net::equals_ignoring_case(media, kContentType);
}

net::CallLimits call_limits(const ServerOptions& options) {
  net::CallLimits out;
  out.frame_bytes_max = std::min(out.frame_bytes_max, options.request_bytes_max);
  return out;
}

void refuse_method(net::Responder responder, std::string_view path, std::string_view method, std::string_view allowed) {
  auto response = text_response(405, std::string(path.substr(0, 200)) + " takes " + std::string(allowed) + ", not " +
                                         std::string(method.substr(0, 40)));
  response.headers.add("allow", allowed);
  responder.send(std::move(response));
}

}  // namespace

// A call that does not end where it began.
struct Service::Call {
  std::shared_ptr<Service> service;  // Until it has ended.
  Bound bound;
  std::uint64_t began_us;
  std::string request;
  Reply reply;
  std::atomic<bool> gone{false};
};

Service::Service(Functions functions, const ServerOptions& options)
    : handler_(std::move(functions)),
      unknown_{handler_.functions().types().size(), Way::Quick},
      books_(new Books{{handler_.functions().types(), options.threads}, {options.concurrent_calls_max, kWaitingBytesMax}}),
      pool_(options.blocking_threads),
      calls_(call_limits(options), [this](const net::IncomingCall& incoming, net::CallToken token) {
        call(incoming.body, nullptr, Reply(std::move(token)));
      }) {
  std::size_t index = 0;
  for (const auto& type : handler_.functions().types()) {
    const FunctionSpec& spec = *handler_.functions().find(type);
    const bool later = std::holds_alternative<AsyncFunction>(spec.code);
    const bool blocking = spec.execution == Execution::Blocking;
    const Way way = later ? (blocking ? Way::BlockingLater : Way::Later) : (blocking ? Way::Blocking : Way::Quick);
    bound_.emplace(type, Bound{index++, way});
  }
}

void Service::join_thread(std::size_t thread, net::LoopHandle loop) {
  seat.service = this;
  seat.thread = thread;
  seat.loop = std::move(loop);
}

bool Service::is_current() const { return seat.service == this || pool_.is_current(); }

void Service::take(net::HttpRequest&& request, net::Responder responder) {
  const std::string_view path = request.path();
  if (path == "/healthz" || path == "/metrics") return take_admin(request, std::move(responder));
  if (net::CallServer::is_wanted_by(request)) return calls_.accept(request, std::move(responder));
  if (request.method != "POST") return refuse_method(std::move(responder), path, request.method, "POST");
  Reply reply(std::move(responder), books_->stopping);
  const auto content_type = request.headers.find("content-type");
  if (content_type && !is_octet_stream(*content_type))
    return reply.refuse(415, "expected content-type " + std::string(kContentType) + ", got " + std::string(content_type->substr(0, 200)));
  if (request.body.empty()) return reply.refuse(400, "the request has no body");
  call(request.body, &request.body, std::move(reply));
}

void Service::take_admin(const net::HttpRequest& request, net::Responder responder) {
  if (request.method != "GET" && request.method != "HEAD")
    return refuse_method(std::move(responder), request.path(), request.method, "GET, HEAD");
  if (request.path() == "/metrics") return responder.send(metrics());
  responder.send(books_->stopping.load() ? text_response(503, "stopping\n") : text_response(200, "ok\n"));
}

net::HttpResponse Service::metrics() const {
  telemetry::PrometheusText text;
  books_->metrics.collect(text);
  text.gauge("holdfast_sdk_calls_waiting", "Calls that wait because concurrent_calls_max are under way.", {},
             static_cast<double>(books_->admission.waiting()));
  text.gauge("holdfast_sdk_connections", "Connections that are open.", {}, static_cast<double>(connections_ ? connections_() : 0));
  telemetry::add_process_metrics(text);
  return {200, {{"content-type", telemetry::kPrometheusContentType}}, text.render()};
}

Service::Bound Service::find(std::string_view request, std::size_t& messages) const {
  const auto head = read_head(request);
  if (!head) return unknown_;
  messages = head->messages;
  std::string& type = seat.type;
  type.assign(head->space).append(1, '/').append(head->name);
  const auto found = bound_.find(type);
  return found == bound_.end() ? unknown_ : found->second;
}

void Service::call(std::string_view request, std::string* owned, Reply reply) {
  Admission& admission = books_->admission;
  const auto entry = admission.enter();
  if (entry == Admission::Entry::Full) return reply.refuse(503, "too many requests wait for concurrent_calls_max: try again");
  const std::uint64_t began_us = monotonic_us();
  std::size_t messages = 0;
  const Bound bound = find(request, messages);
  books_->metrics.count_begin(seat.thread, bound.index, messages);
  if (entry == Admission::Entry::In && bound.way == Way::Quick) {
    Answer answer = handler_.handle(request);
    books_->metrics.count_end(seat.thread, bound.index, answer.status, monotonic_us() - began_us);
    say_failure(*books_, answer);
    reply.send(std::move(answer));
    return admission.leave();
  }

  auto call = std::make_shared<Call>(shared_from_this(), bound, began_us, owned != nullptr ? std::move(*owned) : std::string(request),
                                     std::move(reply));
  if (entry == Admission::Entry::In) return dispatch(std::move(call));
  call->reply.on_gone([call = std::weak_ptr(call)] {
    if (const auto there = call.lock()) there->gone.store(true);
  });
  const std::size_t bytes = call->request.size();
  admission.wait(bytes, [call = std::move(call), loop = *seat.loop] {
    // Its turn comes from within another one's end, on whatever thread that is.
    loop.post([call] { call->service->dispatch(call); });
  });
}

void Service::dispatch(std::shared_ptr<Call> call) {
  // Nobody would see the answer, and whoever asked will ask again.
  if (call->gone.load()) return end(call, {Answer::Status::Ok, {}, {}});
  bool taken = true;
  switch (call->bound.way) {
    case Way::Quick:
      return end(call, handler_.handle(call->request));
    case Way::Later:
      return handler_.handle(call->request, [call](Answer&& answer) { end(call, std::move(answer)); });
    case Way::Blocking:
      taken = pool_.run([self = shared_from_this(), call] { end(call, self->handler_.handle(call->request)); });
      break;
    case Way::BlockingLater:
      taken = pool_.run([self = shared_from_this(), call] {
        self->handler_.handle(call->request, [call](Answer&& answer) { end(call, std::move(answer)); });
      });
      break;
  }
  if (!taken) end(call, {Answer::Status::Failed, "there is no thread to run the function on", {}});
}

std::size_t Service::thread_for(const Service* service) { return seat.service == service ? seat.thread : CallMetrics::kElsewhere; }

void Service::say_failure(Books& books, const Answer& answer) {
  if (answer.status == Answer::Status::Ok) return;
  const std::uint64_t now_us = monotonic_us();
  std::uint64_t said_us = books.failure_said_us.load();
  if (said_us != 0 && now_us - said_us < kFailurePauseUs) return;
  if (!books.failure_said_us.compare_exchange_strong(said_us, now_us)) return;
  log_warn("a call failed", {{"error", cut_reason(answer.body)}});
}

void Service::end(const std::shared_ptr<Call>& call, Answer&& answer) {
  auto service = std::move(call->service);
  const auto books = service->books_;
  books->metrics.count_end(thread_for(service.get()), call->bound.index, answer.status, monotonic_us() - call->began_us);
  say_failure(*books, answer);
  call->reply.send(std::move(answer));
  service.reset();
  books->admission.leave();
}

bool Service::finish(std::chrono::steady_clock::time_point deadline) {
  const bool idle = books_->admission.wait_until_idle(deadline);
  if (!idle) books_->admission.drop_waiting();
  return pool_.shut(deadline) && idle;
}

}  // namespace holdfast::sdk::server
