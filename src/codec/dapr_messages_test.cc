// What tests/wire does not see, which compares these with libprotobuf.
#include "codec/dapr_messages.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/wire.h"

namespace holdfast::codec::dapr {
namespace {

std::string field(std::uint32_t number, const std::string& inner) {
  std::string out;
  wire::Writer w(out, wire::bytes_size(number, inner.size()));
  w.bytes(number, inner);
  return out;
}

TEST(DaprMessages, ValuesAreBorrowedFromTheBytesThatWereRead) {
  const std::string bytes = write(SaveStateRequest{"store", {{.key = "k", .value = "the value"}}});
  const auto request = read<SaveStateRequest>(bytes);
  ASSERT_TRUE(request.has_value());
  const auto value = request->states.at(0).value;
  EXPECT_EQ(value, "the value");
  EXPECT_GE(value.data(), bytes.data());
  EXPECT_LE(value.data() + value.size(), bytes.data() + bytes.size());
}

TEST(DaprMessages, ErrorsSayWhichMessageAndField) {
  const auto bad = read<SaveStateRequest>(field(2, field(1, "\xff")));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().message, "StateItem field 1 at byte 2: a string that is not UTF-8");
}

TEST(DaprMessages, AnEnumWithANumberThatNobodyKnowsHasNoWord) {
  std::string bytes;
  wire::Writer(bytes, wire::varint_field_size(3, 77)).varint_field(3, 77);
  EXPECT_EQ(read<GetStateRequest>(bytes)->consistency, "");
  std::string extension;
  wire::Writer(extension, wire::varint_field_size(1, 77)).varint_field(1, 77);
  EXPECT_EQ(read<InvokeRequest>(field(4, extension))->http_extension->verb, "");
}

TEST(DaprMessages, AnEmptyEtagIsNone) {
  EXPECT_EQ(read<DeleteStateRequest>(field(3, ""))->etag, "");
  EXPECT_EQ(read<DeleteStateRequest>(field(3, field(1, "")))->etag, "");
}

// Of one message, whatever its parts are: a small body must not become a large memory.
TEST(DaprMessages, PartsAreCountedThroughAllLevels) {
  std::string items, entries;
  for (std::size_t i = 0; i < kPartsMax / 2; ++i) items += field(2, "");
  const std::string entry = field(4, field(1, "k"));
  for (std::size_t i = 0; i < kPartsMax / 2 - 1; ++i) entries += entry;
  EXPECT_EQ(read<SaveStateRequest>(items + field(2, entries))->states.size(), kPartsMax / 2 + 1);
  const auto more = read<SaveStateRequest>(items + field(2, entries + entry));
  ASSERT_FALSE(more.has_value());
  EXPECT_NE(more.error().message.find("more than 100000 items and entries"), std::string::npos) << more.error().message;
}

TEST(DaprMessages, MapsAreWrittenInOrder) {
  const GetSecretResponse one{{{"b", "1"}, {"a", "2"}}};
  EXPECT_EQ(write(one), field(1, field(1, "a") + field(2, "2")) + field(1, field(1, "b") + field(2, "1")));
}

}  // namespace
}  // namespace holdfast::codec::dapr
