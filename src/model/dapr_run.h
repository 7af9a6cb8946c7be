// DaprRun: a multi-app run template (dapr.yaml, `dapr run -f`): applications that start together, each with its sidecar. Dapr's CLI 1.14 to 1.18.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/dapr_app.h"

namespace holdfast::model {

enum class DaprLogTo : std::uint8_t { Console, File, FileAndConsole };

struct DaprRunApp {
  DaprAppSpec sidecar;  // Port 0: any that is free, which the application learns from DAPR_HTTP_PORT and DAPR_GRPC_PORT.
  std::string folder;   // Where its command runs; absolute, and there.
  std::vector<std::string> command;  // Empty: a sidecar alone.
  std::map<std::string, std::string> env;  // On top of the environment there is.
  DaprLogTo app_log = DaprLogTo::FileAndConsole;
  DaprLogTo daprd_log = DaprLogTo::File;
  std::string log_level = "info";  // Of the sidecar.
};

struct DaprRun {
  std::string name;
  std::vector<DaprRunApp> apps;  // App ids are unique.
};

}  // namespace holdfast::model
