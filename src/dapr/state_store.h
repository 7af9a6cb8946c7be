// StateStore: one state store component, whatever stands behind it. Keys come with their prefix (state.h), and are opaque.
//
// Conditions as Dapr's components have them: an etag must be that of what is there (of nothing, none is); without one, a first write wants the
// key to be absent (to take it away, too). An item past its time is absent. A change without a time to live takes away one that there was.
//
// Callbacks run exactly once, on any thread, also before the call returns. Several calls may be under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"

namespace holdfast::dapr {

struct StoreError {
  enum class Kind : std::uint8_t {
    EtagMismatch,  // Of a condition; nothing has changed.
    EtagInvalid,   // No etag of this store.
    Failed,        // Anything else.
  };
  Kind kind = Kind::Failed;
  std::string message;  // Goes to the application, behind Dapr's own words.
};
template <typename T>
using StoreResult = tl::expected<T, StoreError>;

struct StoredState {
  std::string value;
  std::string etag;
  std::string content_type;  // As it was given; empty: none was, or the store does not keep it.
  std::optional<Instant> expires_at;
};

struct StateChange {
  enum class Kind : std::uint8_t { Set, Delete };
  Kind kind = Kind::Set;
  std::string key;
  std::string etag;          // Empty: none.
  bool first_write = false;
  // Set only.
  std::string value;
  std::string content_type;
  std::int64_t ttl_seconds = 0;  // 0: none was given; less: it was asked not to expire.

  // 0: it does not expire. What no clock holds is as long as one holds.
  [[nodiscard]] Duration ttl() const {
    std::int64_t ms = 0;
    if (ttl_seconds > 0 && __builtin_mul_overflow(ttl_seconds, 1000, &ms)) ms = INT64_MAX;
    return {ttl_seconds > 0 ? ms : 0};
  }
};

// A walk over items whose keys begin so, in the order of their keys, a page at a time. Not of one moment: what is there all the while is met once.
struct StateScan {
  std::string prefix;
  std::string after;  // Only what comes behind this key: StatePage::next of the page before.
  std::size_t limit = 100;
  enum class Show : std::uint8_t { Items, Keys };
  Show show = Show::Items;  // Keys: without values.
};
struct StatePage {
  struct Item {
    std::string key;
    StoredState state;
  };
  std::vector<Item> items;
  std::string next;  // Empty: there are no more. A page may hold less than was asked for though there are.
};

class StateStore {
 public:
  template <typename T>
  using Done = std::function<void(StoreResult<T>)>;
  using Found = StoreResult<std::optional<StoredState>>;

  struct Features {
    bool etag = true;
    bool transactional = true;
    bool ttl = true;
    bool delete_with_prefix = false;
    bool query = false;  // scan() is there, on which queries and lists of keys stand.
  };

  virtual ~StateStore() = default;
  [[nodiscard]] virtual Features features() const = 0;
  // Of one transaction; 0: no bound.
  [[nodiscard]] virtual std::size_t operations_max() const { return 0; }
  // In the order asked for. Not of one moment.
  virtual void get(std::vector<std::string> keys, std::function<void(std::vector<Found>)> done) = 0;
  virtual void change(StateChange change, Done<void> done) = 0;
  // All or nothing, in order. Only of those that are transactional.
  virtual void transact(std::vector<StateChange> changes, Done<void> done) = 0;
  // Only of those that have the feature.
  virtual void scan(StateScan scan, Done<StatePage> done);
  // Takes away all items whose keys begin so and that are there all the while, though not at one moment; answers how many. After an error some may
  // be gone. Only of those that have the feature.
  virtual void delete_with_prefix(std::string prefix, Done<std::uint64_t> done);
};

}  // namespace holdfast::dapr
