#include "app/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

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

TEST_F(DataDirectoryTest, ViewWhoseLogIsGoneIsRefused) {
  { ASSERT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  std::filesystem::create_directories(path_ + "/log");
  std::filesystem::create_directories(path_ + "/view");
  { ASSERT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  std::filesystem::remove_all(path_ + "/log");
  const auto opened = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::Damaged);
  EXPECT_THAT(opened.error().message, HasSubstr("no log/"));
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
}

TEST_F(DataDirectoryTest, EveryFlippedBitOfWhatItSaysIsSeen) {
  { ASSERT_TRUE(open_data_directory(path_, 64, PartitionsAre::Suggested)); }
  std::ifstream file(path_ + "/holdfast.json");
  const std::string sound((std::istreambuf_iterator<char>(file)), {});
  ASSERT_THAT(sound, HasSubstr("\"checksum\":\""));
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    std::string text = sound;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    write(text);
    const auto opened = open_data_directory(path_, 64, PartitionsAre::Suggested);
    ASSERT_FALSE(opened) << text;
    EXPECT_THAT(opened.error().message, HasSubstr(path_ + "/holdfast.json"));
  }
  std::string other = sound;
  other.replace(other.find(":64"), 3, ":65");
  write(other);
  EXPECT_THAT(read_data_identity(path_).error().message, HasSubstr("but with partitions 65, id "));
  write(sound);
  EXPECT_TRUE(open_data_directory(path_, 64, PartitionsAre::Suggested));
}

TEST_F(DataDirectoryTest, OneFromBeforeThereWereChecksumsGetsOne) {
  std::filesystem::create_directories(path_);
  for (const char* text : {"{\"format\":1,\"partitions\":8}\n", "{\"format\":1,\"partitions\":8,\"id\":\"0123456789abcdef\"}\n"}) {
    write(text);
    EXPECT_FALSE(read_data_identity(path_)->checked);
    { ASSERT_EQ(open_data_directory(path_, 64, PartitionsAre::Suggested)->identity.partitions, 8); }
    EXPECT_TRUE(read_data_identity(path_)->checked);
  }
  EXPECT_EQ(read_data_identity(path_)->id, "0123456789abcdef");
}

TEST_F(DataDirectoryTest, IsItsOwnersAlone) {
  const auto mode = [](const std::string& name) { return std::filesystem::status(name).permissions() & std::filesystem::perms::mask; };
  const mode_t umask = ::umask(0);
  { ASSERT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  std::filesystem::create_directories(path_ + "/log");
  std::filesystem::create_directories(path_ + "/view");
  std::ofstream(path_ + "/view/000001.sst") << "x";
  ::umask(umask);
  EXPECT_EQ(mode(path_), std::filesystem::perms::owner_all);
  for (const char* name : {"/LOCK", "/holdfast.json"})
    EXPECT_EQ(mode(path_ + name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << name;

  // One that was made otherwise.
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
  std::filesystem::permissions(path_ + "/holdfast.json", std::filesystem::perms(0644));
  ::testing::internal::CaptureStdout();  // Where the log goes before init_log().
  { ASSERT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  { ASSERT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  const std::string said = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(mode(path_), std::filesystem::perms::owner_all);
  EXPECT_EQ(mode(path_ + "/view"), std::filesystem::perms::owner_all);
  for (const char* name : {"/holdfast.json", "/view/000001.sst"})
    EXPECT_EQ(mode(path_ + name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << name;
  const auto first = said.find("was open to others");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("was open to others", first + 1), std::string::npos) << "once";
}

TEST_F(DataDirectoryTest, StaysLockedWhenLOCKIsTakenAway) {
  const auto first = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_TRUE(first);
  EXPECT_THAT(open_data_directory(path_, 8, PartitionsAre::Suggested).error().message, HasSubstr("process " + std::to_string(::getpid())));
  std::filesystem::remove(path_ + "/LOCK");
  const auto second = open_data_directory(path_, 8, PartitionsAre::Suggested);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
}

TEST_F(DataDirectoryTest, LOCKNeverLeadsToSomebodyElsesFile) {
  std::filesystem::create_directories(path_);
  const std::string theirs = parent_ + "/theirs";
  const auto content = [&] {
    std::ifstream file(theirs);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  };
  std::ofstream(theirs) << "12345678";
  std::filesystem::create_symlink(theirs, path_ + "/LOCK");
  EXPECT_FALSE(open_data_directory(path_, 8, PartitionsAre::Suggested));
  EXPECT_EQ(content(), "12345678");
  std::filesystem::remove(path_ + "/LOCK");
  std::filesystem::create_hard_link(theirs, path_ + "/LOCK");
  { EXPECT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  EXPECT_EQ(content(), "12345678");
  std::filesystem::remove(path_ + "/LOCK");
  std::ofstream(path_ + "/LOCK") << "not a pid";
  { EXPECT_TRUE(open_data_directory(path_, 8, PartitionsAre::Suggested)); }
  std::ifstream lock(path_ + "/LOCK");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(lock)), {}), "not a pid");
}

TEST_F(DataDirectoryTest, ACrashWhileItIsMadeLeavesNothingInTheWay) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/holdfast.json.new") << "{\"for";
  EXPECT_EQ(open_data_directory(path_, 8, PartitionsAre::Suggested)->identity.partitions, 8);
}

}  // namespace
}  // namespace holdfast::app
