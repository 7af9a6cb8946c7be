// bench/source and bench/cell: the work of `make bench B=sdk`. functions.py, functions.js and BenchFunctions.java have the same bench/cell.
//
//   bench/source/<n>  text "add 0 1000000 8 100000 250": numbers n, n+8, n+16, … below 1000000 are each a message to one of 100000 cells,
//                     250 at a time; when the last cells have answered, the next 250
//   bench/cell/<key>  its state is 64 bytes, the first eight a counter. An integer is added; a long, too, and answered. Text makes it tell the
//                     counter to the egress bench/out, topic "audit", and answer if the text ends with '!'
#pragma once

#include <holdfast/sdk.h>

namespace bench {

[[nodiscard]] holdfast::sdk::Functions functions();

}  // namespace bench
