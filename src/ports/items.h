// Items: tables, as whoever keeps documents or state in them needs them of the core. What partition/item.h says of one item holds here too.
//
// Nothing is shown that is not durable, and nothing older than what was answered before: a read of an item that has just been changed answers
// when that is durable, any other at once.
//
// A transaction happens as a whole or not at all, wherever its items live, and as if nothing else happened meanwhile. A single write is a
// transaction of one. Whose condition is not met is told Conflict, at once; whoever meets an item that another transaction over several shards is
// just changing waits for that, for a bounded time, and is told Overloaded then. Nobody waits in a circle.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/command.h"
#include "model/rows.h"
#include "partition/item.h"

namespace holdfast::ports {

struct ItemTransaction {
  std::vector<partition::ItemWrite> writes;  // At least one, each item once.
  std::vector<model::Command> commands;      // Carried out if and only if the writes are, in the same epoch. Messages and records.
};

// Items of one table in the order of their keys, over all partitions. Not as of one moment: what is there all the while is met once.
struct ItemQuery {
  std::string table;
  std::string prefix;         // Of keys.
  std::string after;          // Only what comes behind this key: ItemPage::next of the page before.
  std::uint32_t limit = 100;
  enum class Show : std::uint8_t { Rows, Keys };
  Show show = Show::Rows;     // Keys: without values.
};
struct ItemPage {
  struct Entry {
    std::string key;
    model::ItemRow row;
  };
  std::vector<Entry> items;
  std::string next;  // Empty: there are no more. A page may hold less than was asked for though there are.
};

class Items {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Found = std::vector<std::optional<model::ItemRow>>;
  using Versions = std::vector<model::Sequence>;

  virtual ~Items() = default;
  // In the order asked for; none: it is not there. Each as of some moment, not all of the same. TooLarge: fewer at once can be read.
  virtual void get_items(std::vector<model::ItemKey> items, Done<Found> done) = 0;
  // Answers when it is durable, with the version of each item that was put (of the others: 0). Conflict: a condition is not met; nothing has
  // changed. Invalid, TooLarge: it is none. Overloaded, Unavailable, NoSpace: nothing has changed, later it may.
  virtual void transact(ItemTransaction transaction, Done<Versions> done) = 0;
  // Takes away all items of the table whose keys begin so and that are there all the while, though not at one moment; answers how many, when
  // that is durable. After an error some may be gone.
  virtual void delete_items(std::string table, std::string prefix, Done<std::uint64_t> done) = 0;
  virtual void scan_items(ItemQuery query, Done<ItemPage> done) = 0;
};

}  // namespace holdfast::ports
