// ${NAME} and ${NAME:-default} in a value, replaced once: what a variable holds is not looked into again. $${
// is a literal ${.
#pragma once

#include <string>
#include <string_view>

#include "config/load.h"

namespace holdfast::config {

struct Expansion {
  std::string text;
  bool from_environment = false;  // A variable's value is in it: not to be shown.
  // What is wrong, if anything is.
  std::string expected;
  std::string got;
  std::string hint;

  [[nodiscard]] bool ok() const { return expected.empty(); }
};

[[nodiscard]] Expansion expand(std::string_view text, const Environment& environment);

}  // namespace holdfast::config
