#include "native/instance.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include "base/log.h"
#include "codec/utf8.h"
#include "native/calls.h"

namespace holdfast::native {
namespace {

constexpr std::size_t kErrorBytes = 1024;
constexpr std::size_t kNamesShown = 5;

}  // namespace

Result<FunctionTable> FunctionTable::create(const std::vector<std::shared_ptr<Library>>& libraries) {
  FunctionTable table;
  for (std::size_t l = 0; l < libraries.size(); ++l) {
    for (std::size_t i = 0; i < libraries[l]->descriptor().function_count; ++i) {
      const holdfast_function& entry = libraries[l]->function(i);
      auto function = std::make_unique<Function>(Function{entry.type, l, i, entry.execution == HOLDFAST_BLOCKING});
      if (!table.by_type_.emplace(function->type, function.get()).second)
        return fail(ErrorCode::Conflict, "two linked modules have function " + function->type);
      table.functions_.push_back(std::move(function));
    }
  }
  return table;
}

const Function* FunctionTable::find(std::string_view type) const {
  const auto at = by_type_.find(type);
  return at == by_type_.end() ? nullptr : at->second;
}

std::string FunctionTable::names() const {
  std::string out;
  for (std::size_t i = 0; i < std::min(functions_.size(), kNamesShown); ++i) out.append(i == 0 ? "" : ", ").append(functions_[i]->type);
  if (functions_.size() > kNamesShown) out += " and " + std::to_string(functions_.size() - kNamesShown) + " more";
  return out;
}

Result<Instance::Created> Instance::create(std::string name, const std::string& version, std::vector<std::shared_ptr<Library>> libraries,
                                           FunctionTable functions, std::shared_ptr<Keeper> keeper) {
  keeper->created();
  std::shared_ptr<Instance> instance(new Instance, [keeper](Instance* made) {
    (void)keeper->post([made, keeper] {
      delete made;
      keeper->destroyed();
    });
  });
  instance->name_ = std::move(name);
  instance->version_ = version;
  instance->host_ = {sizeof(holdfast_host), HOLDFAST_ABI_MAJOR, HOLDFAST_ABI_MINOR, instance->version_.c_str(), Calls::answer, Calls::fail};
  instance->keeper_ = std::move(keeper);
  instance->libraries_ = std::move(libraries);
  instance->functions_ = std::move(functions);
  for (const auto& library : instance->libraries_) {
    library->keep();
    std::array<char, kErrorBytes> error{};
    void* made = nullptr;
    try {
      made = library->descriptor().create(&instance->host_, error.data(), error.size() - 1);
    } catch (...) {
      std::strncpy(error.data(), "create() threw an exception", error.size() - 1);
    }
    if (made == nullptr) {
      std::string why = codec::excerpt(error.data(), kErrorBytes);
      if (why.empty()) why = "create() returned NULL and does not say why";
      instance->stop();
      return holdfast::fail(ErrorCode::Invalid, instance->name_ + " cannot start: " + why);
    }
    instance->made_.push_back(made);
  }
  Instance* raw = instance.get();
  Admission admission(raw, [instance](Instance* made) mutable {
    // The instance goes along, so that it is stopped before it is destroyed.
    (void)made->keeper_->post([instance = std::move(instance)] { instance->stop(); });
  });
  return Created{std::move(instance), std::move(admission)};
}

Instance::~Instance() {
  for (std::size_t i = 0; i < made_.size(); ++i) {
    if (const auto destroy = libraries_[i]->descriptor().destroy; destroy != nullptr) {
      try {
        destroy(made_[i]);
      } catch (...) {
        log_error("a module threw an exception from destroy()", {{"module", name_}});
      }
    }
  }
}

void Instance::stop() const {
  for (std::size_t i = 0; i < made_.size(); ++i) {
    if (const auto stop = libraries_[i]->descriptor().stop; stop != nullptr) {
      try {
        stop(made_[i]);
      } catch (...) {
        log_error("a module threw an exception from stop()", {{"module", name_}});
      }
    }
  }
}

void Instance::invoke(const Function& function, holdfast_request& request) const {
  request.struct_size = sizeof request;
  request.function = function.index;
  // Modules keep their exceptions to themselves; one that does not must not take the process down.
  const auto failed = [&request](std::string_view why) { (void)Calls::fail(request.call, why.data(), why.size()); };
  try {
    libraries_[function.library]->descriptor().invoke(made_[function.library], &request);
  } catch (const std::exception& error) {
    failed(std::string("an exception left invoke(): ") + error.what());
  } catch (...) {
    failed("an exception left invoke()");
  }
}

void Instance::attach(std::shared_ptr<void> attachment) {
  std::unique_lock lock(mutex_);
  attachments_.push_back(std::move(attachment));
}

}  // namespace holdfast::native
