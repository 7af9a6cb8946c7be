// Records that wait for an egress that the files no longer name: nobody will send them, and nothing else shows it.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "config/load.h"
#include "runtime/runtime.h"

namespace holdfast::app {

// The ids of all egresses of the files.
[[nodiscard]] std::set<std::string> named_egresses(const config::Configuration& configuration);

// Looks at all streams, page after page, and says in the log which outboxes hold records and are no `named` one's. `runtime` has started, and outlives
// its loops.
void report_unnamed_egresses(runtime::Runtime& runtime, std::set<std::string> named);

}  // namespace holdfast::app
