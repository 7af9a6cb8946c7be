// RecordSink: where an outbox sends its records: a Kafka producer, a NATS connection. Calls block, and come from one thread.
//
// Exactly once: the sink keeps the position up to which it has sent together with the records themselves, all or nothing. Whoever was
// the sink of this name before is shut out by open(), and what it had begun is undone.
//
// What a page comes to is settled from its beginning: the first so many records are each sent or refused, and the outbox lets go of these
// whatever becomes of the rest. Refused records are named as a set, so that many bad ones cost no more than one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ports/streams.h"

namespace holdfast::ports {

struct SendOutcome {
  // The record at this index of the page cannot be sent, ever: too large for the broker, no such topic.
  struct Refused {
    std::size_t index = 0;
    std::string reason;
  };
  // The first so many records of the page are each sent, or among `refused`. None of the others counts as sent: they come again, and a
  // sink that has sent some of them all the same knows which. 0 with nothing refused: nothing goes for now.
  std::size_t settled = 0;
  // Ascending, anywhere in the page. They are set aside and do not come again. A sink that keeps a position notes none beyond the first of
  // them: after a crash before it is set aside, nobody would look at it again.
  std::vector<Refused> refused;
  std::string trouble;  // Why the rest is not sent; may be empty where all of it is settled or something is refused.
};

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // The position up to which records have been sent. None: the sink knows none (first use, or it does not keep one).
  // Errors: Conflict, somebody else has sent under this name since this sink was first opened, and only reset() goes on; all others are worth
  // trying again later.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> open() = 0;
  // Sends `records`, in this order, and notes that all below `next` are sent, or, where less of the page is settled, all below its first
  // record that is not. After an error it is not known whether they were: open() must be called again, and says.
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
