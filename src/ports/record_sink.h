// RecordSink: where an outbox sends its records: a Kafka producer, a NATS connection. Calls block, and come from one thread.
//
// Exactly once: the sink keeps the position up to which it has sent together with the records themselves, all or nothing. Whoever was
// the sink of this name before is shut out by open(), and what it had begun is undone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "ports/streams.h"

namespace holdfast::ports {

struct SendOutcome {
  // The record at this index cannot be sent, ever, and nothing of the page was: too large for the broker, no such topic.
  // None: all of it was sent.
  struct Refused {
    std::size_t index = 0;
    std::string reason;
  };
  std::optional<Refused> refused;
};

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // The position up to which records have been sent. None: the sink knows none (first use, or it does not keep one).
  // Errors: Conflict, somebody else has sent under this name since this sink was first opened, and only reset() goes on; all others are worth
  // trying again later.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> open() = 0;
  // Sends `records`, in this order, and notes that all below `next` are sent. After an error it is not known whether they were:
  // open() must be called again, and says.
  [[nodiscard]] virtual Result<SendOutcome> send(std::span<const StreamPage::Entry> records, std::uint64_t next) = 0;
  // Notes `position` as the one up to which records have been sent, though none are: an operator has decided so.
  [[nodiscard]] virtual Result<void> reset(std::uint64_t position) = 0;
  // Any thread: a call that is under way returns soon, with Unavailable.
  virtual void interrupt() {}
  // Any thread: what keeps a call that is under way from getting on, while it still hopes. Empty: nothing.
  [[nodiscard]] virtual std::string trouble() const { return {}; }
  // Whether it keeps a position, so that each record is sent once.
  [[nodiscard]] virtual bool keeps_position() const = 0;
};

}  // namespace holdfast::ports
