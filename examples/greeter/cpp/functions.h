#pragma once

#include "holdfast/sdk.h"

holdfast::sdk::Functions make_functions();
