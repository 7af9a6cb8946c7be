// Responder and StreamWriter: what a handler holds of a connection.
#include <utility>

#include "base/check.h"
#include "net/answer_sink.h"

namespace holdfast::net {

Responder& Responder::operator=(Responder&& other) noexcept {
  Responder old(std::move(*this));  // Answers 500 if it has not answered.
  sink_ = std::move(other.sink_);
  exchange_ = other.exchange_;
  return *this;
}

Responder::~Responder() {
  if (sink_) sink_->send_error(exchange_, 500, "the request was dropped without an answer");
}

void Responder::send(HttpResponse response, std::shared_ptr<void> hold) {
  HOLDFAST_CHECK(sink_ != nullptr);
  std::exchange(sink_, nullptr)->send(exchange_, std::move(response), std::move(hold));
}

StreamWriter Responder::stream(int status, HeaderList headers) {
  HOLDFAST_CHECK(sink_ != nullptr);
  auto sink = std::exchange(sink_, nullptr);
  auto buffered = sink->begin_stream(exchange_, status, std::move(headers));
  return {std::move(sink), exchange_, std::move(buffered)};
}

void Responder::upgrade(std::string_view protocol, std::shared_ptr<UpgradedSession> session) {
  HOLDFAST_CHECK(sink_ != nullptr && session != nullptr);
  std::exchange(sink_, nullptr)->upgrade(exchange_, protocol, std::move(session));
}

void Responder::on_abort(Task gone) {
  HOLDFAST_CHECK(sink_ != nullptr);
  sink_->when_gone(exchange_, std::move(gone));
}

void Responder::expire_after(Duration time, HttpResponse late) {
  HOLDFAST_CHECK(sink_ != nullptr);
  sink_->expire_after(exchange_, time, std::move(late));
}

StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  StreamWriter old(std::move(*this));
  sink_ = std::move(other.sink_);
  exchange_ = other.exchange_;
  buffered_ = std::move(other.buffered_);
  return *this;
}

StreamWriter::~StreamWriter() {
  if (sink_) sink_->cut(exchange_);
}

void StreamWriter::write(std::string bytes, std::shared_ptr<void> hold) {
  if (!sink_ || bytes.empty()) return;
  buffered_->fetch_add(bytes.size(), std::memory_order_relaxed);
  sink_->write_stream(exchange_, std::move(bytes), std::move(hold));
}

void StreamWriter::close(HeaderList trailers) {
  if (sink_) std::exchange(sink_, nullptr)->end_stream(exchange_, std::move(trailers));
}

std::size_t StreamWriter::buffered() const { return sink_ ? buffered_->load(std::memory_order_relaxed) : 0; }

void StreamWriter::on_close(Task gone) {
  HOLDFAST_CHECK(sink_ != nullptr);
  sink_->when_gone(exchange_, std::move(gone));
}

}  // namespace holdfast::net
