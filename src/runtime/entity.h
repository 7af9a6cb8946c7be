// Entity: one address that has something to do, or had of late: its row, its mailbox, and where it stands with the invoker. One at rest is a row
// (resting_rows.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/rows.h"
#include "runtime/mailbox.h"

namespace holdfast::runtime {

struct FunctionType;

// Messages that wait for one upstream, or all of an endpoint's, or are with it; as the table counts them.
struct Backlog {
  Backlog* whole = nullptr;           // What this is a part of.
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;            // About.
  std::size_t bytes_in_memory = 0;

  struct Change {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    std::int64_t bytes_in_memory = 0;
  };
  void apply(Change change) {
    for (Backlog* part = this; part != nullptr; part = part->whole) {
      part->messages += static_cast<std::uint64_t>(change.messages);
      part->bytes += static_cast<std::uint64_t>(change.bytes);
      part->bytes_in_memory += static_cast<std::size_t>(change.bytes_in_memory);
    }
  }
};

struct Entity {
  // idle -> ready -> in flight -> idle, or -> waiting (to be tried again, or for a declaration) -> ready.
  enum class Phase : std::uint8_t {
    Idle,      // Nothing to do, parked, or not served by any endpoint.
    Ready,     // In its endpoint's queue.
    InFlight,  // The first `batch` messages are with the function.
    Waiting,   // A retry is due later, or the type's first contact is under way.
  };

  model::Address address;
  model::AddressRow row;
  Mailbox mailbox;
  FunctionType* type = nullptr;
  Backlog* backlog = nullptr;   // The count that its messages are in: its upstream's, or that of parked ones.
  std::uint64_t mail_bytes = 0;  // About: of its mailbox, in memory or not.
  bool left = false;            // Its turn to be ready has not come: idle, with mail that is to be handled. See FunctionType::left.

  Phase phase = Phase::Idle;
  std::uint32_t batch = 0;            // While in flight.
  std::shared_ptr<const model::RegistrationRow> sent;  // While in flight: by which declaration states were sent along; null: none were.
  std::uint32_t batch_max = UINT32_MAX;  // Shrinks when a batch fails, so that one bad message ends up alone.
  std::uint32_t attempts = 0;
  std::uint32_t away = 0;          // Calls in a row that ended before they got to the function, see Upstream::balance.
  std::int64_t balance_seen = 0;   // Of its upstream: as it was at the last of them, or when the first began.
  std::string last_error;

  bool row_dirty = false;   // The row differs from what the layers below have.
  bool row_stored = false;  // The layers below have a row at all.
  bool touched = false;    // In the table's list of what the open epoch touched.
  bool rests_with_mail = false;  // Which of the table's lines of idle entities it was in last.
  std::size_t row_bytes = 0;

  // Its place in that line.
  Entity* newer = nullptr;
  Entity* older = nullptr;

  // All of it is in rows, and nobody is at work on it.
  [[nodiscard]] bool is_evictable() const {
    return phase == Phase::Idle && !touched && mailbox.spilled() == mailbox.size() && (!mailbox.empty() || !mailbox.has_rows());
  }
};

}  // namespace holdfast::runtime
