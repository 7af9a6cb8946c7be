// Transition: what one thing that happens does. `writes` go into the open epoch together; `effects` are carried out after
// them: deliveries at once (they are part of the same epoch), answers when that epoch is durable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/command.h"
#include "model/rows.h"

namespace holdfast::partition {

// All that changes about one address.
struct ChangeAddress {
  enum class Park : std::uint8_t { Keep, Set, Clear };

  model::Address address;
  std::vector<model::StateValue> set;
  std::vector<std::string> removed;
  std::uint32_t mail_taken = 0;           // Messages that leave the head of the mailbox.
  std::optional<Instant> expiry_armed;
  Park park = Park::Keep;
  model::Parked parked;                   // Only with Park::Set.
};
struct PutTimer { std::string owner_id; model::TimerKey key; model::TimerRow row; };
struct DeleteTimer { std::string owner_id; model::TimerKey key; };
struct PutToken { model::TokenKey token; model::TimerKey timer; };
struct DeleteToken { model::TokenKey token; };
struct PutRequest { std::string id; model::RequestRow row; };
struct DeleteRequest { std::string id; };
struct PutStream { std::string name; model::StreamRow row; };
// New ones at the end of the stream, from `position` on.
struct AddRecords { std::string stream; std::uint64_t position = 0; std::vector<model::StreamRecord> records; };
// Another record in the place of one.
struct PutRecord { std::string stream; std::uint64_t position = 0; model::StreamRecord record; };
// Records [first, next) go away. Whoever applies it may rely on StreamRow::first: what lies below it is not there.
struct DropRecords { std::string stream; std::uint64_t first = 0; std::uint64_t next = 0; };
struct PutSource { std::string name; model::SourceRow row; };
struct PutRegistration { std::string type; model::RegistrationRow row; };
struct PutItem { model::ItemKey item; model::ItemRow row; };
struct DeleteItem { model::ItemKey item; };

using Write = std::variant<ChangeAddress, PutTimer, DeleteTimer, PutToken, DeleteToken, PutRequest, DeleteRequest, PutStream,
                           AddRecords, PutRecord, DropRecords, PutSource, PutRegistration, PutItem, DeleteItem>;

// Something for another entity, here or on another shard; part of the same epoch.
struct Deliver { model::Command command; };
// The answer to a request, for whoever waits for it, once the epoch is durable. No value: accepted; or, with a `failure`, given up.
struct Answer { std::string request; std::optional<model::TypedValue> value; std::string failure; };

using Effect = std::variant<Deliver, Answer>;

struct Transition {
  std::vector<Write> writes;
  std::vector<Effect> effects;
};

// Numbers the things born in one epoch. The host hands out a fresh one per epoch. Where several hosts number at once, each takes every `step`th
// number, from one of its own on: no two things have the same.
struct SequenceCounter {
  model::Sequence next;
  std::uint32_t step = 1;
  model::Sequence take() {
    const model::Sequence taken = next;
    next.index += step;
    return taken;
  }
  // What is numbered from now on is above `seen`, which is not of a later epoch.
  void pass(const model::Sequence& seen) {
    if (seen.epoch != next.epoch || seen.index < next.index) return;
    next.index += ((seen.index - next.index) / step + 1) * step;
  }
};

}  // namespace holdfast::partition
