// Library: the descriptor of a module, loaded from a shared library or linked into the program, checked before anything in it is used.
//
// A file is copied into memory and loaded from there: the loader would hand out the old code again for a path it knows, and a file
// that is overwritten in place would change the code of a running process. Its RUNPATH can therefore not say $ORIGIN.
//
// Code that has run is not unloaded: threads, thread-local destructors and statics of its libraries may outlive the instance.
// A reload costs the memory of the code it replaces.
#pragma once

#include <holdfast/module_abi.h>

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::native {

inline constexpr std::size_t kFunctionsMax = 10'000;    // Of one module.
inline constexpr std::size_t kModuleBytesMax = 1u << 30;  // Of its file.

// The version that both sides name in a refusal, as "1.0".
[[nodiscard]] std::string abi_version(const holdfast_module_descriptor& descriptor);

class Library {
 public:
  // Refused, with the reason: what cannot be read or loaded, is no module, or not one for this program.
  [[nodiscard]] static Result<std::shared_ptr<Library>> open(const std::string& path);
  // `descriptor` outlives the library; `name` is for messages.
  [[nodiscard]] static Result<std::shared_ptr<Library>> linked(const holdfast_module_descriptor* descriptor, const std::string& name);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  [[nodiscard]] const holdfast_module_descriptor& descriptor() const { return *descriptor_; }
  [[nodiscard]] const holdfast_function& function(std::size_t index) const;
  // The code stays until the process ends. To be called before it runs.
  void keep() { kept_ = true; }

 private:
  Library() = default;

  const holdfast_module_descriptor* descriptor_ = nullptr;
  void* handle_ = nullptr;
  int file_ = -1;  // Open as long as the library is loaded: its number is in the name the loader knows it by.
  bool kept_ = false;
};

}  // namespace holdfast::native
