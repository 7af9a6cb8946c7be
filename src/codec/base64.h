// base/base64.h, by the names it has among the codecs.
#pragma once

#include "base/base64.h"

namespace holdfast::codec {

using holdfast::from_base64;
using holdfast::to_base64;

}  // namespace holdfast::codec
