#include "app/daprd.h"

#include <unistd.h>

#include <filesystem>

#include "app/process.h"
#include "app/stop_signals.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "config/load.h"

namespace holdfast::app {
namespace {

// The admin API takes the place of daprd's port of metrics: it has them at /metrics, as that has. Off loopback there is nothing else.
model::Listener admin_of(const model::DaprAppSpec& app) {
  model::Listener admin;
  if (!app.metrics_listen_address.empty()) admin.host = app.metrics_listen_address;
  admin.port = app.metrics_port.value_or(model::DaprAppSpec::kMetricsPort);
  return admin;
}

Result<void> make_folder(const std::string& data) {
  const std::filesystem::path parent = std::filesystem::path(data).parent_path();
  if (data == kMemory || parent.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error && !std::filesystem::exists(parent))
    return fail(ErrorCode::Io, "--data: cannot make the folder of " + data + ": " + error.message());
  return {};
}

}  // namespace

int daprd(const cli::DaprdOptions& options) {
  auto signals = StopSignals::create();
  if (!signals) return failed(signals.error(), cli::kExitFailed);
  const bool text = !options.log_as_json && ::isatty(STDERR_FILENO) != 0;
  init_log(log_level(options.log_level), text ? LogFormat::Text : LogFormat::Json);
  for (const auto& note : options.notes) log_warn(note);
  if (auto ok = make_folder(options.data); !ok) return failed(ok.error(), cli::kExitFailed);

  config::Configuration configuration;
  configuration.settings.shards = default_shards();
  configuration.settings.admin = admin_of(options.app);
  configuration.dapr_apps.push_back(options.app);
  return run_process(configuration,
                     {.data = options.data,
                      .ports_file = options.ports_file,
                      .grace = options.app.graceful_shutdown,
                      .gateway = false,
                      .admin = options.app.metrics},
                     {}, *signals);
}

}  // namespace holdfast::app
