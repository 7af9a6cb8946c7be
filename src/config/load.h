// Loads configuration: files of YAML documents, each with a `kind` and a `spec`, become plain values of
// model/. All problems of all files are reported together, in the order of the files and of the lines in
// them. What the keys mean is docs/configuration.md. What is not here: acting on any of it, reading secrets
// (only their files' existence is checked), and talking to the endpoints.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "model/dapr_app.h"
#include "model/edges.h"
#include "model/endpoint.h"
#include "model/settings.h"

namespace holdfast::config {

// Bounds on what is read. Beyond one of them the file is refused with the bound's name in words.
inline constexpr std::size_t kFileBytesMax = 1u << 20;  // Each file.
inline constexpr std::size_t kFilesMax = 1000;
inline constexpr std::size_t kDocumentsMax = 10'000;     // Each file.
inline constexpr std::size_t kNestingMax = 32;           // Lists and maps in one another.
inline constexpr std::size_t kNodesMax = 200'000;        // Values in each file, aliases not expanded.
inline constexpr std::size_t kAliasedNodesMax = 10'000;  // Values that aliases (*name) stand for, each file.
inline constexpr std::size_t kEndpointsMax = 10'000;     // Over all files.
inline constexpr std::size_t kEgressesMax = 10'000;      // Over all files, each kind.
inline constexpr std::size_t kIngressesMax = 10'000;     // Over all files, each kind.
inline constexpr std::size_t kDaprAppsMax = 1'000;       // Over all files.
inline constexpr std::size_t kTopicsMax = 10'000;        // Each ingress and egress.
inline constexpr std::size_t kPairsMax = 1'000;          // Properties of each client.
inline constexpr std::size_t kExpandedBytesMax = 64u << 10;  // A value after its ${…} are replaced.
inline constexpr std::size_t kProblemsMax = 200;             // Reported; the rest is counted.

// The value of an environment variable, or none. Must be callable as often as there are ${…} in the files.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// The environment of this process.
[[nodiscard]] Environment process_environment();

// No more than kProblemsMax of them, errors first if some must go; how many went.
std::size_t bound(std::vector<Problem>& problems);
[[nodiscard]] bool has_errors(const std::vector<Problem>& problems);

// Everything the documents of all files say. Endpoints and egresses are in the order they were written.
struct Configuration {
  std::vector<model::EndpointSpec> endpoints;
  std::vector<model::PlaygroundIngressSpec> playground_ingresses;
  std::vector<model::PlaygroundEgressSpec> playground_egresses;
  std::vector<model::StreamEgressSpec> streams;
  std::vector<model::KafkaIngressSpec> kafka_ingresses;
  std::vector<model::KafkaEgressSpec> kafka_egresses;
  std::vector<model::NatsIngressSpec> nats_ingresses;
  std::vector<model::NatsEgressSpec> nats_egresses;
  std::vector<model::KinesisSpec> kinesis;
  std::vector<model::DaprAppSpec> dapr_apps;
  model::Settings settings;
};

struct LoadResult {
  Configuration configuration;    // To be used only if ok().
  std::vector<Problem> problems;  // Errors and warnings, at most kProblemsMax.
  std::size_t more_problems = 0;  // That were left out beyond it.

  [[nodiscard]] bool ok() const;  // No errors.
};

// A file already in memory. Relative paths in it are looked up from `folder` (empty: the current directory).
struct Source {
  std::string name;  // As it is to be shown.
  std::string text;
  std::string folder;
};

// Never throws; a file that cannot be read is a problem like any other.
[[nodiscard]] LoadResult load(std::span<const std::string> files, const Environment& environment);
[[nodiscard]] LoadResult load(std::span<const Source> sources, const Environment& environment);

}  // namespace holdfast::config
