// bench_fsync DIRECTORY [--seconds 1] [--bytes 4096]: how often the disk below a directory can make an append durable, one after another: the
// limit of durable epochs. Once into a file that has its length (and its blocks, written) beforehand, once into one that grows.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "bench/arguments.h"
#include "bench/histogram.h"

using namespace holdfast::bench;

namespace {

constexpr std::size_t kFileBytes = 64 * 1024 * 1024;

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

void demand(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "bench_fsync: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

enum class File { Preallocated, Growing };

Histogram measure(const std::string& path, File kind, double seconds, const std::string& block) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  demand(fd >= 0, path.c_str());
  ::unlink(path.c_str());
  if (kind == File::Preallocated) {
    const std::string zeros(1024 * 1024, '\0');
    for (std::size_t at = 0; at < kFileBytes; at += zeros.size())
      demand(::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(zeros.size()), "write");
    demand(::fsync(fd) == 0, "fsync");
  }
  Histogram latency;
  const std::uint64_t stop = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::size_t at = 0;
  for (std::uint64_t before = now_ns(); before < stop;) {
    demand(::pwrite(fd, block.data(), block.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(block.size()), "write");
    demand(::fdatasync(fd) == 0, "fdatasync");
    at += block.size();
    if (kind == File::Preallocated && at + block.size() > kFileBytes) at = 0;
    const std::uint64_t after = now_ns();
    latency.add(after - before);
    before = after;
  }
  ::close(fd);
  return latency;
}

void print(const char* name, const Histogram& h, const char* end) {
  std::printf("\"%s\":{\"rate\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}%s", name, h.mean() > 0 ? 1e9 / h.mean() : 0,
              static_cast<double>(h.quantile(0.5)) / 1e3, static_cast<double>(h.quantile(0.99)) / 1e3,
              static_cast<double>(h.max()) / 1e3, end);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"seconds", "bytes"});
  if (arguments.words().size() != 1) usage("bench_fsync DIRECTORY [--seconds 1] [--bytes 4096]");
  const auto seconds = arguments.number<double>("seconds", 1, 0.01, 600);
  const std::string block(arguments.number<std::size_t>("bytes", 4096, 1, kFileBytes), 'x');
  const std::string path = arguments.words().front() + "/bench_fsync." + std::to_string(::getpid());
  std::printf("{\"bytes\":%zu,", block.size());
  print("preallocated", measure(path, File::Preallocated, seconds, block), ",");
  print("growing", measure(path, File::Growing, seconds, block), "}\n");
}
