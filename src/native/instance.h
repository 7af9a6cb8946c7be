// Instance: what a module's create() made, as long as anybody needs it.
//
//   - Whoever holds an Admission may start calls. When the last one is gone, the instance is told to stop.
//   - Whoever holds a std::shared_ptr<Instance> waits for calls that are under way. When the last one is gone, it is destroyed.
//
// Both happen on the keeper's thread, whoever lets go. Functions that are linked into the program are one instance, however many
// descriptors they come in.
#pragma once

#include <holdfast/module_abi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "native/keeper.h"
#include "native/library.h"

namespace holdfast::native {

struct Function {
  std::string type;
  std::size_t library = 0;  // Whose it is, of the instance's.
  std::size_t index = 0;    // In its descriptor.
  bool blocking = false;    // As the module has it.
};

// The functions of some libraries by their types. Refused: one that two have.
class FunctionTable {
 public:
  [[nodiscard]] static Result<FunctionTable> create(const std::vector<std::shared_ptr<Library>>& libraries);
  [[nodiscard]] const Function* find(std::string_view type) const;
  [[nodiscard]] const std::vector<std::unique_ptr<Function>>& all() const { return functions_; }
  // For messages: the first of them, and how many more there are.
  [[nodiscard]] std::string names() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<std::unique_ptr<Function>> functions_;
  std::unordered_map<std::string_view, const Function*, Hash, std::equal_to<>> by_type_;
};

class Instance;
using Admission = std::shared_ptr<Instance>;

class Instance {
 public:
  struct Created {
    std::shared_ptr<Instance> instance;
    Admission admission;
  };
  // Calls create(); on the keeper's thread, or before there are others. `name` is for messages, `version` is the host's.
  [[nodiscard]] static Result<Created> create(std::string name, const std::string& version, std::vector<std::shared_ptr<Library>> libraries,
                                              FunctionTable functions, std::shared_ptr<Keeper> keeper);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const FunctionTable& functions() const { return functions_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Library>>& libraries() const { return libraries_; }

  // Calls a function, whose index the request need not have. An exception that gets this far is told to the function's caller as a failure.
  void invoke(const Function& function, holdfast_request& request) const;
  // Keeps something until the instance has been destroyed: what a module may still answer to.
  void attach(std::shared_ptr<void> attachment);

 private:
  Instance() = default;
  ~Instance();
  void stop() const;

  std::string name_;
  std::string version_;
  holdfast_host host_{};
  std::shared_ptr<Keeper> keeper_;
  std::vector<std::shared_ptr<Library>> libraries_;
  std::vector<void*> made_;  // By library.
  FunctionTable functions_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<void>> attachments_;
};

}  // namespace holdfast::native
