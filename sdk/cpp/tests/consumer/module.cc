#include <holdfast/sdk/module.h>

#include "functions.h"

HOLDFAST_MODULE(make_functions);
