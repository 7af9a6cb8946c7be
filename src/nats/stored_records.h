// StoredRecords: which records of an egress a stream holds already, beyond what the outbox has let go of.
//
// There are three ways to know. The server acknowledged it, and a record before it is not stored yet. Or it is so young that the stream's
// window of de-duplication holds its id: then it may be sent again, and the server knows. Or else the stream itself is asked: its messages
// of the subject from the record's time on carry the ids of ours. Nothing is concluded from the newest message alone: a stream that was full
// in between may hold a later record and not an earlier one.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "nats/jetstream.h"

namespace holdfast::nats {

// Which record a message of ours is.
struct RecordId {
  std::uint64_t position = 0;
  std::int64_t time_ms = 0;  // When it was appended to the outbox.
  auto operator<=>(const RecordId&) const = default;
};
[[nodiscard]] std::string message_id(std::string_view prefix, const RecordId& record);
// None: it is somebody else's.
[[nodiscard]] std::optional<RecordId> parse_message_id(std::string_view id, std::string_view prefix);

class StoredRecords {
 public:
  // Clocks of server and client may differ by so much.
  static constexpr Duration kClockMargin{300'000};
  // Of a stream that nobody may read beside its consumers (a work queue), so many sequences are looked at, from its end on.
  static constexpr std::uint64_t kLookBackMax = 20'000;
  // More are not remembered; records beyond may be stored twice.
  static constexpr std::size_t kIdsMax = 2'000'000;

  // `prefix`: of our ids.
  explicit StoredRecords(std::string prefix) : prefix_(std::move(prefix)) {}

  [[nodiscard]] bool contains(const RecordId& record) const { return ids_.contains(record); }
  void add(const RecordId& record);
  // The outbox has let go of everything below; it is not remembered again, however much of it a stream still holds.
  void forget_below(std::uint64_t position);

  // Whether the server still knows the id of whatever is so old, and will when it is sent again.
  [[nodiscard]] static bool is_young(Duration age, Duration window) { return age.ms < window.ms / 2; }
  // How much of a stream has been looked at.
  enum class Seen : std::uint8_t { Subject, Stream };
  // Finds what `stream` holds of ours on `subject`, from `oldest` (our clock) on; where it cannot be asked by subject, of all subjects.
  // `is_over` is asked now and then, and makes it give up with Unavailable.
  [[nodiscard]] Result<Seen> look(JetStream& jetstream, const std::string& stream, const std::string& subject, Instant oldest,
                                  const std::function<bool()>& is_over);

 private:
  [[nodiscard]] Result<void> look_back(JetStream& jetstream, const std::string& stream, const StreamState& state, Instant from,
                                       const std::function<bool()>& is_over);
  void take(natsMsg* message);

  const std::string prefix_;
  std::uint64_t first_ = 0;
  std::set<RecordId> ids_;
};

}  // namespace holdfast::nats
