// Entity: one address in memory: its row, its mailbox, and where it stands with the invoker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/rows.h"
#include "runtime/mailbox.h"

namespace holdfast::runtime {

struct FunctionType;

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
  std::uint64_t* backlog = nullptr;  // Its endpoint's count of waiting messages.

  Phase phase = Phase::Idle;
  std::uint32_t batch = 0;            // While in flight.
  std::shared_ptr<const model::RegistrationRow> sent;  // While in flight: by which declaration states were sent along; null: none were.
  std::uint32_t batch_max = UINT32_MAX;  // Shrinks when a batch fails, so that one bad message ends up alone.
  std::uint32_t attempts = 0;
  std::string last_error;

  bool row_dirty = false;   // The row differs from what the layers below have.
  bool row_stored = false;  // The layers below have a row at all.
  bool touched = false;    // In the table's list of what the open epoch touched.
  std::size_t row_bytes = 0;

  // The table's list of idle entities, least recently used first.
  Entity* newer = nullptr;
  Entity* older = nullptr;

  [[nodiscard]] bool is_evictable() const {
    return phase == Phase::Idle && mailbox.empty() && !mailbox.has_rows() && !touched;
  }
};

}  // namespace holdfast::runtime
