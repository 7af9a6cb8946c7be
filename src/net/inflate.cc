#include "net/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <climits>

#include "base/check.h"

namespace holdfast::net {
namespace {

constexpr int kGzipBits = 15 + 16;
constexpr int kZlibBits = 15;
constexpr int kRawBits = -15;

InflateStatus run(z_stream& z, bool many_members, std::size_t bytes_max, std::string& out) {
  out.clear();
  for (;;) {
    // One byte more than allowed, so that a body of exactly bytes_max ends instead of asking for room.
    const std::size_t room = std::min(std::max<std::size_t>(out.size(), 4096), bytes_max - out.size() + 1);
    const std::size_t before = out.size();
    out.resize(before + room);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = static_cast<uInt>(std::min<std::size_t>(room, 1u << 30));
    const uInt offered = z.avail_out;
    const int outcome = ::inflate(&z, Z_NO_FLUSH);
    out.resize(before + (offered - z.avail_out));
    if (out.size() > bytes_max) return InflateStatus::TooLarge;
    if (outcome == Z_STREAM_END) {
      if (z.avail_in == 0) return InflateStatus::Done;
      if (!many_members || ::inflateReset(&z) != Z_OK) return InflateStatus::Corrupt;
    } else if (outcome != Z_OK || (z.avail_in == 0 && z.avail_out != 0)) {
      return InflateStatus::Corrupt;
    }
  }
}

InflateStatus run(int bits, std::string_view in, std::size_t bytes_max, std::string& out) {
  z_stream z{};
  HOLDFAST_CHECK(::inflateInit2(&z, bits) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  const InflateStatus status = run(z, bits == kGzipBits, bytes_max, out);
  ::inflateEnd(&z);
  return status;
}

}  // namespace

InflateStatus inflate_body(Coding coding, std::string_view in, std::size_t bytes_max, std::string& out) {
  if (in.size() > UINT_MAX) return InflateStatus::TooLarge;
  if (coding == Coding::Gzip) return run(kGzipBits, in, bytes_max, out);
  const InflateStatus status = run(kZlibBits, in, bytes_max, out);
  return status == InflateStatus::Corrupt ? run(kRawBits, in, bytes_max, out) : status;
}

}  // namespace holdfast::net
