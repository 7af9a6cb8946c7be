#include "app/up.h"

#include <unistd.h>

#include <iostream>
#include <span>

#include "app/check.h"
#include "app/edges.h"
#include "app/listeners.h"
#include "app/process.h"
#include "app/stop_signals.h"
#include "base/log.h"

namespace holdfast::app {
namespace {

constexpr const char* kNothingToRun = R"(up: no configuration files are given, so there is nothing to run.

  holdfast up module.yaml --data ./data

A file says where your functions are. The smallest one:

  kind: io.statefun.endpoints.v2/http
  spec:
    functions: example/*
    urlPathTemplate: http://127.0.0.1:8000/statefun

A module.yaml of StateFun works as it is. `holdfast check FILES` says what is wrong with one, `holdfast up --help` lists
the options.
)";

constexpr const char* kNoData = R"(up: --data DIR is missing: the directory that keeps states and messages (it is made if it is not there).

  holdfast up module.yaml --data ./data

To try something out, --data memory keeps nothing.
)";

Result<void> override_settings(model::Settings& settings, const cli::UpOptions& options) {
  if (!options.gateway.empty()) {
    if (auto ok = set_host_port(settings.gateway, options.gateway, "--gateway"); !ok) return ok;
  }
  if (!options.admin.empty()) {
    if (auto ok = set_host_port(settings.admin, options.admin, "--admin"); !ok) return ok;
  }
  if (options.shards) settings.shards = *options.shards;
  if (settings.shards == 0) settings.shards = default_shards();
  const OpenToAll open_to_all = options.insecure ? OpenToAll::Allowed : OpenToAll::Refused;
  if (auto ok = check_exposure(settings.gateway, "gateway", open_to_all); !ok) return ok;
  return check_exposure(settings.admin, "admin", open_to_all);
}

}  // namespace

int up(const cli::UpOptions& options, native::LinkedModules linked) {
  auto signals = StopSignals::create();
  if (!signals) return failed(signals.error(), cli::kExitFailed);
  if (options.files.empty()) return failed({ErrorCode::Invalid, kNothingToRun}, cli::kExitUsage);
  if (options.data.empty()) return failed({ErrorCode::Invalid, kNoData}, cli::kExitUsage);
  auto loaded = config::load(std::span<const std::string>(options.files), config::process_environment());
  report(loaded.problems, loaded.more_problems);
  if (!loaded.ok()) return cli::kExitUsage;
  config::Configuration& configuration = loaded.configuration;
  const auto warnings = check_edges(configuration);
  if (!warnings) return failed(warnings.error(), cli::kExitUsage);
  for (const auto& warning : *warnings) std::cerr << "warning: " << warning << "\n";
  if (auto ok = override_settings(configuration.settings, options); !ok) return failed(ok.error(), cli::kExitUsage);

  const bool text = options.log_format.empty() ? ::isatty(STDERR_FILENO) != 0 : options.log_format == "text";
  init_log(log_level(options.log_level), text ? LogFormat::Text : LogFormat::Json);
  return run_process(configuration, {.data = options.data, .ports_file = options.ports_file, .grace = options.grace}, linked, *signals);
}

}  // namespace holdfast::app
