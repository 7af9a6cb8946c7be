// State: what an address remembers, and how a function declares it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

// What the protocols without typed states declare.
inline constexpr std::string_view kUnsetType = "io.statefun.types/unset";

// StateFun request-reply v3, FromFunction.ExpirationSpec.ExpireMode.
enum class ExpireMode : std::uint8_t { None = 0, AfterWrite = 1, AfterInvoke = 2 };

// One declared state of a function type. The newest declaration of a name counts for what is written from then on; one with another
// type is refused, because values of the old type may be stored.
struct StateSpec {
  std::string name;
  std::string type_name;  // kUnsetType when the function did not say.
  ExpireMode expire_mode = ExpireMode::None;
  Duration expire_after;
  bool operator==(const StateSpec&) const = default;
};

// A value that is there. Its type is the declaration's.
struct StateValue {
  std::string name;
  std::string value;
  Instant expires_at;  // 0: never.
  bool operator==(const StateValue&) const = default;
};

}  // namespace holdfast::model
