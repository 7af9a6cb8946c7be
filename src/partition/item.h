// Items: what tables are made of: a value under a key, with its content type, until some time. Documents, and state of applications.
//
// A change may depend on how the item is; whether it does is looked at for all changes of a transaction before any of them is made. What comes
// out is one decision for each item, WriteItem, which holds whatever happens to be there when it is carried out: it may be under way to
// another shard, or come back from the log after a crash.
//
// An item past its time is as good as gone from that moment: is_live(). Its row goes when its timer fires, or with its next change.
//
// Not here: who waits for whom, and how shards agree (runtime/shard_items.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/command.h"
#include "model/rows.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

struct ItemCondition {
  enum class Kind : std::uint8_t {
    Any,
    Absent,   // There is no such item.
    Version,  // It is there, and this is its last change.
  };
  Kind kind = Kind::Any;
  model::Sequence version;  // Version only.
  bool operator==(const ItemCondition&) const = default;
};

struct ItemWrite {
  enum class Kind : std::uint8_t {
    Put,
    Delete,  // Of one that is not there: nothing.
    Check,   // Nothing is changed; the condition counts.
  };
  model::ItemKey item;
  Kind kind = Kind::Put;
  ItemCondition condition;
  std::string value;         // Put only, as what follows.
  std::string content_type;
  Duration ttl;              // 0: it does not expire.
};

// Who is to be told of changes of items: each may send commands, which are part of the same epoch. One row is there, at least.
class ItemWatchers {
 public:
  virtual ~ItemWatchers() = default;
  // `before` may have been past its time.
  virtual void changed(const model::ItemKey& item, const model::ItemRow* before, const model::ItemRow* after,
                       std::vector<model::Command>& commands) const = 0;
};

[[nodiscard]] inline bool is_live(const model::ItemRow& row, Instant now) { return row.expires_at.unix_ms == 0 || row.expires_at > now; }
[[nodiscard]] std::optional<model::ItemRow> live_item(const View& view, const model::ItemKey& item, Instant now);

// Conflict, with the first item whose condition is not met.
[[nodiscard]] Result<void> check_items(const View& view, std::span<const ItemWrite> writes, Instant now);

// What a write comes to; none: a check. Each that is there gets a version of its own.
[[nodiscard]] std::optional<model::WriteItem> decide(ItemWrite&& write, Instant now, SequenceCounter& sequence);

// Carries out what was decided. `watchers` may be null.
[[nodiscard]] Transition write_item(const View& view, const ItemWatchers* watchers, model::WriteItem&& write);

// What the ExpireItem timer does when it fires.
[[nodiscard]] Transition fire_expire_item(const View& view, const ItemWatchers* watchers, const model::TimerKey& key, const model::ItemKey& item);

}  // namespace holdfast::partition
