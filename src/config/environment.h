// ${NAME} and ${NAME:-default} in a value, replaced once: what a variable holds is not looked into again. $${
// is a literal ${.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace holdfast::config {

struct Expansion {
  std::string text;
  bool from_environment = false;  // A variable's value is in it: not to be shown.
  struct Variable {
    std::size_t begin = 0, end = 0;  // Of its value, in `text`.
    std::string name;
  };
  std::vector<Variable> variables;  // Those whose values are in it, in order.
  // What is wrong, if anything is.
  std::string expected;
  std::string got;
  std::string hint;

  [[nodiscard]] bool ok() const { return expected.empty(); }
};

[[nodiscard]] Expansion expand(std::string_view text, const Environment& environment);

// A URL for people to see: behind scheme, host and port, what came from a variable is shown by its name. That is where secrets are.
[[nodiscard]] std::string shown_url(const Expansion& url);

}  // namespace holdfast::config
