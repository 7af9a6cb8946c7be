#include "native/elf_check.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace holdfast::native {

Result<void> check_is_whole(int file, std::uint64_t size) {
  ElfW(Ehdr) header{};
  if (::pread(file, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return {};
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(ElfW(Phdr))) return {};
  const auto ends_at = [size](std::uint64_t offset, std::uint64_t bytes) -> Result<void> {
    if (offset <= size && bytes <= size - offset) return {};
    return fail(ErrorCode::Invalid, "is cut off: it has " + std::to_string(size) + " bytes, and should have at least " +
                                        (offset + bytes < offset ? "more than there can be" : std::to_string(offset + bytes)));
  };
  if (auto ok = ends_at(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(ElfW(Phdr))); !ok) return ok;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) part{};
    const auto at = static_cast<off_t>(header.e_phoff + i * sizeof part);
    if (::pread(file, &part, sizeof part, at) != static_cast<ssize_t>(sizeof part)) return fail(ErrorCode::Io, "cannot be read");
    if (auto ok = ends_at(part.p_offset, part.p_filesz); !ok) return ok;
  }
  return {};
}

}  // namespace holdfast::native
