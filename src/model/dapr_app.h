// DaprAppSpec: one application and its sidecar: the meaning of daprd's flags (cli/), and of a holdfast.dapr.v1/app document (config/).
// Defaults are daprd's, but for ports: those are asked for, as many applications may share one process. Secrets are not here: only where
// they are to be found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

enum class DaprAppProtocol : std::uint8_t { Http, Https, H2c, Grpc, Grpcs };

[[nodiscard]] inline std::string_view show(DaprAppProtocol protocol) {
  constexpr std::string_view kNames[] = {"http", "https", "h2c", "grpc", "grpcs"};
  return kNames[static_cast<std::size_t>(protocol)];
}

// Where a token is: in an environment variable that may be unset (then there is none), or a file's content without surrounding white space.
struct DaprToken {
  std::string env;
  std::string file;  // Not empty: it counts, and must be there.
};

struct DaprAppSpec {
  static constexpr std::uint16_t kHttpPort = 3500, kGrpcPort = 50001, kMetricsPort = 9090;  // daprd's.
  // What daprd takes without a bound has ours.
  static constexpr std::uint64_t kBodyBytesLimit = 1ull << 30, kHeaderBytesLimit = 1ull << 20;

  std::string app_id;      // Not empty, without dots.
  std::string name_space;  // Of NAMESPACE; empty: none.
  std::string runtime_version;  // What metadata says; empty: our own.

  // The application.
  std::uint16_t app_port = 0;  // 0: it does not listen; nothing is called.
  DaprAppProtocol app_protocol = DaprAppProtocol::Http;
  std::string app_channel_address = "127.0.0.1";
  std::uint32_t app_max_concurrency = 0;  // Requests under way at once; 0: no bound.
  struct Health {
    bool enabled = false;
    std::string path = "/healthz";  // HTTP only.
    Duration interval{5'000};
    Duration timeout{500};  // Not longer than the interval.
    std::uint32_t threshold = 3;
  } health;

  // Where the sidecar listens. No port: not at all. Port 0: any that is free.
  std::vector<std::string> listen_addresses;  // Of HTTP and gRPC; none: not said.
  std::optional<std::uint16_t> http_port, grpc_port, public_port, internal_grpc_port;
  std::string public_listen_address, internal_grpc_listen_address;  // Empty: not said.
  std::string unix_socket_folder;  // Not empty: dapr-<app id>-{http,grpc}.socket in it instead of HTTP and gRPC ports.
  bool metrics = true;
  std::optional<std::uint16_t> metrics_port;
  std::string metrics_listen_address;  // Empty: not said.
  std::string allowed_origins = "*";   // CORS.

  std::vector<std::string> resource_folders;
  std::vector<std::string> configuration_files;

  std::uint64_t body_bytes_max = 4ull << 20;         // Of a request to the sidecar, HTTP and gRPC.
  std::uint64_t header_bytes_max = 4ull << 10;       // Of an HTTP request to the sidecar.
  Duration graceful_shutdown{5'000};
  std::optional<Duration> block_shutdown;            // None: not blocked.
  std::optional<bool> api_logging;                   // None: as the Configuration says.
  DaprToken api_token{.env = "DAPR_API_TOKEN"};      // Asked of whoever calls the sidecar.
  DaprToken app_api_token{.env = "APP_API_TOKEN"};   // Shown to the application.
};

}  // namespace holdfast::model
