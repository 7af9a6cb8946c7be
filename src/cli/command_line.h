// The command line: what `holdfast` can be told, and the commands that only talk to a running Holdfast. Those that run here
// (up, daprd, check, check-data, repair) are parsed here and carried out by app/, which has the parts.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/daprd_flags.h"

namespace holdfast::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

enum class Output { People, Json };

struct UpOptions {
  std::vector<std::string> files;
  std::string data;
  std::string gateway;  // HOST:PORT; empty: as configured.
  std::string admin;
  std::optional<std::uint16_t> shards;
  std::string log_format;  // "text", "json"; empty: text on a terminal, JSON otherwise.
  std::string log_level = "info";
  bool insecure = false;
  std::string ports_file;
  Duration grace{10'000};
};

struct CheckOptions {
  std::vector<std::string> files;
  Output output = Output::People;
};

struct CheckDataOptions {
  std::string directory;
  Output output = Output::People;
};

// One of the two.
struct RepairOptions {
  std::string directory;
  std::string drop_stream;  // Name of a stream.
  std::string drop_mail;    // Address whose waiting messages are given up.
  bool yes = false;
};

struct LocalCommands {
  std::string version;  // "holdfast 0.1.0"
  std::function<int(const UpOptions&)> up;
  std::function<int(const CheckOptions&)> check;
  std::function<int(const CheckDataOptions&)> check_data;
  std::function<int(const RepairOptions&)> repair;
  std::function<int(const DaprdOptions&)> daprd;
};

// Parses and carries out; the exit code. A program that is called by the name daprd has daprd's command line.
[[nodiscard]] int run(int argc, const char* const* argv, const LocalCommands& local);

// "30s", "500ms", "2m", "1h"; none if it is not that.
[[nodiscard]] std::optional<Duration> parse_duration(const std::string& text);

}  // namespace holdfast::cli
