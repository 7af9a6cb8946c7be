// Hashes. `stable_hash` decides where things live on disk and never changes; `fast_hash` is for tables in memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// XXH3-64, seed 0.
[[nodiscard]] std::uint64_t stable_hash(std::string_view bytes);

// CRC-32C (Castagnoli), as in iSCSI and RocksDB; `crc` continues an earlier one.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

// For maps keyed by strings that are looked up by views.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return stable_hash(s); }
};

}  // namespace holdfast
