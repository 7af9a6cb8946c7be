// Process: the whole runtime in this process, made from a configuration: parts, doors, until a signal ends it. SIGHUP reloads modules,
// certificates and tokens. `holdfast up` and `holdfast daprd` are two ways to come to a configuration.
#pragma once

#include <string>

#include "app/stop_signals.h"
#include "base/log.h"
#include "base/time.h"
#include "config/load.h"
#include "native/modules.h"

namespace holdfast::app {

inline constexpr const char* kMemory = "memory";  // As a data directory: nothing is kept.

struct ProcessOptions {
  std::string data;        // A directory, or kMemory.
  std::string ports_file;  // Empty: none.
  Duration grace{10'000};
  bool gateway = true;     // False: there is no such door.
  bool admin = true;
};

// Half as many as the process may use processors.
[[nodiscard]] std::uint16_t default_shards();

// debug, info, warn, error, and fatal, which is error.
[[nodiscard]] LogLevel log_level(const std::string& name);

// Says what is wrong, and answers the exit code.
[[nodiscard]] int failed(const Error& error, int exit_code);

// Until it is told to stop; the exit code. `signals` was made before any thread. The log is set up.
[[nodiscard]] int run_process(config::Configuration& configuration, const ProcessOptions& options, native::LinkedModules linked, StopSignals& signals);

}  // namespace holdfast::app
