// `holdfast up`: the whole runtime in this process, until SIGTERM or SIGINT. SIGHUP reloads modules, certificates and tokens.
#pragma once

#include "cli/command_line.h"
#include "native/modules.h"

namespace holdfast::app {

// `linked`: what endpoints with `module: linked` mean.
[[nodiscard]] int up(const cli::UpOptions& options, native::LinkedModules linked);

}  // namespace holdfast::app
