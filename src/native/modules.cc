#include "native/modules.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace holdfast::native {
namespace {

constexpr const char* kLinked = "linked";
constexpr Duration kCloseMax{2'000};  // For instances to answer what they have, at the end.

std::string short_name(const std::string& path) { return path.empty() ? kLinked : path.substr(path.rfind('/') + 1); }

struct Opened {
  std::vector<std::shared_ptr<Library>> libraries;
  FunctionTable functions;
};

Result<Opened> open_libraries(const std::string& path, LinkedModules linked) {
  Opened out;
  if (!path.empty()) {
    auto library = Library::open(path);
    if (!library) return fail(library.error());
    out.libraries.push_back(*std::move(library));
  } else {
    if (linked.empty()) return fail(ErrorCode::Invalid, "no functions are linked into this program: name a file, as module: functions.so");
    for (const auto* descriptor : linked) {
      auto library = Library::linked(descriptor, "a module that is linked into this program");
      if (!library) return fail(library.error());
      out.libraries.push_back(*std::move(library));
    }
  }
  auto functions = FunctionTable::create(out.libraries);
  if (!functions) return fail(functions.error());
  out.functions = *std::move(functions);
  return out;
}

// Whether the module has what the endpoint promises.
Result<void> check_functions(const model::EndpointSpec& spec, const FunctionTable& functions) {
  const auto& all = functions.all();
  if (std::ranges::any_of(all, [&](const auto& function) { return spec.matches(function->type); })) return {};
  const std::string name = spec.native->module.empty() ? "what is linked into this program" : spec.native->module;
  return fail(ErrorCode::Invalid, name + " has no function " + spec.functions + "; it has " + functions.names());
}

std::string message_of(const model::EndpointSpec& spec, const Error& error) {
  return spec.native->place + (spec.native->place.empty() ? "" : ": ") + error.message;
}

}  // namespace

std::vector<std::string> check_modules(std::span<const model::EndpointSpec> endpoints, LinkedModules linked) {
  std::vector<std::string> problems;
  std::map<std::string, Result<Opened>> opened;
  for (const auto& spec : endpoints) {
    if (!spec.native) continue;
    const std::string& path = spec.native->module;
    auto at = opened.find(path);
    if (at == opened.end()) {
      at = opened.emplace(path, open_libraries(path, linked)).first;
      if (!at->second) problems.push_back(message_of(spec, at->second.error()));  // Once, not for each endpoint.
    }
    if (!at->second) continue;
    if (const auto ok = check_functions(spec, at->second->functions); !ok) problems.push_back(message_of(spec, ok.error()));
  }
  return problems;
}

// One file, or what is linked in.
struct Modules::Module {
  std::string path;  // Empty: linked.
  std::vector<model::EndpointSpec> endpoints;
  std::mutex mutex;
  Instance::Created current;  // This and the rest: under the mutex.
  Instant loaded_at;
  struct Target {
    std::weak_ptr<TargetHandle*> handle;  // Looked at on its loop only, where it cannot go away meanwhile.
    Loop* loop;
  };
  std::vector<Target> targets;
};

// The target as the runtime has it: known to its module as long as it lives.
class Modules::TargetHandle final : public ports::FunctionTarget {
 public:
  TargetHandle(const model::EndpointSpec& spec, Loop& loop, const Instance::Created& instance, std::shared_ptr<EndpointParts> parts)
      : self_(std::make_shared<TargetHandle*>(this)), target_(spec, loop, instance, std::move(parts)) {}

  void invoke(const ports::Invocation& invocation, Done done) override { target_.invoke(invocation, std::move(done)); }
  void replace(const Instance::Created& instance) { target_.replace(instance); }
  [[nodiscard]] std::weak_ptr<TargetHandle*> self() const { return self_; }

