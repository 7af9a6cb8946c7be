#include <holdfast/runtime.h>

#include "app/check.h"
#include "app/check_data.h"
#include "app/daprd.h"
#include "app/repair.h"
#include "app/up.h"
#include "app/version.h"
#include "cli/command_line.h"

// Read by jemalloc, where the program is linked with it: few arenas, as shards do not allocate enough at once to get in each other's
// way, and what was freed goes back to the system soon.
extern "C" {
const char* malloc_conf = "narenas:2,dirty_decay_ms:300,muzzy_decay_ms:0";
}

namespace holdfast {

int run(int argc, const char* const* argv, const std::vector<const holdfast_module_descriptor*>& modules) {
  return cli::run(argc, argv,
                  {.version = app::kVersion,
                   .up = [&modules](const cli::UpOptions& options) { return app::up(options, modules); },
                   .check = [&modules](const cli::CheckOptions& options) { return app::check(options, modules); },
                   .check_data = app::check_data,
                   .repair = app::repair,
                   .daprd = app::daprd});
}

}  // namespace holdfast
