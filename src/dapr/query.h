// A query of Dapr's, ready to be held against items: which match, and in which order they come (docs/dapr/api.md). What walks over a store's
// items is state_walk.cc.
//
// Dapr leaves to each store what a comparison means; here it is by type. Paths lead through members of objects, not into lists; what is not there
// is null. Strings compare by their bytes, numbers by value, false before true, and of two types neither is greater. In the order of sorting
// null comes first, then booleans, numbers, strings, and lists and objects, which are all alike; what sorts alike comes by key.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/dapr_json.h"

namespace holdfast::dapr {

// Each is held against every item, on a loop.
inline constexpr std::size_t kQueryValuesMax = 1'000;  // In filters, and keys to sort by.
inline constexpr std::size_t kQueryPathDepthMax = 64;  // Names in one path.

// What a path leads to.
struct QueryValue {
  enum class Kind : std::uint8_t { Null, False, True, Number, String, Other };  // In the order of sorting.
  Kind kind = Kind::Null;
  long double number = 0;  // Holds every double and every integer below 2^63.
  std::string text;        // Of a Number as it was written.
};

// Where an item comes among those that match.
struct QueryPlace {
  std::vector<QueryValue> values;  // Of each key to sort by.
  std::string key;
};

class PreparedQuery {
 public:
  // Nothing is borrowed of `query`. Invalid: it asks for what there is not, or for too much.
  [[nodiscard]] static Result<PreparedQuery> prepare(const codec::dapr::Query& query);
  // All items, in the order of their keys.
  [[nodiscard]] static PreparedQuery all(std::int64_t limit, std::string after);

  // Where the item comes; none: it does not match. What is no JSON matches no filter, and sorts as null.
  [[nodiscard]] std::optional<QueryPlace> match(std::string_view key, std::string_view value) const;
  [[nodiscard]] bool is_before(const QueryPlace& a, const QueryPlace& b) const;
  [[nodiscard]] bool is_sorted() const { return !sort_.empty(); }
  // Of a page; 0: all there are.
  [[nodiscard]] std::size_t limit() const { return limit_; }
  // Only what comes behind.
  [[nodiscard]] const std::optional<QueryPlace>& after() const { return after_; }

  // What `place` is as the token of a page, and back. Of letters that a URL may have as they are.
  [[nodiscard]] static std::string token_of(const QueryPlace& place);
  [[nodiscard]] static Result<QueryPlace> place_of(std::string_view token, std::size_t values);

 private:
  using Slot = std::size_t;  // Of a value that a path leads to.
  struct Filter {
    codec::dapr::QueryFilter::Kind kind;
    Slot slot = 0;
    std::vector<QueryValue> values;
    std::vector<Filter> filters;
  };
  struct Sorting {
    Slot slot = 0;
    bool descends = false;
  };
  // All paths together, so that an item is gone through once however many there are.
  struct Node {
    std::map<std::string, std::size_t, std::less<>> members;
    std::optional<Slot> slot;
  };

  [[nodiscard]] Result<Slot> slot_of(std::string_view path);
  [[nodiscard]] Result<Filter> prepare(const codec::dapr::QueryFilter& filter);
  [[nodiscard]] static bool holds(const Filter& filter, const std::vector<QueryValue>& values);
  void find(std::string_view json, std::size_t node, std::vector<QueryValue>& values) const;

  std::vector<Node> nodes_{1};
  std::size_t slots_ = 0;
  std::size_t counted_ = 0;
  std::optional<Filter> filter_;
  std::vector<Sorting> sort_;
  std::size_t limit_ = 0;
  std::optional<QueryPlace> after_;
};

}  // namespace holdfast::dapr
