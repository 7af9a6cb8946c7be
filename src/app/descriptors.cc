#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace holdfast::app {
namespace {

// More would serve nobody, and there are systems whose hard limit is the greatest number there is.
constexpr rlim_t kLimitWanted = 1u << 20;

constexpr std::size_t kOwn = 48;           // Log, listeners, standard streams, signals, what is opened for a moment.
constexpr std::size_t kEachShard = 6;      // Its loop.
constexpr std::size_t kEachEdge = 24;      // A client of a broker: its sockets and pipes.
constexpr std::size_t kViewFilesMin = 20;  // RocksDB takes no less.
constexpr std::size_t kViewFilesMax = 512;
constexpr std::size_t kViewMore = 24;      // What it opens beside: files that are being written, merged, or listed.
constexpr std::size_t kAdminMin = 4, kAdminMax = 256;
constexpr std::size_t kConnectionsMin = 8;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t wanted = std::min(limit.rlim_max, kLimitWanted);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = wanted;
  }
  return static_cast<std::size_t>(std::min(limit.rlim_cur, kLimitWanted));
}

Result<DescriptorShares> share_descriptors(std::size_t limit, std::uint16_t shards, std::size_t edges) {
  const std::size_t own = kOwn + kEachShard * shards + kEachEdge * edges;
  const std::size_t least = own + kViewFilesMin + kViewMore + kAdminMin + 2 * kConnectionsMin;
  if (limit < least)
    return fail(ErrorCode::Invalid, "the process may have " + std::to_string(limit) + " files and sockets open (ulimit -n, LimitNOFILE), but " +
                                        std::to_string(least) + " are needed for " + std::to_string(shards) + " shards and " +
                                        std::to_string(edges) + " ingresses and egresses");
  DescriptorShares out;
  std::size_t left = limit - own;
  out.view_files = std::clamp(left / 4, kViewFilesMin, kViewFilesMax);
  left -= out.view_files + kViewMore;
  out.admin_connections = std::clamp(left / 16, kAdminMin, kAdminMax);
  left -= out.admin_connections;
  out.function_connections = left / 2;
  out.gateway_connections = left - out.function_connections;
  return out;
}

}  // namespace holdfast::app
