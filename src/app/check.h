// `holdfast check FILE…`: all that is wrong with a configuration, without starting anything.
#pragma once

#include <cstddef>
#include <span>

#include "cli/command_line.h"
#include "config/load.h"
#include "native/modules.h"

namespace holdfast::app {

// Says what was found, warnings included, on standard error.
void report(std::span<const config::Problem> problems, std::size_t more_problems);

[[nodiscard]] int check(const cli::CheckOptions& options, native::LinkedModules linked);

}  // namespace holdfast::app
