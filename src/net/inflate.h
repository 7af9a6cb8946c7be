// Decompression of whole bodies, with a bound on what comes out. For net/ and grpc/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::net {

enum class InflateStatus { Done, TooLarge, Corrupt };
enum class Coding { Gzip, Deflate };  // Deflate: with or without the zlib header; both are found in the wild.

[[nodiscard]] InflateStatus inflate_body(Coding coding, std::string_view in, std::size_t bytes_max, std::string& out);

}  // namespace holdfast::net
