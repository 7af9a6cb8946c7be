// Edges: the ingresses and egresses that reach outside, as operations sees them: what they are doing, and what people may tell them.
// All calls may be made from any thread; `done` is called once, on a thread of theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/time.h"

namespace holdfast::ports {

struct SourceInfo {
  std::string source;                   // "<ingress id>/<topic>/<partition>"
  std::optional<std::uint64_t> next;    // Position of the next record to be taken in; none: not known yet.
  std::optional<std::uint64_t> end;     // Position after the last record there is outside.
  std::optional<std::uint64_t> lag;     // Records that wait outside.
  bool waiting = false;                 // The functions do not keep up: nothing is taken in for the moment.
};

struct IngressInfo {
  std::string id;
  std::string kind;         // As in the document: "io.statefun.kafka.v1/ingress".
  bool paused = false;      // By an operator; stays so over a restart.
  std::string trouble;      // What keeps it from going on; empty: nothing.
  std::uint64_t taken = 0;  // Records since start.
  std::uint64_t bad = 0;    // Records since start that were parked, sent to dead letters or skipped.
  std::uint64_t lost = 0;   // Records since start that the broker no longer had.
  std::uint64_t parked = 0;  // Records that are parked now.
  std::vector<SourceInfo> sources;
};

// Where to go on reading.
struct SeekTo {
  enum class Kind : std::uint8_t { Position, Earliest, Latest, Time };
  Kind kind = Kind::Position;
  std::uint64_t position = 0;  // Position only.
  Instant time;                // Time only.
};

class Ingress : public MetricsSource {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  [[nodiscard]] virtual const std::string& id() const = 0;
  // After the runtime has started.
  virtual void start() = 0;
  // Takes in nothing any more; before the runtime stops.
  virtual void stop(std::function<void()> done) = 0;

  virtual void info(Done<IngressInfo> done) = 0;
  virtual void pause(Done<void> done) = 0;
  virtual void resume(Done<void> done) = 0;
  // Exactly-once ends at a seek: what is skipped has no effect, what is read again has it again. `source` empty: all. NotFound: no such source.
  virtual void seek(std::string source, SeekTo to, Done<void> done) = 0;
  // Parked records are routed again, or dropped; answers how many.
  virtual void retry_parked(Done<std::uint64_t> done) = 0;
  virtual void skip_parked(Done<std::uint64_t> done) = 0;
};

struct EgressInfo {
  std::string id;
  std::string kind;
  std::string delivery;        // "none", "at-least-once", "exactly-once"
  std::string trouble;         // What keeps it from sending; empty: nothing.
  bool stopped = false;        // Somebody must decide: `trouble` says what.
  std::uint64_t waiting = 0;   // Records in the outbox.
  std::uint64_t bytes = 0;     // Of them.
  std::uint64_t bytes_max = 0;
  std::uint64_t sent = 0;      // Records since start.
  std::uint64_t position = 0;  // All below it are sent.
  std::uint64_t parked = 0;    // Records since start that could not be sent and were set aside.
};

class Egress : public MetricsSource {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  [[nodiscard]] virtual const std::string& id() const = 0;
  virtual void start() = 0;
  // Ends after what it is sending just now; with a grace of 0 without waiting for that. May be called again with less grace; `done` of
  // the first call counts. Before the runtime's loops stop.
  virtual void stop(Duration grace, std::function<void()> done) = 0;
  virtual void info(Done<EgressInfo> done) = 0;
  // Goes on though the outside's position is lost or does not fit: sends all that is in the outbox. Conflict: it is not stopped.
  virtual void resume(Done<void> done) = 0;
  // What could not be sent and was set aside is put behind everything else in the outbox, or dropped; answers how many.
  virtual void retry_unsendable(Done<std::uint64_t> done) = 0;
  virtual void skip_unsendable(Done<std::uint64_t> done) = 0;
};

}  // namespace holdfast::ports
