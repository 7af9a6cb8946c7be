// `holdfast daprd …`, and the program called by the name daprd.
#pragma once

#include <span>
#include <string>

#include "cli/command_line.h"

namespace holdfast::cli {

// Whether a program called so is daprd.
[[nodiscard]] bool is_daprd(const std::string& program);

// Parses and carries out; the exit code: 0 done, 1 failed, 2 wrong usage.
[[nodiscard]] int run_daprd(std::span<const std::string> arguments, const LocalCommands& local);

}  // namespace holdfast::cli
