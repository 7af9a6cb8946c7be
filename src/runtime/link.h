// Link: what shards say to each other. Items from one shard to another arrive in order, in batches of one epoch each.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/command.h"
#include "model/rows.h"
#include "partition/item.h"
#include "partition/registration.h"
#include "runtime/items.h"

namespace holdfast::runtime {

// The sender has closed the epoch of this batch; nothing more of that epoch follows.
struct EpochClosed {};
// To the owner of a function type: it declares these states.
struct DeclareStates {
  std::string type;
  std::vector<model::StateSpec> states;
  partition::Declaration kind = partition::Declaration::Whole;
};
// From the owner to everybody: this is declared now; or to whoever asked: it is refused.
struct StatesDeclared {
  std::string type;
  Result<model::RegistrationRow> row;
};

// To the owner of a function type: the sender's partitions have no value of a state that is being dropped any more.
struct ValuesDropped {
  std::string type;
  std::string name;
};

// To a shard that has items of a transaction: holds them, if the conditions are met.
struct HoldItems {
  TransactionId by;
  std::vector<partition::ItemWrite> conditions;
};
// To the lead: it does, or why not. Versions that it has given so far are below `above`.
struct ItemsHeld {
  std::uint64_t number = 0;
  Result<model::Sequence> above;
};
// From the lead: decided. What was to be written has been sent before.
struct ReleaseItems {
  TransactionId by;
};

using LinkItem = std::variant<model::Command, EpochClosed, DeclareStates, StatesDeclared, ValuesDropped, HoldItems, ItemsHeld, ReleaseItems>;

struct LinkBatch {
  std::size_t from = 0;
  model::Epoch epoch;
  std::vector<LinkItem> items;
};

}  // namespace holdfast::runtime
