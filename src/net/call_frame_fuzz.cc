// However frames are cut into pieces, the reader takes the same ones and fails at the same place; and what it takes, written again,
// is what it has read. The first byte says where the input is cut.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/call_frame.h"

namespace {

using namespace holdfast::net;

constexpr std::size_t kFrameBytesMax = 6000;

std::vector<std::string> run(std::string_view bytes, std::size_t piece) {
  FrameReader reader(kFrameBytesMax);
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    for (std::string_view rest = part; !rest.empty();) {
      const auto space = reader.space();
      HOLDFAST_CHECK(!space.empty());
      const std::size_t fits = std::min(space.size(), rest.size());
      std::copy_n(rest.data(), fits, space.data());
      reader.filled(fits);
      rest.remove_prefix(fits);
      Frame frame;
      FrameReader::Status status;
      while ((status = reader.next(frame)) == FrameReader::Status::Frame) {
        HOLDFAST_CHECK(frame.payload.size() <= kFrameBytesMax);
        append_frame(out.emplace_back(), frame.kind, frame.detail, frame.call, frame.payload);
        if (frame.kind == FrameKind::Hello) {
          const auto hello = parse_hello(frame.payload);
          HOLDFAST_CHECK(hello.has_value() == (frame.payload.size() >= 16));
        }
      }
      if (status == FrameReader::Status::Broken) {
        HOLDFAST_CHECK(!reader.error().empty());
        out.push_back(reader.error());
        return out;
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = run(bytes, bytes.size() + 1);
  HOLDFAST_CHECK(whole == run(bytes, data[0] == 0 ? 1 : data[0]));
  HOLDFAST_CHECK(whole == run(bytes, 1));
  return 0;
}
