// `holdfast up`: the whole runtime in this process, until SIGTERM or SIGINT.
#pragma once

#include "cli/command_line.h"

namespace holdfast::app {

[[nodiscard]] int up(const cli::UpOptions& options);

}  // namespace holdfast::app
