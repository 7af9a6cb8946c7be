// Whether a file holds all that its ELF header says is to be loaded. The loader maps what it is told and finds out with SIGBUS: a module
// that is just being written must be refused before it gets there.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace holdfast::native {

// `file` is open for reading and does not change. What is no ELF file of this machine's class passes: the loader says better what it is.
[[nodiscard]] Result<void> check_is_whole(int file, std::uint64_t size);

}  // namespace holdfast::native
