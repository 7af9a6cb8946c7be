// What `holdfast check` says about a configuration that is in order: a short list of what was found.
#pragma once

#include <string>

#include "config/load.h"

namespace holdfast::config {

// Some lines, each ended by a line feed; secrets are not in a Configuration, so not here either.
[[nodiscard]] std::string describe(const Configuration& configuration);

}  // namespace holdfast::config
