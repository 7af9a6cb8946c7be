// StoreSettings: the properties of a component as values: each is asked for by its names, what is wrong is kept until the end, and what nobody
// asked for is named in the log. Spellings of values are those of Dapr's components.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dapr/properties.h"

namespace holdfast::dapr {

// What of a component's document its store is made of.
struct StoreDocument {
  std::string name;     // Of the component.
  std::string type;     // "state.redis"
  std::string version;  // "v1"; empty: the first.
  Properties properties;
  Duration init_timeout{5'000};  // Within it the store is connected, or it is an error.
};

class StoreSettings {
 public:
  using Names = std::initializer_list<std::string_view>;  // Of the same property, the newest first.

  explicit StoreSettings(const StoreDocument& document);

  [[nodiscard]] std::optional<std::string> text(Names names);
  [[nodiscard]] std::int64_t number(Names names, std::int64_t min, std::int64_t max, std::int64_t fallback);
  // Go's durations; a bare number counts `unit`.
  [[nodiscard]] Duration duration(Names names, Duration unit, Duration fallback);
  [[nodiscard]] bool flag(Names names);

  void refuse(std::string why);
  // Invalid: the first thing that was wrong. Else what was not asked for has its line in the log.
  [[nodiscard]] Result<void> finish();

 private:
  struct Found {
    std::string_view name;
    std::string value;
  };
  [[nodiscard]] std::optional<Found> find(Names names);

  const StoreDocument& document_;
  std::vector<std::string> asked_;
  std::string wrong_;
};

}  // namespace holdfast::dapr
