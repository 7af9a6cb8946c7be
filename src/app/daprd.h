// `holdfast daprd`, and the program called by the name daprd: one application's sidecar in this process, with daprd's flags.
#pragma once

#include "cli/daprd_flags.h"

namespace holdfast::app {

[[nodiscard]] int daprd(const cli::DaprdOptions& options);

}  // namespace holdfast::app
