#include "app/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "codec/rows.h"
#include "storage/memory_store.h"

namespace holdfast::app {
namespace {

using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "holdfast-data-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    parent_ = pattern;
    path_ = pattern + "/deep/data";
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }

  void write(const std::string& text) const { std::ofstream(path_ + "/holdfast.json") << text; }

  std::string parent_, path_;
};

TEST_F(DataDirectoryTest, IsMadeOnceAndRemembersItsPartitions) {
  { ASSERT_EQ(open_data_directory(path_, 32, PartitionsAre::Suggested)->identity.partitions, 32); }
  { ASSERT_EQ(open_data_directory(path_, 64, PartitionsAre::Suggested)->identity.partitions, 32) << "what is stored wins"; }
  { ASSERT_EQ(open_data_directory(path_, 32, PartitionsAre::Demanded)->identity.partitions, 32); }
  const auto other = open_data_directory(path_, 64, PartitionsAre::Demanded);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::Conflict);
  EXPECT_THAT(other.error().message, HasSubstr("made with 32"));
}

TEST_F(DataDirectoryTest, HasOneUserAtATime) {
  const auto first = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_TRUE(first.has_value());
  const auto second = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
}

TEST_F(DataDirectoryTest, WhatItCannotReadIsRefused) {
  std::filesystem::create_directories(path_ + "/log");
  for (const char* text : {"", "{", "{\"format\":1}", "{\"format\":1,\"partitions\":0}", "{\"format\":1,\"partitions\":4097}"}) {
    write(text);
    const auto opened = open_data_directory(path_, 8, PartitionsAre::Suggested);
    ASSERT_FALSE(opened.has_value()) << text;
    EXPECT_TRUE(opened.error().code == ErrorCode::Damaged) << opened.error().message;
  }
  write("{\"format\":2,\"partitions\":8}");
  EXPECT_THAT(open_data_directory(path_, 8, PartitionsAre::Suggested).error().message, HasSubstr("format 2, this program knows 1"));

  std::filesystem::remove(path_ + "/holdfast.json");
  std::ofstream(path_ + "/log/epochs-1.log") << "x";
  EXPECT_EQ(open_data_directory(path_, 8, PartitionsAre::Suggested).error().code, ErrorCode::Damaged) << "a log without holdfast.json";
}

TEST_F(DataDirectoryTest, SomebodyElsesDirectoryIsLeftAlone) {
  std::filesystem::create_directories(path_);
  for (const char* name : {"a", "b", "c", "d", "LOCK"}) std::ofstream(path_ + "/" + name) << "theirs";
  const auto opened = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::Invalid);
  EXPECT_THAT(opened.error().message, HasSubstr("no holdfast.json, but a, b, c and 1 more"));
  const std::filesystem::directory_iterator files(path_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 5) << "nothing is put into it";

  for (const char* name : {"a", "b", "c", "d"}) std::filesystem::remove(path_ + "/" + name);
  std::filesystem::create_directories(path_ + "/lost+found");
  EXPECT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested).has_value()) << "a new file system has that";
}

TEST_F(DataDirectoryTest, RowsOfPartitionsThatItDoesNotHaveAreDamage) {
  const auto key = [](std::uint16_t partition) { return codec::kind_prefix({partition}, codec::RowKind::Address) + "a"; };
  EXPECT_TRUE(check_partition(key(7), 8));
  EXPECT_EQ(check_partition(key(8), 8).error().code, ErrorCode::Damaged);
  EXPECT_THAT(check_partition(key(8), 8).error().message, HasSubstr("a row of partition 8, but there are only 8"));
  EXPECT_FALSE(check_partition("", 8));

  storage::MemoryStore view;
  const std::string low = key(7), high = key(260);
  ports::StoreWrite write{low, "x"};
  ASSERT_TRUE(view.apply({&write, 1}, {1}));
  EXPECT_TRUE(check_view(view, 8));
  write.key = high;
  ASSERT_TRUE(view.apply({&write, 1}, {2}));
  EXPECT_THAT(check_view(view, 8).error().message, HasSubstr("a row of partition 260"));
  EXPECT_TRUE(check_view(view, 261));

  std::string payload;
  codec::append_put(payload, low, "x");
  EXPECT_TRUE(check_rows(payload, 8));
  codec::append_put(payload, high, "x");
  EXPECT_THAT(check_rows(payload, 8).error().message, HasSubstr("a row of partition 260"));
  EXPECT_FALSE(check_rows(payload + "x", 261));
}

TEST_F(DataDirectoryTest, ACrashWhileItIsMadeLeavesNothingInTheWay) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/holdfast.json.new") << "{\"for";
  EXPECT_EQ(open_data_directory(path_, 8, PartitionsAre::Suggested)->identity.partitions, 8);
}

}  // namespace
}  // namespace holdfast::app
