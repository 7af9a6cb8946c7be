#include "cli/daprd_command.h"

#include <cstdlib>
#include <iostream>
#include <thread>

#include "base/time.h"
#include "cli/remote.h"

namespace holdfast::cli {
namespace {

constexpr Duration kWaitMax{60'000};  // daprd's.
constexpr Duration kPause{100};

// "1.2.3" of "holdfast 1.2.3".
std::string number_of(const std::string& version) { return version.substr(version.rfind(' ') + 1); }

int wait_until_ready(std::uint16_t port) {
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  const Remote remote({.url = url, .option = "--dapr-http-port"});
  std::cerr << "Waiting for Dapr to be outbound ready (timeout: 60 seconds): url=" << url << "/v1.0/healthz/outbound\n";
  const SystemClock clock;
  const Moment until = clock.steady() + kWaitMax;
  while (clock.steady() < until) {
    const auto answer = remote.ask("GET", "/v1.0/healthz/outbound", {}, {}, {1'000});
    if (answer && answer->status >= 200 && answer->status < 300) {
      std::cerr << "Dapr is outbound ready!\n";
      return kExitDone;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kPause.ms));
  }
  std::cerr << "timeout waiting for Dapr to become outbound ready\n";
  return kExitFailed;
}

}  // namespace

bool is_daprd(const std::string& program) {
  const auto slash = program.rfind('/');
  return (slash == std::string::npos ? program : program.substr(slash + 1)) == "daprd";
}

int run_daprd(std::span<const std::string> arguments, const LocalCommands& local) {
  const auto parsed = parse_daprd_flags(arguments, [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  });
  if (!parsed) {
    std::cerr << parsed.error().message << "\n(daprd --help lists all flags)\n";
    return kExitUsage;
  }
  switch (parsed->task) {
    using Task = DaprdArguments::Task;
    case Task::Help:
      std::cout << daprd_usage();
      return kExitDone;
    case Task::Version:
      std::cout << number_of(local.version) << "\n";
      return kExitDone;
    case Task::BuildInfo:
      std::cout << "Version: " << number_of(local.version) << "\nRuntime: Holdfast\n";
      return kExitDone;
    case Task::Wait:
      return wait_until_ready(*parsed->options.app.http_port);
    case Task::Run:
      break;
  }
  return local.daprd(parsed->options);
}

}  // namespace holdfast::cli
