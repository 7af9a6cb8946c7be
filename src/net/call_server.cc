#include "net/call_server.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/call_session.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kWhyBytesMax = 4096;

// Frames say their length, and calls_max, in 32 bits.
CallLimits sound(CallLimits limits) {
  limits.calls_max = std::clamp<std::size_t>(limits.calls_max, 1, 1'000'000);
  limits.frame_bytes_max = std::clamp<std::size_t>(limits.frame_bytes_max, kSmallFrameBytes, 1 << 30);
  limits.bytes_max = std::max(limits.bytes_max, limits.frame_bytes_max);
  return limits;
}

}  // namespace

CallToken& CallToken::operator=(CallToken&& other) noexcept {
  CallToken old(std::move(*this));  // Fails if it has not answered.
  session_ = std::move(other.session_);
  slot_ = other.slot_;
  return *this;
}

CallToken::~CallToken() {
  if (session_) session_->finish(slot_, FrameKind::Failed, 500, "the call was dropped without an answer");
}

void CallToken::answer(std::string_view body) {
  HOLDFAST_CHECK(session_ != nullptr);
  std::exchange(session_, nullptr)->finish(slot_, FrameKind::Answer, 0, body);
}

void CallToken::fail(int status, std::string_view why) {
  HOLDFAST_CHECK(session_ != nullptr && status >= 400 && status <= 599);
  std::exchange(session_, nullptr)->finish(slot_, FrameKind::Failed, static_cast<std::uint16_t>(status), why.substr(0, kWhyBytesMax));
}

CallServer::CallServer(CallLimits limits, Handler handler) : shared_(std::make_shared<CallServerShared>()) {
  shared_->limits = sound(limits);
  shared_->handler = std::move(handler);
}

bool CallServer::is_wanted_by(const HttpRequest& request) {
  if (request.method != "GET" || !has_token(request.headers.get("connection"), "upgrade")) return false;
  return has_token(request.headers.get("upgrade"), kCallProtocol);
}

void CallServer::advertise(HttpResponse& response) { response.headers.set("upgrade", kCallProtocol); }

void CallServer::accept(const HttpRequest& request, Responder responder) {
  responder.upgrade(kCallProtocol, std::make_shared<CallSession>(shared_, request.target));
}

std::size_t CallServer::connections() const { return shared_->connections.load(); }
std::size_t CallServer::calls_under_way() const { return shared_->under_way.load(); }
std::uint64_t CallServer::calls_taken() const { return shared_->taken.load(); }

}  // namespace holdfast::net
