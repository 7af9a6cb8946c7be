/// Holdfast as a library: a program of your own that is Holdfast, with your functions linked in.
///
///     #include <holdfast/runtime.h>
///
///     int main(int argc, char** argv) { return holdfast::run(argc, argv, {shop_module()}); }
///
/// with, in its configuration,
///
///     kind: holdfast.endpoints.v1/native
///     spec: {functions: shop/*, module: linked}
///
/// In CMake: `target_link_libraries(shop PRIVATE holdfast::runtime)`.
#pragma once

#include <holdfast/module_abi.h>

#include <vector>

namespace holdfast {

/// The whole command line of Holdfast: `up`, `check` and everything else, as `holdfast --help` shows them. Returns the exit code.
///
/// `modules`: descriptors of what is linked in; no two of them may have a function of the same type. They stay valid to the end of the process.
/// Call it from main(), before there are other threads: `up` takes SIGTERM and SIGINT for itself. It throws nothing.
[[nodiscard]] int run(int argc, const char* const* argv, const std::vector<const holdfast_module_descriptor*>& modules);

}  // namespace holdfast
