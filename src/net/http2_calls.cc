#include "net/http2_calls.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/http2_client_session.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;

bool is_sendable(std::string_view target) {
  if (!target.starts_with('/') && target != "*") return false;
  return std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

ClientProtocol http2_calls() {
  return [](EventLoop& loop, const Url& origin, const ClientOptions& options) -> std::shared_ptr<ClientCalls> {
    return std::make_shared<Http2Calls>(loop, origin, options);
  };
}

Http2Calls::Http2Calls(EventLoop& loop, Url origin, ClientOptions options)
    : loop_(loop), origin_(std::move(origin)), name_(origin_.origin()), options_(std::move(options)) {
  options_.pool_size = std::max<std::size_t>(options_.pool_size, 1);
  ClientOptions connecting = options_;
  connecting.read_timeout = connecting.write_timeout = std::nullopt;
  connector_ = std::make_shared<ClientPool>(loop_, origin_, std::move(connecting));
}

std::size_t Http2Calls::idle() const {
  return static_cast<std::size_t>(std::ranges::count_if(sessions_, [](const auto& session) { return session->is_idle(); }));
}

void Http2Calls::call(HttpCall call, HttpClient::Done done) {
  const auto refuse = [&](Kind kind, std::string why) {
    loop_.post([done = std::move(done), error = ClientError{kind, std::move(why)}] { done(tl::unexpected<ClientError>(error)); });
  };
  if (shut_) return refuse(Kind::Disconnected, "the client to " + name_ + " is shut");
  if (!is_sendable(call.target)) return refuse(Kind::Protocol, "request target '" + call.target + "' is not an encoded path");
  if (waiting_.size() >= options_.queue_max)
    return refuse(Kind::Overloaded, "queue_max=" + std::to_string(options_.queue_max) + " calls wait for " + name_ + " already");
  Http2Call& fresh = calls_.emplace_back();
  fresh.self = std::prev(calls_.end());
  fresh.call = std::move(call);
  fresh.done = std::move(done);
  fresh.deadline_ms = steady_ms() + options_.call_timeout.ms;
  if (deadline_timer_ == 0) arm_deadline();
  waiting_.push_back(&fresh);
  dispatch();
}

void Http2Calls::upgrade(std::string /*target*/, std::string protocol, HttpClient::UpgradeDone done) {
  loop_.post([done = std::move(done), why = "no connection of HTTP/2 changes to " + protocol] { done(tl::unexpected<ClientError>({Kind::Protocol, why})); });
}

void Http2Calls::dispatch() {
  for (const auto& session : sessions_) {
    while (!waiting_.empty() && session->has_room()) {
      Http2Call& next = *waiting_.front();
      waiting_.pop_front();
      session->begin(next);
    }
  }
  if (!waiting_.empty() && !is_connecting_ && sessions_.size() < options_.pool_size) open_connection();
}

void Http2Calls::open_connection() {
  is_connecting_ = true;
  ++connects_;
  connector_->take([weak = weak_from_this()](UpgradeResult result) {
    if (const auto self = weak.lock()) self->on_connected(std::move(result));
  });
}

void Http2Calls::on_connected(UpgradeResult result) {
  const auto self = shared_from_this();
  is_connecting_ = false;
  if (shut_) return;
  if (result) {
    sessions_.push_back(std::make_shared<Http2ClientSession>(self, *std::move(result)));
    sessions_.back()->start();
    return dispatch();
  }
  if (!sessions_.empty()) return;  // They will serve the calls that wait.
  std::deque<Http2Call*> waiting;
  waiting.swap(waiting_);
  std::vector<HttpClient::Done> told;
  for (Http2Call* call : waiting) {
    told.push_back(std::move(call->done));
    calls_.erase(call->self);
  }
  for (const auto& done : told) done(tl::unexpected<ClientError>(result.error()));
}

void Http2Calls::finish(Http2Call& call, CallResult result) {
  const HttpClient::Done done = std::move(call.done);
  calls_.erase(call.self);
  if (!result) result.error().message = name_ + ": " + result.error().message;
  done(std::move(result));
}

void Http2Calls::again(Http2Call& call, ClientError error) {
  if (std::exchange(call.retried, true)) return finish(call, tl::unexpected<ClientError>(std::move(error)));
  call.on = nullptr;
  call.stream = 0;
  call.sent = 0;
  call.failure.reset();
  waiting_.push_front(&call);
  on_room();
}

void Http2Calls::on_room() {
  if (!shut_) dispatch();
}

void Http2Calls::on_closed(Http2ClientSession& session) {
  std::erase_if(sessions_, [&](const auto& each) { return each.get() == &session; });
  on_room();
}

void Http2Calls::arm_deadline() {
  if (calls_.empty() || shut_) return;
  deadline_timer_ = loop_.after(Duration{calls_.front().deadline_ms - steady_ms()}, [self = shared_from_this()] {
    self->deadline_timer_ = 0;
    self->on_deadline();
  });
}

void Http2Calls::on_deadline() {
  const std::int64_t now = steady_ms();
  std::vector<HttpClient::Done> late;
  while (!calls_.empty() && calls_.front().deadline_ms <= now) {
    Http2Call& call = calls_.front();
    if (call.on != nullptr) call.on->forget(call);
    else std::erase(waiting_, &call);
    late.push_back(std::move(call.done));
    calls_.pop_front();
  }
  arm_deadline();
  const ClientError error{Kind::Timeout, name_ + ": no answer within call_timeout=" + std::to_string(options_.call_timeout.ms) + " ms"};
  for (const auto& done : late) done(tl::unexpected<ClientError>(error));
}

void Http2Calls::shut() {
  if (shut_) return;
  shut_ = true;
  loop_.cancel(deadline_timer_);
  connector_->shut();
  for (const auto& session : sessions_) session->close();
  sessions_.clear();
  waiting_.clear();
  Http2CallList calls;
  calls.swap(calls_);
  const ClientError error{Kind::Disconnected, name_ + ": the client was shut before the answer"};
  for (const Http2Call& call : calls) call.done(tl::unexpected<ClientError>(error));
}

}  // namespace holdfast::net
