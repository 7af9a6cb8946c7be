// The interpreter functions as a module, for holdfast.endpoints.v1/native.
#include "holdfast/sdk/module.h"
#include "interpreter.h"

HOLDFAST_MODULE([] { return holdfast::test::interpreters("native"); });
