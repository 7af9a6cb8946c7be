// daprd's command line: every flag of daprd 1.14 to 1.18, as Go's pflag takes them, and a few of ours. One dash or two; --flag VALUE or
// --flag=VALUE; a flag that is true or false takes a value only behind =. What is wrong is said in pflag's words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/dapr_app.h"

namespace holdfast::cli {

struct DaprdOptions {
  model::DaprAppSpec app;  // Ports are daprd's where no flag says otherwise.
  std::string data;        // A directory, or "memory".
  std::string log_level = "info";  // debug, info, warn, error or fatal.
  bool log_as_json = false;
  std::string ports_file;  // Empty: none.
  std::vector<std::string> notes;  // What to say in the log, a line each: flags that mean nothing here, or have another name now.
};

struct DaprdArguments {
  enum class Task : std::uint8_t { Run, Help, Version, BuildInfo, Wait };
  Task task = Task::Run;
  DaprdOptions options;  // Wait: only app.http_port. Run: all.
};

// The value of an environment variable, or none.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

// `arguments` without the program's name. Invalid: what is wrong, in one line.
[[nodiscard]] Result<DaprdArguments> parse_daprd_flags(std::span<const std::string> arguments, const EnvironmentLookup& environment);

// All flags, a line each, as pflag's help.
[[nodiscard]] std::string daprd_usage();

struct DaprdFlagHelp {
  std::string name;  // Without dashes.
  std::string help;
};
[[nodiscard]] std::vector<DaprdFlagHelp> daprd_flag_helps();

}  // namespace holdfast::cli
