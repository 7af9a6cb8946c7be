// Modules: all that is loaded into this process: one instance for each file that endpoints name, one for what is linked in.
//
// A reload loads a file again, checks it against the endpoints that name it, makes an instance, and has the targets of every shard turn to it, each
// on its loop. Calls under way are answered in the old instance; it is told to stop when every target has turned, and destroyed when its
// last call has been answered. If anything is wrong with the new file nothing happens but that.
#pragma once

#include <holdfast/module_abi.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/endpoint.h"
#include "native/target.h"
#include "ports/function_target.h"
#include "ports/modules.h"

namespace holdfast::native {

using LinkedModules = std::span<const holdfast_module_descriptor* const>;

// Loads the modules of these endpoints without starting anything: what is wrong, one message each, in the order of the endpoints.
[[nodiscard]] std::vector<std::string> check_modules(std::span<const model::EndpointSpec> endpoints, LinkedModules linked);

class Modules final : public ports::Modules {
 public:
  // The first thing that is wrong, as check_modules() says it, or that a module could not start. `version` is told to modules.
  [[nodiscard]] static Result<std::unique_ptr<Modules>> open(std::span<const model::EndpointSpec> endpoints, LinkedModules linked,
                                                             const std::string& version);
  // After the targets, before their loops.
  ~Modules() override;

  // A target for the shard on `loop`; `spec` is one of the endpoints. Before the first reload.
  [[nodiscard]] std::unique_ptr<ports::FunctionTarget> make_target(const model::EndpointSpec& spec, Loop& loop);
  // Whether anything can be reloaded.
  [[nodiscard]] bool has_files() const;

  void list(Done done) override;
  void reload(Done done) override;
  void collect(MetricsSink& sink) const override;

 private:
  struct Module;
  class Turning;
  class TargetHandle;

  Modules() = default;
  void reload_here(const Done& done);
  [[nodiscard]] std::vector<ports::ModuleInfo> infos() const;

  std::string version_;
  std::shared_ptr<Keeper> keeper_ = std::make_shared<Keeper>();
  std::vector<std::unique_ptr<Module>> modules_;
  std::map<std::string, std::shared_ptr<EndpointParts>> endpoints_;  // By functions, which are unique.
  std::atomic<std::uint64_t> reloads_{0};
  std::atomic<std::uint64_t> refused_reloads_{0};
};

}  // namespace holdfast::native
