// JetStream: the requests to the server's JetStream API that ingress and sink make. Every call blocks for at most kRequestTimeout.
//
// Errors: NotFound (no such stream or consumer), Invalid (refused for what was asked), Unavailable (everything that may be
// different later: no answer, no leader, not connected).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "nats/connection.h"

namespace holdfast::nats {

struct StreamState {
  enum class Retention : std::uint8_t { Limits, Interest, WorkQueue };
  std::uint64_t first = 0;  // Sequence of the oldest message; where there is none, the one that the next will get.
  std::uint64_t last = 0;   // Of the newest there ever was.
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  // Beyond these it takes no message (`discard: new`). 0: no bound, or the oldest make room.
  std::uint64_t refuses_above_messages = 0;
  std::uint64_t refuses_above_bytes = 0;
  std::string incarnation;  // Which of the streams of this name: when it was made.
  Retention retention = Retention::Limits;
  std::vector<std::string> subjects;
  Duration duplicates;       // Window of de-duplication.
  std::int64_t message_bytes_max = -1;  // -1: no bound.
};

struct ConsumerState {
  std::string name;
  std::string description;
  std::string filter;
  bool is_pull = false;
  bool acks_each = false;  // Its ack policy is explicit.
  std::uint64_t delivered_stream = 0;    // Stream sequence of the last message that it delivered.
  std::uint64_t delivered_consumer = 0;  // And which delivery that was.
  std::uint64_t acked_stream = 0;        // Every message up to here is acknowledged.
  std::uint64_t ack_pending = 0;
  std::uint64_t pending = 0;             // Messages that it has not delivered yet.
};

struct NewConsumer {
  enum class Ack : std::uint8_t { None, All, Each };
  enum class From : std::uint8_t { Sequence, Time, First };
  std::string stream;
  std::string durable;  // Empty: it goes some time after the last request.
  std::string description;
  std::string filter;
  Ack ack = Ack::None;
  From from = From::Sequence;
  std::uint64_t sequence = 0;  // From::Sequence only.
  Instant time;                // From::Time only.
  bool headers_only = false;
  Duration inactive;           // How long it lives without requests; 0: the server's default. Ephemeral ones only.
};

class JetStream {
 public:
  [[nodiscard]] static Result<JetStream> over(Connection& connection);

  [[nodiscard]] Result<StreamState> stream(const std::string& name);
  // The stream that keeps what is published to `subject`. None: there is none, says the server.
  [[nodiscard]] Result<std::optional<std::string>> stream_of(const std::string& subject);

  [[nodiscard]] Result<ConsumerState> consumer(const std::string& stream, const std::string& name);
  [[nodiscard]] Result<ConsumerState> add_consumer(const NewConsumer& consumer);
  [[nodiscard]] Result<void> delete_consumer(const std::string& stream, const std::string& name);  // Gone already: fine.

  // None: there is no message with that sequence (any more).
  [[nodiscard]] Result<std::optional<MessagePtr>> message(const std::string& stream, std::uint64_t sequence);
  // What it keeps of a subject from a time on (the server's), by way of a consumer of our own, without its data, in the stream's order.
  // `visit` says whether to go on; if not, Unavailable.
  [[nodiscard]] Result<void> read_headers(const std::string& stream, const std::string& subject, Instant from,
                                          const std::function<bool(natsMsg*)>& visit);
  // The newest of a subject. None: there is none.
  [[nodiscard]] Result<std::optional<MessagePtr>> last_message(const std::string& stream, const std::string& subject);

 private:
  struct ContextDeleter {
    void operator()(jsCtx* context) const { jsCtx_Destroy(context); }
  };
  [[nodiscard]] Result<void> read_all(const std::string& what, const std::string& stream, const ConsumerState& consumer,
                                      const std::function<bool(natsMsg*)>& visit);
  JetStream(natsConnection* connection, jsCtx* context) : connection_(connection), context_(context) {}

  natsConnection* connection_;
  std::unique_ptr<jsCtx, ContextDeleter> context_;
};

}  // namespace holdfast::nats
