// A small JSON object from outside, such as the body of a request that says how to do something: its members, one level deep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::codec {

struct JsonMember {
  enum class Kind : std::uint8_t { String, Integer, Other };
  std::string name;
  Kind kind = Kind::Other;
  std::string text;  // A string's content; of anything else, its JSON.
};

// In the order they are in. Of those with one name, as everywhere in JSON, only the last counts.
[[nodiscard]] Result<std::vector<JsonMember>> parse_json_members(std::string_view text);

}  // namespace holdfast::codec
