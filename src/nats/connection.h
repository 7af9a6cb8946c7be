// Connection: one connection to NATS. Once it is made, the library connects again by itself. What a NatsConnection document says becomes
// the library's options here, and secrets stay here.
//
// Subscriptions call back on threads of the library. Both classes, when destroyed, wait until no call of theirs is under way; so not from
// within one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nats/nats.h>

#include "base/result.h"
#include "base/time.h"
#include "model/edges.h"

namespace holdfast::nats {

struct MessageDeleter {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
using MessagePtr = std::unique_ptr<natsMsg, MessageDeleter>;

[[nodiscard]] inline std::string_view data_of(const natsMsg* message) {
  const int length = natsMsg_GetDataLength(message);
  return length > 0 ? std::string_view(natsMsg_GetData(message), static_cast<std::size_t>(length)) : std::string_view();
}
[[nodiscard]] std::string_view reply_of(const natsMsg* message);
// The first value of a header; empty: it has none. Names are looked up as they are, then in lower case and with capitals, as
// clients in Go write them. Valid while the message lives; not from two threads at once.
[[nodiscard]] std::string_view header_of(natsMsg* message, const std::string& name);

// Of requests to the server.
inline constexpr Duration kRequestTimeout{3'000};

class TlsOptions;

class Connection {
 public:
  // Called on the library's threads. They must not block.
  struct Events {
    std::function<void()> connected;  // Again.
    std::function<void()> disconnected;
    // The library has given up, which it does when its credentials are refused twice: open another one, later.
    std::function<void()> closed;
    std::function<void(std::string what)> error;  // Something that concerns no call in particular: a permission, a slow consumer.
  };

  // Whether what is published leaves at once, a system call each, or with the next flush (a millisecond later at the latest).
  enum class Sending : std::uint8_t { AtOnce, Batched };

  // Invalid: the document is wrong, or what it refers to is not there. Unavailable: nobody answers, or it is refused; try again later.
  // Blocks for at most some seconds for each server. (The library would go on trying by itself, but not say why it fails.)
  // `tls`, of the same spec: for who makes one connection after another, and wants to go on with files that it could use.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const model::NatsConnection& spec, const std::string& name,
                                                                Sending sending, Events events, TlsOptions* tls = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] bool connected() const;
  [[nodiscard]] bool closed() const;
  // Why it is not connected, in words.
  [[nodiscard]] std::string trouble() const;
  // How often a connection has been lost.
  [[nodiscard]] std::uint64_t losses() const;
  // Of a message with its headers; 0: not known yet.
  [[nodiscard]] std::int64_t payload_bytes_max() const;
  [[nodiscard]] natsConnection* handle() const { return handle_; }

 private:
  struct State;
  Connection(natsConnection* handle, std::shared_ptr<State> state, std::string servers)
      : handle_(handle), state_(std::move(state)), servers_(std::move(servers)) {}

  natsConnection* handle_;
  std::shared_ptr<State> state_;
  std::string servers_;  // For people.
};

class Subscription {
 public:
  using Handler = std::function<void(MessagePtr message)>;
  struct Limits {
    int messages = 65'536;
    int bytes = 64 << 20;
  };

  // `handler` is called for one message at a time, and may block: what comes meanwhile waits in the library up to `limits`, and is dropped
  // beyond. `queue` empty: no queue group.
  [[nodiscard]] static Result<std::unique_ptr<Subscription>> open(Connection& connection, const std::string& subject,
                                                                  const std::string& queue, Limits limits, Handler handler);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Messages that were dropped, since it was opened.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct State;
  Subscription(natsSubscription* handle, std::shared_ptr<State> state) : handle_(handle), state_(std::move(state)) {}

  natsSubscription* handle_;
  std::shared_ptr<State> state_;
};

// A subject of its own for answers.
[[nodiscard]] Result<std::string> new_inbox();

// "what: what the library says about it".
[[nodiscard]] std::string describe(std::string_view what, natsStatus status);

}  // namespace holdfast::nats
