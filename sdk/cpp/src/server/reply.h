// Reply: the right to answer one call, whichever way it came. Dropped without an answer: a 500. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "holdfast/sdk/handler.h"
#include "net/http_server.h"

namespace holdfast::sdk::server {

// Of a reason; the rest is cut off.
inline constexpr std::size_t kReasonBytesMax = 4096;

class Reply {
 public:
  explicit Reply(net::Responder responder) : responder_(std::move(responder)) {}

  void send(Answer&& answer);
  // 503 to a call that was not begun.
  void send_full(std::string_view why);
  // `gone` runs if the caller goes away before the answer is given, as far as that is noticed.
  void on_gone(Task gone);

 private:
  net::Responder responder_;
};

[[nodiscard]] net::HttpResponse text_response(int status, std::string text);

}  // namespace holdfast::sdk::server