 private:
  std::shared_ptr<TargetHandle*> self_;  // Held weakly by tasks that may come too late.
  NativeTarget target_;
};

Result<std::unique_ptr<Modules>> Modules::open(std::span<const model::EndpointSpec> endpoints, LinkedModules linked,
                                               const std::string& version) {
  std::unique_ptr<Modules> modules(new Modules);
  modules->version_ = version;
  for (const auto& spec : endpoints) {
    if (!spec.native) continue;
    auto at = std::ranges::find(modules->modules_, spec.native->module, [](const auto& m) { return m->path; });
    if (at == modules->modules_.end()) {
      modules->modules_.push_back(std::make_unique<Module>());
      at = std::prev(modules->modules_.end());
      (*at)->path = spec.native->module;
    }
    (*at)->endpoints.push_back(spec);
    modules->endpoints_.emplace(spec.functions, std::make_shared<EndpointParts>(spec.native->threads));
  }
  for (const auto& module : modules->modules_) {
    auto opened = open_libraries(module->path, linked);
    if (!opened) return fail(opened.error().code, message_of(module->endpoints.front(), opened.error()));
    for (const auto& spec : module->endpoints)
      if (const auto ok = check_functions(spec, opened->functions); !ok) return fail(ok.error().code, message_of(spec, ok.error()));
    auto created = Instance::create(short_name(module->path), version, std::move(opened->libraries), std::move(opened->functions), modules->keeper_);
    if (!created) return fail(created.error().code, message_of(module->endpoints.front(), created.error()));
    module->current = *std::move(created);
    module->loaded_at = SystemClock().now();
  }
  return modules;
}

Modules::~Modules() {
  for (const auto& module : modules_) {
    std::unique_lock lock(module->mutex);
    module->current = {};
  }
  keeper_->close(kCloseMax);
}

std::unique_ptr<ports::FunctionTarget> Modules::make_target(const model::EndpointSpec& spec, Loop& loop) {
  const auto at = std::ranges::find(modules_, spec.native->module, [](const auto& m) { return m->path; });
  HOLDFAST_CHECK(at != modules_.end());
  Module& module = **at;
  std::unique_lock lock(module.mutex);
  auto target = std::make_unique<TargetHandle>(spec, loop, module.current, endpoints_.at(spec.functions));
  module.targets.push_back({target->self(), &loop});
  return target;
}

bool Modules::has_files() const {
  return std::ranges::any_of(modules_, [](const auto& module) { return !module->path.empty(); });
}

std::vector<ports::ModuleInfo> Modules::infos() const {
  std::vector<ports::ModuleInfo> out;
  for (const auto& module : modules_) {
    std::unique_lock lock(module->mutex);
    ports::ModuleInfo info;
    info.module = module->path.empty() ? kLinked : module->path;
    info.loaded_at = module->loaded_at;
    if (module->current.instance) {
      const auto& descriptor = module->current.instance->libraries().front()->descriptor();
      info.abi = abi_version(descriptor);
      info.sdk = descriptor.sdk == nullptr ? "" : descriptor.sdk;
      info.build = descriptor.build == nullptr ? "" : descriptor.build;
      for (const auto& function : module->current.instance->functions().all()) info.functions.push_back(function->type);
    }
    out.push_back(std::move(info));
  }
  return out;
}

void Modules::list(Done done) {
  if (!keeper_->post([this, done] { done(infos()); })) done({});
}

void Modules::reload(Done done) {
  if (!keeper_->post([this, done] { reload_here(done); })) done({});
}

// What a reload has come to; answers when the last target has turned to its new instance.
class Modules::Turning {
 public:
  Turning(std::vector<ports::ModuleInfo> infos, Done done) : infos_(std::move(infos)), done_(std::move(done)) {}
  ~Turning() { done_(std::move(infos_)); }
  Turning(const Turning&) = delete;
  Turning& operator=(const Turning&) = delete;

 private:
  std::vector<ports::ModuleInfo> infos_;
  Done done_;
};

void Modules::reload_here(const Done& done) {
  struct Replaced {
    Module* module;
    Instance::Created instance;
  };
  std::vector<Replaced> replaced;
  std::map<const Module*, std::string> refused;
  for (const auto& module : modules_) {
    if (module->path.empty()) continue;
    const auto created = [&]() -> Result<Instance::Created> {
      auto opened = open_libraries(module->path, {});
      if (!opened) return fail(opened.error());
      for (const auto& spec : module->endpoints)
        if (const auto ok = check_functions(spec, opened->functions); !ok) return fail(ok.error());
      // Messages for it may be waiting.
      for (const auto& function : module->current.instance->functions().all())
        if (opened->functions.find(function->type) == nullptr)
          return fail(ErrorCode::Conflict, short_name(module->path) + " has no function " + function->type +
                                               " any more: a restart takes it without, a reload does not");
      return Instance::create(short_name(module->path), version_, std::move(opened->libraries), std::move(opened->functions), keeper_);
    }();
    if (!created) {
      refused_reloads_.fetch_add(1, std::memory_order_relaxed);
      refused[module.get()] = created.error().message;
      log_warn("a module was not reloaded; what is loaded goes on", {{"module", module->path}, {"error", created.error().message}});
      continue;
    }
    std::unique_lock lock(module->mutex);
    module->current = *created;
    module->loaded_at = SystemClock().now();
    replaced.push_back({module.get(), *created});
  }
  auto report = infos();
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    const auto at = refused.find(modules_[i].get());
    if (at != refused.end()) report[i].refused = at->second;
    report[i].reloaded = std::ranges::any_of(replaced, [&](const Replaced& r) { return r.module == modules_[i].get(); });
  }
  // Only files can be reloaded: the rest is not of interest here.
  std::erase_if(report, [](const ports::ModuleInfo& info) { return !info.reloaded && info.refused.empty(); });
  const auto turning = std::make_shared<Turning>(std::move(report), done);
  for (const Replaced& r : replaced) {
    reloads_.fetch_add(1, std::memory_order_relaxed);
    log_info("module reloaded", {{"module", r.module->path}});
    for (const auto& target : r.module->targets) {
      target.loop->post([handle = target.handle, instance = r.instance, turning] {
        if (const auto here = handle.lock()) (*here)->replace(instance);
      });
    }
  }
}

void Modules::collect(MetricsSink& sink) const {
  if (modules_.empty()) return;
  sink.counter("holdfast_native_reloads_total", "Modules that were replaced by a new version of their file.", {}, reloads_.load());
  sink.counter("holdfast_native_refused_reloads_total", "Modules whose file was refused, and that went on as they were.", {},
               refused_reloads_.load());
  for (const auto& [functions, parts] : endpoints_) {
    const MetricLabels labels{{"endpoint", functions}};
    sink.counter("holdfast_native_slow_calls_total", "Calls of quick functions that kept their shard for more than 100 ms.", labels,
                 parts->counters->slow_calls.load());
    sink.counter("holdfast_native_given_up_calls_total", "Calls without an answer within the call timeout.", labels,
                 parts->counters->given_up.load());
    sink.counter("holdfast_native_unwanted_answers_total", "Answers to calls that were given up, or answered before.", labels,
                 parts->counters->unwanted_answers.load());
    sink.gauge("holdfast_native_pool_running", "Blocking functions that are running.", labels, static_cast<double>(parts->pool.running()));
    sink.gauge("holdfast_native_pool_waiting", "Calls of blocking functions that wait for a thread.", labels,
               static_cast<double>(parts->pool.waiting()));
  }
}

}  // namespace holdfast::native
