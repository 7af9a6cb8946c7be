// Asking people before what cannot be undone.
#pragma once

#include <string>

namespace holdfast::cli {

enum class Confirmation { Given, Declined, NobodyToAsk };

// Prints the warning, and asks, unless the answer is `yes` already. Somebody can be asked where standard input is a terminal.
[[nodiscard]] Confirmation confirm(const std::string& warning, bool yes);

}  // namespace holdfast::cli
