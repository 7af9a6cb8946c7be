/// @file
/// Functions as a module: a shared library that Holdfast loads (`kind: holdfast.endpoints.v1/native`, `module: shop.so`), or linked into
/// a program of your own together with Holdfast (`module: linked`). The same functions run behind a server, or on Flink, unchanged.
///
///     #include <holdfast/sdk/module.h>
///     #include "functions.h"            // sf::Functions make_functions();
///     HOLDFAST_MODULE(make_functions)   // In one source file of a library made by holdfast_add_module().
///
/// In a program that links both, give `holdfast::sdk::module_descriptor<make_functions>()` to Holdfast instead.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/module_abi.h"
#include "holdfast/sdk/functions.h"
#include "holdfast/sdk/version.h"

/// Each module has its own of what is marked so, also where several in a process are made of the same source, as when one is reloaded.
#if defined(__GNUC__)
#define HOLDFAST_SDK_LOCAL __attribute__((visibility("hidden")))
#else
#define HOLDFAST_SDK_LOCAL
#endif

namespace holdfast::sdk {

namespace detail {

/// What a module is made of: its descriptor, and the functions it was described by until an instance takes them.
class HOLDFAST_SDK_LOCAL ModuleEntry {
 public:
  using Make = Functions (*)();
  using Create = void* (*)(const holdfast_host* host, char* error, std::size_t error_size);

  /// When `make` throws there are no functions, and the descriptor says why.
  ModuleEntry(Make make, Create create, const char* build) noexcept;
  ModuleEntry(const ModuleEntry&) = delete;
  ModuleEntry& operator=(const ModuleEntry&) = delete;

  [[nodiscard]] const holdfast_module_descriptor& descriptor() const noexcept { return descriptor_; }
  /// The descriptor's: an instance, or null and the reason.
  [[nodiscard]] void* create(const holdfast_host* host, char* error, std::size_t error_size) noexcept;

 private:
  Make make_;
  std::mutex mutex_;                // Guards first_.
  std::optional<Functions> first_;  // For the first instance; later ones get functions of their own.
  std::string failure_;
  std::vector<std::string> types_;
  std::vector<holdfast_function> functions_;
  holdfast_module_descriptor descriptor_{};
};

inline constexpr const char* kModuleBuild =
#if defined(__clang__)
    "clang " __clang_version__
#elif defined(__GNUC__)
    "gcc " __VERSION__
#else
    "unknown compiler"
#endif
#ifdef NDEBUG
    ", release";
#else
    ", debug";
#endif

template <auto Make>
struct HOLDFAST_SDK_LOCAL ModuleOf {
  static Functions make() { return Make(); }
  static void* create(const holdfast_host* host, char* error, std::size_t error_size) { return entry().create(host, error, error_size); }
  static ModuleEntry& entry() {
    static ModuleEntry out(&make, &create, kModuleBuild);
    return out;
  }
};

}  // namespace detail

/// The functions that `Make` makes, as Holdfast takes them into its process. `Make` is a function without arguments that returns
/// Functions; it is called once for the descriptor and the first instance, and again for each further one. No exception leaves it.
template <auto Make>
[[nodiscard]] HOLDFAST_SDK_LOCAL const holdfast_module_descriptor* module_descriptor() noexcept {
  return &detail::ModuleOf<Make>::entry().descriptor();
}

}  // namespace holdfast::sdk

/// Makes this shared library a module with the functions that `make` returns. Once in a module; a semicolon may follow.
#define HOLDFAST_MODULE(make)                                                               \
  extern "C" HOLDFAST_MODULE_EXPORT const holdfast_module_descriptor* holdfast_module() {   \
    return ::holdfast::sdk::module_descriptor<(make)>();                                    \
  }
