// YAML text as a tree whose every value knows where it stands. The only place that knows which YAML library
// is used. Text comes from anywhere, so all bounds of load.h are kept here; tags are ignored, and aliases
// share what they name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"

namespace holdfast::config {

struct Mark {
  std::uint32_t line = 0;    // From 1.
  std::uint32_t column = 0;  // From 1, in bytes.
  auto operator<=>(const Mark&) const = default;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Key {
  std::string name;
  Mark mark;
};

struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  Mark mark;
  std::string scalar;
  bool plain = false;  // A scalar without quotes, block style or tag: what it is, its text tells.
  std::vector<NodePtr> items;
  std::vector<std::pair<Key, NodePtr>> members;  // In the order they are written; no name twice.

  // How a message calls it: quoted scalar, "nothing", "a list", "a map".
  [[nodiscard]] std::string shown() const;
};

// The documents of a file, without those that are empty. Reports what is wrong with the text; what stands
// before the first syntax error is still returned, with complete = false.
struct Documents {
  std::vector<NodePtr> roots;
  bool complete = true;
};
[[nodiscard]] Documents parse_yaml(std::string_view file, const std::string& text,
                                   std::vector<Problem>& problems);

}  // namespace holdfast::config
