// Edges: the ingresses and egresses that reach outside, made from the configuration: which kinds there are is this one list.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/worker_loop.h"
#include "config/load.h"
#include "ports/edges.h"
#include "runtime/options.h"
#include "runtime/runtime.h"

namespace holdfast::app {

// Each has a thread of its own, for calls that block.
struct Edges {
  std::vector<std::unique_ptr<WorkerLoop>> loops;
  std::vector<std::unique_ptr<ports::Ingress>> ingresses;
  std::vector<std::unique_ptr<ports::Egress>> egresses;
};

// What can be said without asking anybody outside; answers warnings. Documents that are understood but not supported are errors here.
[[nodiscard]] Result<std::vector<std::string>> check_edges(const config::Configuration& configuration);

// The outboxes that the runtime has to know of.
[[nodiscard]] std::vector<runtime::Options::Outbox> outboxes(const config::Configuration& configuration);

// Nothing runs yet. `directory_id`: what Holdfast is known by outside.
[[nodiscard]] Result<Edges> make_edges(const config::Configuration& configuration, const std::string& directory_id, runtime::Runtime& runtime);

}  // namespace holdfast::app
