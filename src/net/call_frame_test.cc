#include "net/call_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::net {
namespace {

std::string frame(FrameKind kind, std::uint16_t detail, std::uint64_t call, std::string_view payload) {
  std::string out;
  append_frame(out, kind, detail, call, payload);
  return out;
}

std::string show(const Frame& f) {
  return std::to_string(static_cast<int>(f.kind)) + "," + std::to_string(f.detail) + "," + std::to_string(f.call) + "," + std::string(f.payload);
}

// What comes out of `bytes` in pieces of `piece`.
std::vector<std::string> read_all(std::string_view bytes, std::size_t piece, std::size_t frame_bytes_max = 1 << 20) {
  FrameReader reader(frame_bytes_max);
  std::vector<std::string> out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    Frame f;
    FrameReader::Status status;
    while ((status = reader.next(f)) == FrameReader::Status::Frame) out.push_back(show(f));
    if (status == FrameReader::Status::Broken) {
      out.push_back(reader.error());
      return out;
    }
  }
  return out;
}

TEST(CallFrame, IsLaidOutAsTheDocumentSays) {
  EXPECT_EQ(frame(FrameKind::Call, 0x0102, 0x1112131415161718, "ab"),
            std::string("\x02\0\0\0\x02\0\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11"
                        "ab",
                        18));
  std::string hello;
  append_hello(hello, {1024, 1 << 20, 1ull << 33});
  EXPECT_EQ(hello, std::string("\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\x10\0\0\0\0\0\x02\0\0\0", 32));
}

TEST(CallFrame, HelloOfALaterVersionMayBeLonger) {
  std::string bytes;
  append_hello(bytes, {7, 8, 9});
  const std::string payload = bytes.substr(kFrameHeaderBytes);
  for (const std::string& extra : {std::string(), std::string("later")}) {
    const auto hello = parse_hello(payload + extra);
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->calls_max, 7u);
    EXPECT_EQ(hello->frame_bytes_max, 8u);
    EXPECT_EQ(hello->bytes_max, 9u);
  }
  EXPECT_FALSE(parse_hello(payload.substr(1)));
}

TEST(CallFrame, CutAnywhereTheFramesAreTheSame) {
  const std::string bytes = frame(FrameKind::Call, 3, 1, "tp.body") + frame(FrameKind::Cancel, 0, 1, "") +
                            frame(FrameKind::Answer, 0, 2, std::string(300, 'x')) + frame(FrameKind::Failed, 500, 3, "boom");
  const std::vector<std::string> whole = {"2,3,1,tp.body", "5,0,1,", "3,0,2," + std::string(300, 'x'), "4,500,3,boom"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) EXPECT_EQ(read_all(bytes, piece), whole) << piece;
}

TEST(CallFrame, LargeFramesComeWholeWhateverThePieces) {
  const std::string payload(300'000, 'y');
  const std::string bytes = frame(FrameKind::Answer, 0, 1, payload) + frame(FrameKind::Answer, 0, 2, "small") +
                            frame(FrameKind::Answer, 0, 3, payload);
  for (const std::size_t piece : {999u, 65536u, 1u << 20})
    EXPECT_EQ(read_all(bytes, piece), (std::vector<std::string>{"3,0,1," + payload, "3,0,2,small", "3,0,3," + payload})) << piece;
}

TEST(CallFrame, MemoryGrowsWithWhatHasComeNotWithWhatIsSaid) {
  FrameReader reader(1 << 30);
  std::string header;
  append_frame_header(header, FrameKind::Answer, 0, 1, 1 << 30);
  reader.feed(header);
  Frame f;
  EXPECT_EQ(reader.next(f), FrameReader::Status::More);
  EXPECT_LT(reader.space().size(), 200'000u);
}

TEST(CallFrame, UnknownKindsAreSkippedIfTheySaySo) {
  std::string skippable = frame(static_cast<FrameKind>(77), 0, 0, "whatever");
  skippable[5] = 1;
  const std::string after = frame(FrameKind::Cancel, 0, 9, "");
  EXPECT_EQ(read_all(skippable + after, 1000), (std::vector<std::string>{"5,0,9,"}));
  EXPECT_EQ(read_all(frame(static_cast<FrameKind>(77), 0, 0, "") + after, 1000), (std::vector<std::string>{"a frame of unknown kind 77"}));
  EXPECT_EQ(read_all(frame(static_cast<FrameKind>(0), 0, 0, ""), 1000), (std::vector<std::string>{"a frame of unknown kind 0"}));
}

TEST(CallFrame, OverTheLimitIsBrokenBeforeItsPayloadHasCome) {
  std::string header;
  append_frame_header(header, FrameKind::Call, 0, 1, 10'001);
  EXPECT_EQ(read_all(header, 100, 10'000), (std::vector<std::string>{"a frame of 10001 bytes, over the limit of 10000"}));
  EXPECT_TRUE(read_all(frame(FrameKind::Call, 0, 1, std::string(10'000, '.')), 100'000, 10'000).at(0).starts_with("2,0,1,"));
}

TEST(CallFrame, SmallFramesAreTakenWhateverTheLimit) {
  EXPECT_EQ(read_all(frame(FrameKind::Goaway, 1, 0, std::string(4096, 'w')), 100, 10).size(), 1u);
}

TEST(CallFrame, BrokenStaysBroken) {
  FrameReader reader(100);
  reader.feed(frame(static_cast<FrameKind>(77), 0, 0, ""));
  Frame f;
  EXPECT_EQ(reader.next(f), FrameReader::Status::Broken);
  reader.feed(frame(FrameKind::Cancel, 0, 9, ""));
  EXPECT_EQ(reader.next(f), FrameReader::Status::Broken);
}

}  // namespace
}  // namespace holdfast::net
