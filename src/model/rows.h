// Rows: what the system remembers, as values. A row belongs to a partition; codec/rows.h says what it looks like in
// bytes, docs/data-format.md says so to people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/address.h"
#include "model/message.h"
#include "model/state.h"

namespace holdfast::model {

// Counts the commits of a data directory. 0: before the first.
struct Epoch {
  std::uint64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

// Order of birth within a partition. Unique without being stored: what an undurable epoch numbered is gone with it.
struct Sequence {
  std::uint64_t epoch = 0;
  std::uint32_t index = 0;
  auto operator<=>(const Sequence&) const = default;
};

// Why an address stands still.
struct Parked {
  std::string reason;
  Instant since;
  std::uint32_t batch = 1;     // The first `batch` messages of the mailbox are the ones that failed.
  std::uint32_t attempts = 0;
  bool operator==(const Parked&) const = default;
};

struct AddressRow {
  std::vector<StateValue> states;
  std::optional<Parked> parked;
  Instant expiry_armed;  // Due time of the ExpireStates timer that watches over these states; 0: none is set.

  [[nodiscard]] bool empty() const { return states.empty() && !parked && expiry_armed.unix_ms == 0; }
  bool operator==(const AddressRow&) const = default;
};

struct TimerKey {
  Instant due;
  Sequence sequence;
  auto operator<=>(const TimerKey&) const = default;
};

// A message that waits; its caller is the address that sent it.
struct DelayedSend {
  Message message;
  std::string token;  // Empty: cannot be cancelled.
  bool operator==(const DelayedSend&) const = default;
};
struct ExpireStates {
  Address address;
  bool operator==(const ExpireStates&) const = default;
};
struct ForgetRequest {
  std::string id;
  bool operator==(const ForgetRequest&) const = default;
};
struct TrimStream {
  std::string name;
  bool operator==(const TrimStream&) const = default;
};
// An item of a table. Only the key decides where it lives, as with addresses: what belongs to one entity is together.
struct ItemKey {
  std::string table;
  std::string key;
  auto operator<=>(const ItemKey&) const = default;
};
struct ItemRow {
  std::string value;
  std::string content_type;
  Sequence version;    // Of its last change: no other change of any item has it, and those of one item grow.
  Instant expires_at;  // 0: never. The key of its ExpireItem timer is this and the version.
  bool operator==(const ItemRow&) const = default;
};
struct ExpireItem {
  ItemKey item;
  bool operator==(const ExpireItem&) const = default;
};
using TimerRow = std::variant<DelayedSend, ExpireStates, ForgetRequest, TrimStream, ExpireItem>;

// Whose partition a timer's row is in. A delayed send has a caller, always.
[[nodiscard]] inline const std::string& owner_id(const TimerRow& row) {
  if (const auto* send = std::get_if<DelayedSend>(&row)) return send->message.caller->id;
  if (const auto* expire = std::get_if<ExpireStates>(&row)) return expire->address.id;
  if (const auto* forget = std::get_if<ForgetRequest>(&row)) return forget->id;
  if (const auto* expire = std::get_if<ExpireItem>(&row)) return expire->item.key;
  return std::get<TrimStream>(row).name;
}

// A cancellation token is its owner's: tokens of two addresses never meet.
struct TokenKey {
  Address owner;
  std::string token;
  auto operator<=>(const TokenKey&) const = default;
};

// A request with an Idempotency-Key. Requests without one leave no row.
struct RequestRow {
  std::uint64_t fingerprint = 0;       // Of target, kind and payload: another request under the same key is refused.
  bool answered = false;
  std::optional<TypedValue> reply;     // None for a send: it is answered by being accepted.
  std::string failure;                 // Not empty: what happened to the message, so that there will be no reply.
  bool operator==(const RequestRow&) const = default;
};

struct StreamRow {
  std::uint64_t first = 0;  // Position of the oldest record kept.
  std::uint64_t next = 0;   // Position the next record will get.
  std::uint64_t bytes = 0;  // Of the records kept.
  Instant trim_armed;       // Due time of the TrimStream timer; 0: none is set.
  bool operator==(const StreamRow&) const = default;
};

// How far a source outside has been taken in (ports/intake.h). A row under an ingress's id says whether it is paused.
struct SourceRow {
  std::uint64_t next = 0;  // Position of the next record.
  bool paused = false;
  std::string incarnation{};  // Which of the things that had the source's name `next` counts in; empty: not known.
  bool operator==(const SourceRow&) const = default;
};

// A state that the newest declaration no longer names. Its values are kept, and not sent to the function.
struct OrphanedState {
  StateSpec spec;         // As it was declared last.
  bool dropping = false;  // Its values are being deleted; when the last is gone, so is this.
  bool operator==(const OrphanedState&) const = default;
};

// What a function type has declared. Lives in the partition of the type's name and is known to all shards.
struct RegistrationRow {
  std::vector<StateSpec> states;
  std::vector<OrphanedState> orphans;
  std::uint64_t revision = 0;  // Counts the changes: a late copy of an older one is told by it.
  bool operator==(const RegistrationRow&) const = default;
};

}  // namespace holdfast::model
