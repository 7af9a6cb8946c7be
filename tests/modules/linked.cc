// Holdfast with the functions of functions.h linked in, for `module: linked`.
#include <holdfast/runtime.h>

#include "functions.h"

namespace {

const holdfast_module_descriptor kDescriptor{
    sizeof(holdfast_module_descriptor),
    HOLDFAST_ABI_MAJOR,
    HOLDFAST_ABI_MINOR,
    "test modules",
    "linked",
    test_functions::kFunctions,
    3,
    sizeof(holdfast_function),
    test_functions::create<7>,
    test_functions::invoke,
    [](void* instance) { static_cast<test_functions::Instance*>(instance)->stop(); },
    [](void* instance) { delete static_cast<test_functions::Instance*>(instance); },
    nullptr,
};

}  // namespace

int main(int argc, char** argv) { return holdfast::run(argc, argv, {&kDescriptor}); }
