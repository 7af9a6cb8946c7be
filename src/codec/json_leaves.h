// A JSON object from outside as what stands at its ends: strings, numbers, true, false and null, each with the names that lead there. Lists
// are led through by position, from 0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::codec {

struct JsonLeaf {
  std::vector<std::string> path;  // Not empty.
  std::string text;               // A string's content; of null nothing; of anything else, its JSON.
  bool is_string = false;
};

// In the order they are in; empty lists and objects have none. Of members with one name only the last counts.
[[nodiscard]] Result<std::vector<JsonLeaf>> parse_json_leaves(std::string_view text);

}  // namespace holdfast::codec
