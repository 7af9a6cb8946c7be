// A module with the functions of functions.h. VERSION is in their answers; other definitions are what is wrong with it.
#include "functions.h"

#include <cstring>

#ifndef ABI_MAJOR
#define ABI_MAJOR HOLDFAST_ABI_MAJOR
#endif

namespace {

constexpr std::size_t kAll = sizeof test_functions::kFunctions / sizeof test_functions::kFunctions[0];
#ifdef WITHOUT_COUNTER
constexpr std::size_t kCount = kAll - 1;
#else
constexpr std::size_t kCount = kAll;
#endif

#ifdef CANNOT_START
void* create(const holdfast_host*, char* error, std::size_t error_size) {
  std::strncpy(error, "there is no stock to sell", error_size);
  return nullptr;
}
#else
constexpr auto create = test_functions::create<VERSION>;
#endif

void stop(void* instance) { static_cast<test_functions::Instance*>(instance)->stop(); }
void destroy(void* instance) { delete static_cast<test_functions::Instance*>(instance); }

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

// As a later minor version would have it: members at the end that this program does not know.
struct Descriptor {
  holdfast_module_descriptor known;
  void* more[4];
};
#ifdef NEWER_MINOR
constexpr std::size_t kSize = sizeof(Descriptor);
constexpr std::uint32_t kMinor = HOLDFAST_ABI_MINOR + 1;
#else
constexpr std::size_t kSize = sizeof(holdfast_module_descriptor);
constexpr std::uint32_t kMinor = HOLDFAST_ABI_MINOR;
#endif

const Descriptor kDescriptor{{kSize, ABI_MAJOR, kMinor, "test modules", "version " TEXT(VERSION), test_functions::kFunctions, kCount,
                              sizeof(holdfast_function), create, test_functions::invoke, stop, destroy, nullptr},
                             {}};

}  // namespace

extern "C" const holdfast_module_descriptor* holdfast_module() { return &kDescriptor.known; }
