#include "server/reply.h"

namespace holdfast::sdk::server {

std::string_view cut_reason(std::string_view text) {
  if (text.size() <= kReasonBytesMax) return text;
  std::size_t bytes = kReasonBytesMax;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

net::HttpResponse text_response(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text)};
}

// Over HTTP an answer also says that many calls may share a connection; not for long, if the server is about to stop.
void Reply::send_http(net::HttpResponse response) {
  if (!is_stopping_->load()) net::CallServer::advertise(response);
  std::get<net::Responder>(to_).send(std::move(response));
}

void Reply::send(Answer&& answer) {
  const bool is_ok = answer.status == Answer::Status::Ok;
  if (!is_ok) answer.body.resize(cut_reason(answer.body).size());
  const int status = static_cast<int>(answer.status);
  if (auto* call = std::get_if<net::CallToken>(&to_)) {
    if (is_ok) call->answer(answer.body);
    else call->fail(status, answer.body);
    return;
  }
  if (is_ok) send_http({200, {{"content-type", kContentType}}, std::move(answer.body)});
  else send_http(text_response(status, std::move(answer.body)));
}

void Reply::refuse(int status, std::string_view why) {
  if (auto* call = std::get_if<net::CallToken>(&to_)) return call->fail(status, why);
  auto response = text_response(status, std::string(why));
  if (status == 503) response.headers.add("retry-after", "1");
  send_http(std::move(response));
}

void Reply::on_gone(Task gone) {
  if (auto* http = std::get_if<net::Responder>(&to_)) http->on_abort(std::move(gone));
}

}  // namespace holdfast::sdk::server
