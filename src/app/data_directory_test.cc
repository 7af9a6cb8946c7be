#include "app/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

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

TEST_F(DataDirectoryTest, ACrashWhileItIsMadeLeavesNothingInTheWay) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/holdfast.json.new") << "{\"for";
  EXPECT_EQ(open_data_directory(path_, 8, PartitionsAre::Suggested)->identity.partitions, 8);
}

}  // namespace
}  // namespace holdfast::app
