// Reply: the right to answer one call, whichever way it came. Dropped without an answer: a 500. Any thread.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "holdfast/sdk/handler.h"
#include "net/call_server.h"
#include "net/http_server.h"

namespace holdfast::sdk::server {

// Of a reason; the rest is cut off.
inline constexpr std::size_t kReasonBytesMax = 4096;

class Reply {
 public:
  // `is_stopping` must be there when it is sent.
  Reply(net::Responder http, const std::atomic<bool>& is_stopping) : to_(std::move(http)), is_stopping_(&is_stopping) {}
  explicit Reply(net::CallToken call) : to_(std::move(call)) {}

  void send(Answer&& answer);
  // Refuses a call that was not begun, by one of HTTP's statuses.
  void refuse(int status, std::string_view why);
  // `gone` runs if the caller goes away before the answer is given, as far as that is noticed.
  void on_gone(Task gone);

 private:
  void send_http(net::HttpResponse response);

  std::variant<net::Responder, net::CallToken> to_;
  const std::atomic<bool>* is_stopping_ = nullptr;
};

// At most kReasonBytesMax of it, and no half of a character.
[[nodiscard]] std::string_view cut_reason(std::string_view text);
[[nodiscard]] net::HttpResponse text_response(int status, std::string text);

}  // namespace holdfast::sdk::server
