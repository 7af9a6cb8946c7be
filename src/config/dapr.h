// Loads Dapr's documents: folders of resources (--resources-path), Configuration files (--config), run templates (dapr.yaml). All of Dapr's
// laxity, with a word about everything that has no effect: what daprd passes over (an unknown key, a kind of others, a document that cannot be
// read) is a warning, what ends daprd is an error. What is not here: looking up secrets and variables of components (dapr/secrets.h), and
// whether there is such a component at all.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/load.h"
#include "model/dapr.h"
#include "model/dapr_configuration.h"
#include "model/dapr_resiliency.h"
#include "model/dapr_run.h"

namespace holdfast::config {

// Bounds beside those of load.h, which hold for each file.
inline constexpr std::size_t kDaprFoldersMax = 100;
inline constexpr std::size_t kDaprResourcesMax = 10'000;  // Components and HTTP endpoints, over all folders, each.
inline constexpr std::size_t kDaprPoliciesMax = 10'000;   // Of all Resiliency, each sort of policies and targets.

template <typename T>
struct Loaded {
  T value;                        // To be used only if ok().
  std::vector<Problem> problems;  // Errors and warnings, at most kProblemsMax.
  std::size_t more_problems = 0;  // That were left out beyond it.

  [[nodiscard]] bool ok() const { return !has_errors(problems); }
};

// In the order of folders, of file names, and of documents. Names of each kind are unique.
struct DaprResources {
  std::vector<model::DaprComponent> components;
  std::vector<model::DaprHttpEndpoint> http_endpoints;
  model::DaprResiliency resiliency;
};

// Every *.yaml and *.yml of each folder, not of folders in it; only what is for `scope`. Never throws.
[[nodiscard]] Loaded<DaprResources> load_dapr_resources(std::span<const std::string> folders, const model::DaprScope& scope);
// Of files already in memory.
[[nodiscard]] Loaded<DaprResources> load_dapr_resources(std::span<const Source> sources, const model::DaprScope& scope);

// Later files on top of earlier ones: a key that is written again counts, lists are replaced. $NAME and ${NAME} anywhere are the environment
// variable's value, nothing if it is not set; so are OTEL_EXPORTER_OTLP_* where no file names an endpoint.
[[nodiscard]] Loaded<model::DaprConfiguration> load_dapr_configuration(std::span<const std::string> files, const Environment& environment);
[[nodiscard]] Loaded<model::DaprConfiguration> load_dapr_configuration(std::span<const Source> sources, const Environment& environment);

// A multi-app run template: the file, or a folder with a dapr.yaml in it. HOME is what ~ stands for, and where `dapr init` has put the resources
// of those who say none.
[[nodiscard]] Loaded<model::DaprRun> load_dapr_run(const std::string& path, const Environment& environment);
[[nodiscard]] Loaded<model::DaprRun> load_dapr_run(const Source& source, const Environment& environment);

}  // namespace holdfast::config
