#include "server/reply.h"

namespace holdfast::sdk::server {

namespace {

// At most so many bytes, and no half of a character.
void cut(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  text.resize(bytes_max);
}

}  // namespace

net::HttpResponse text_response(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text)};
}

void Reply::send(Answer&& answer) {
  if (answer.status == Answer::Status::Ok) return responder_.send({200, {{"content-type", kContentType}}, std::move(answer.body)});
  cut(answer.body, kReasonBytesMax);
  responder_.send(text_response(static_cast<int>(answer.status), std::move(answer.body)));
}

void Reply::send_full(std::string_view why) {
  auto response = text_response(503, std::string(why));
  response.headers.add("retry-after", "1");
  responder_.send(std::move(response));
}

void Reply::on_gone(Task gone) { responder_.on_abort(std::move(gone)); }

}  // namespace holdfast::sdk::server
