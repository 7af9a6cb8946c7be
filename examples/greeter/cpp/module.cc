// The same functions as a module, which Holdfast loads into its own process: see native.yaml.
#include "functions.h"
#include "holdfast/sdk/module.h"

HOLDFAST_MODULE(make_functions)
