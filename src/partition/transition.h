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

using Write = std::variant<ChangeAddress, PutTimer, DeleteTimer, PutToken, DeleteToken, PutRequest, DeleteRequest, PutStream,
                           AddRecords, PutRecord, DropRecords, PutSource, PutRegistration>;

// Something for another entity, here or on another shard; part of the same epoch.
struct Deliver { model::Command command; };
// The answer to a request, for whoever waits for it, once the epoch is durable. No value: accepted; or, with a `failure`, given up.
struct Answer { std::string request; std::optional<model::TypedValue> value; std::string failure; };

using Effect = std::variant<Deliver, Answer>;

struct Transition {
  std::vector<Write> writes;
  std::vector<Effect> effects;
};

// Numbers the things born in one epoch. The host hands out a fresh one per epoch.
struct SequenceCounter {
  model::Sequence next;
  model::Sequence take() { return {next.epoch, next.index++}; }
};

}  // namespace holdfast::partition
