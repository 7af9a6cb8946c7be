// Responder and StreamWriter: what a handler holds of a connection.
#include <utility>

#include "base/check.h"
#include "net/server_connection.h"

namespace holdfast::net {

Responder& Responder::operator=(Responder&& other) noexcept {
  Responder old(std::move(*this));  // Answers 500 if it has not answered.
  connection_ = std::move(other.connection_);
  exchange_ = other.exchange_;
  return *this;
}

Responder::~Responder() {
  if (connection_) connection_->send_error(exchange_, 500, "the request was dropped without an answer");
}

void Responder::send(HttpResponse response, std::shared_ptr<void> hold) {
  HOLDFAST_CHECK(connection_ != nullptr);
  std::exchange(connection_, nullptr)->send(exchange_, std::move(response), std::move(hold));
}

StreamWriter Responder::stream(int status, HeaderList headers) {
  HOLDFAST_CHECK(connection_ != nullptr);
  auto connection = std::exchange(connection_, nullptr);
  connection->begin_stream(exchange_, status, std::move(headers));
  return {std::move(connection), exchange_};
}

void Responder::upgrade(std::string_view protocol, std::shared_ptr<UpgradedSession> session) {
  HOLDFAST_CHECK(connection_ != nullptr && session != nullptr);
  std::exchange(connection_, nullptr)->upgrade(exchange_, protocol, std::move(session));
}

void Responder::on_abort(Task gone) {
  HOLDFAST_CHECK(connection_ != nullptr);
  connection_->when_gone(exchange_, std::move(gone));
}

StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  StreamWriter old(std::move(*this));
  connection_ = std::move(other.connection_);
  exchange_ = other.exchange_;
  return *this;
}

StreamWriter::~StreamWriter() {
  if (connection_) connection_->cut(exchange_);
}

void StreamWriter::write(std::string bytes, std::shared_ptr<void> hold) {
  if (connection_) connection_->write_stream(exchange_, std::move(bytes), std::move(hold));
}

void StreamWriter::close() {
  if (connection_) std::exchange(connection_, nullptr)->end_stream(exchange_);
}

std::size_t StreamWriter::buffered() const { return connection_ ? connection_->buffered() : 0; }

void StreamWriter::on_close(Task gone) {
  HOLDFAST_CHECK(connection_ != nullptr);
  connection_->when_gone(exchange_, std::move(gone));
}

}  // namespace holdfast::net
