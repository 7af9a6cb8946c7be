// `holdfast repair DIR`: the ways on from damage that nobody but its owner can choose: what is damaged is given up, everything else stays. Works on
// a stopped Holdfast, through the log, as one more epoch: after a crash it is done or not.
#pragma once

#include "cli/command_line.h"

namespace holdfast::app {

[[nodiscard]] int repair(const cli::RepairOptions& options);

}  // namespace holdfast::app
