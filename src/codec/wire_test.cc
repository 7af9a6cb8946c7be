#include "codec/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::codec::wire {
namespace {

struct Seen {
  std::uint32_t field;
  Kind kind;
  std::uint64_t number;
  std::string bytes;
};

struct Outcome {
  std::vector<Seen> seen;
  std::string error;  // Empty: none.
};

Outcome read_all(std::string_view bytes) {
  Fault fault(bytes);
  Reader in(bytes, "Thing", fault);
  Outcome out;
  while (in.next())
    out.seen.push_back({in.field(), in.kind(), in.kind() == Kind::Bytes ? 0 : in.number(),
                        in.kind() == Kind::Bytes ? std::string(in.bytes()) : ""});
  if (fault.raised()) out.error = fault.error().message;
  return out;
}

TEST(WireSizes, AreWhatIsWritten) {
  for (std::uint64_t value = 1; value != 0; value <<= 1) {
    for (const std::uint64_t v : {value - 1, value, value + 1}) {
      std::string out;
      { Writer w(out, varint_field_size(15, v)); w.varint_field(15, v); }
      { Writer w(out, varint_field_size(16, v)); w.varint_field(16, v); }
      const auto back = read_all(out);
      ASSERT_EQ(back.error, "");
      if (v == 0) {
        ASSERT_TRUE(out.empty());
        continue;
      }
      ASSERT_EQ(back.seen.size(), 2u);
      ASSERT_EQ(back.seen[0].number, v);
      ASSERT_EQ(back.seen[1].field, 16u);
    }
  }
}

TEST(WireReader, ReadsEveryKindOfField) {
  const auto out = read_all(std::string("\x08\x96\x01\x11\x01\x00\x00\x00\x00\x00\x00\x80\x1a\x02hi\x25\xff\xff\xff\xff", 21));
  EXPECT_EQ(out.error, "");
  ASSERT_EQ(out.seen.size(), 4u);
  EXPECT_EQ(out.seen[0].number, 150u);
  EXPECT_EQ(out.seen[1].number, 0x8000000000000001u);
  EXPECT_EQ(out.seen[2].bytes, "hi");
  EXPECT_EQ(out.seen[3].number, 0xffffffffu);
}

TEST(WireReader, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {std::string("\x08\x01\x80", 3), "Thing at byte 2: the tag ends in the middle or is too long"},
      {std::string("\x08\x80", 2), "Thing field 1 at byte 0: the number ends in the middle or is too long"},
      {std::string("\x0a\x05hell", 6), "Thing field 1 at byte 0: the length is beyond the end"},
      {std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), "Thing field 1 at byte 0: the length is beyond the end"},
      {std::string("\x00\x00", 2), "Thing at byte 0: field number 0"},
      {std::string("\x0b\x0c", 2), "Thing field 1 at byte 0: a wire type that proto3 does not have"},
      {std::string("\x0e", 1), "Thing field 1 at byte 0: a wire type that proto3 does not have"},
      {std::string("\x15\x01\x02\x03", 4), "Thing field 2 at byte 0: the number is beyond the end"},
      {std::string("\x11\x01\x02\x03\x04\x05\x06\x07", 8), "Thing field 2 at byte 0: the number is beyond the end"},
      {std::string("\xff\xff\xff\xff\xff\x01", 6), "Thing at byte 0: the tag is too large"},
      {std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12), "Thing field 1 at byte 0: the number ends in the middle or is too long"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(read_all(bytes).error, error);
}

TEST(WireReader, AFaultInsideEndsTheReadingOutside) {
  const std::string bytes("\x0a\x02\x08\x80\x10\x01", 6);
  Fault fault(bytes);
  Reader outer(bytes, "Outer", fault);
  ASSERT_TRUE(outer.next());
  Reader inner(outer.bytes(), "Inner", fault);
  EXPECT_FALSE(inner.next());
  EXPECT_FALSE(outer.next());
  EXPECT_EQ(fault.error().message, "Inner field 1 at byte 2: the number ends in the middle or is too long");
}

TEST(WireReader, StringsMustBeUtf8) {
  const std::string bytes("\x0a\x01\xff", 3);
  Fault fault(bytes);
  Reader in(bytes, "Thing", fault);
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.bytes(), "\xff");
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(fault.error().message, "Thing field 1 at byte 0: a string that is not UTF-8");
}

TEST(WireWriterDeathTest, AWrongSizeStopsTheProcess) {
  EXPECT_DEATH({ std::string out; Writer w(out, 3); w.boolean(1, true); }, "at_ == end_");
}

}  // namespace
}  // namespace holdfast::codec::wire
