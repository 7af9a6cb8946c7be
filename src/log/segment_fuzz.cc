// Arbitrary bytes as the segments of a log: reading, checking and recovering never crash, agree with each other, and what is
// recovered can be gone on with.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "log/fake_file_system.h"
#include "log/segment_format.h"
#include "log/segment_log.h"
#include "log/verify.h"

namespace {

using namespace holdfast;

constexpr const char* kDirectory = "d";

// A fuzzer does not find checksums by chance: where the input says so, they are made right.
void mend(std::string& bytes) {
  if (bytes.size() < log::kSegmentHeaderBytes) return;
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::string out;
    append_be(out, value);
    bytes.replace(at, out.size(), out);
  };
  put(log::kSegmentHeaderBytes - 4, crc32c(std::string_view(bytes).substr(0, log::kSegmentHeaderBytes - 4)));
  const auto header = log::decode_segment_header(bytes);
  if (!header) return;
  const auto seed = log::crc_seed(*header);
  for (std::uint64_t at = log::kSegmentHeaderBytes; at + log::kRecordHeaderBytes <= bytes.size();) {
    const std::string_view here = std::string_view(bytes).substr(at);
    const auto length = ByteReader(here.substr(8)).be<std::uint32_t>();
    const auto payload = here.substr(log::kRecordHeaderBytes, length);
    put(at + 4, crc32c(payload, seed));
    std::string place;
    append_be(place, at);
    put(at, crc32c(std::string_view(bytes).substr(at + 4, log::kRecordHeaderBytes - 4), crc32c(place, seed)));
    at += log::record_bytes(length);
  }
}

}  // namespace

// The first byte says whether checksums are mended and where the rest is cut into two segments.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  log::FakeFileSystem disk(1);
  for (std::size_t cut = static_cast<std::size_t>(data[0] >> 1) * 8; !rest.empty(); cut = rest.size()) {
    std::string bytes = rest.substr(0, cut == 0 ? rest.size() : cut);
    rest.erase(0, bytes.size());
    if ((data[0] & 1) != 0) mend(bytes);
    const auto header = log::decode_segment_header(bytes);
    disk.set_content(std::string(kDirectory) + "/" + log::segment_name(header ? header->first : 1), bytes);
  }

  const auto report = log::verify(kDirectory, disk).value();
  log::SegmentLog::Options options;
  options.seed = 7;
  options.first_segment_bytes = options.segment_bytes = 1024;
  auto log = log::SegmentLog::open(kDirectory, options, disk).value();
  std::uint64_t records = 0;
  model::Epoch last = report.previous;
  const auto replayed = log->replay(report.previous, [&](model::Epoch epoch, std::string_view) -> Result<void> {
    HOLDFAST_CHECK(epoch > last || (epoch == last && records > 0));  // A large one comes in pieces.
    last = epoch;
    ++records;
    return {};
  });
  HOLDFAST_CHECK(replayed.has_value() == report.damage.empty());
  if (!replayed) return 0;
  HOLDFAST_CHECK(records == report.records);
  if (last.value + 1 >= log::kNumberMax) return 0;
  const std::string_view payload = "next";
  HOLDFAST_CHECK(log->append({last.value + 1}, {&payload, 1}).has_value());
  log.reset();
  disk.crash();
  const auto after = log::verify(kDirectory, disk).value();
  HOLDFAST_CHECK(after.damage.empty() && after.records == records + 1);
  return 0;
}
