// `holdfast check-data DIR`: whether the log and the view of a stopped Holdfast are what was written, and fit together.
#pragma once

#include "cli/command_line.h"

namespace holdfast::app {

[[nodiscard]] int check_data(const cli::CheckDataOptions& options);

}  // namespace holdfast::app
