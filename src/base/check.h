// HOLDFAST_CHECK: an invariant of our own code. Stays on in release builds; failing it stops the process, because
// going on with a broken invariant would write the damage to disk. Never for anything that comes from outside.
#pragma once

#include <cstdio>
#include <cstdlib>

#define HOLDFAST_CHECK(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
