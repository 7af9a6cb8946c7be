#include "telemetry/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace holdfast::telemetry {
namespace {

// The fields of /proc/self/stat after the name, which is in parentheses and may hold anything.
std::vector<std::string> stat_fields() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  if (!std::getline(in, line)) return {};
  const auto end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

// Seconds since the Unix epoch at which the machine was started.
std::optional<double> boot_time() {
  std::ifstream in("/proc/stat");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> open_files() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(dir)) count += entry->d_name[0] != '.';
  ::closedir(dir);
  return count - 1;  // Without the one this took.
}

}  // namespace

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(in >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void add_process_metrics(PrometheusText& text) {
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  // Counted from the third field of stat(5), "state".
  constexpr std::size_t kUserTime = 11, kSystemTime = 12, kThreads = 17, kStartTime = 19, kVirtual = 20;
  const auto fields = stat_fields();
  if (fields.size() > kVirtual) {
    const auto field = [&](std::size_t i) { return std::strtod(fields[i].c_str(), nullptr); };
    text.counter_fraction("process_cpu_seconds_total", "Processor time used, user and system.", {},
                          (field(kUserTime) + field(kSystemTime)) / ticks);
    text.gauge("process_threads", "Threads of the process.", {}, field(kThreads));
    text.gauge("process_virtual_memory_bytes", "Address space in use.", {}, field(kVirtual));
    if (const auto boot = boot_time()) {
      text.gauge("process_start_time_seconds", "When the process was started, in seconds since the Unix epoch.", {},
                 *boot + field(kStartTime) / ticks);
    }
  }
  if (const auto resident = resident_bytes(); resident != 0) {
    text.gauge("process_resident_memory_bytes", "Memory in use that is not swapped out.", {}, static_cast<double>(resident));
  }
  if (const auto files = open_files()) {
    text.gauge("process_open_fds", "Open files and sockets.", {}, static_cast<double>(*files));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    text.gauge("process_max_fds", "How many files and sockets may be open.", {}, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace holdfast::telemetry
