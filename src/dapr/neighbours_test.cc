#include "dapr/neighbours.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace holdfast::dapr {
namespace {

class NeighboursTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = ::testing::TempDir() + "hf_neighbours_" + std::to_string(::getpid());
};

TEST_F(NeighboursTest, WhoIsAnnouncedIsFoundUntilItGoes) {
  Neighbours looking(folder_);
  EXPECT_FALSE(looking.find("", "stock"));
  {
    Neighbours stock(folder_);
    ASSERT_TRUE(stock.announce("", "stock", "127.0.0.1", 4000));
    EXPECT_EQ(looking.find("", "stock"), "127.0.0.1:4000");
    EXPECT_FALSE(looking.find("", "stoc"));
    EXPECT_FALSE(looking.find("other", "stock"));
    struct stat found {};
    ASSERT_EQ(::stat(folder_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0700u);
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      ASSERT_EQ(::stat(entry.path().c_str(), &found), 0);
      EXPECT_EQ(found.st_mode & 0777, 0600u);
    }
  }
  EXPECT_FALSE(looking.find("", "stock"));
}

TEST_F(NeighboursTest, SeveralOfOneNameTakeTurns) {
  Neighbours all(folder_);
  ASSERT_TRUE(all.announce("ns", "a/b,c", "127.0.0.1", 1));
  ASSERT_TRUE(all.announce("ns", "a/b,c", "127.0.0.1", 2));
  const std::set<std::string> found = {all.find("ns", "a/b,c").value_or(""), all.find("ns", "a/b,c").value_or("")};
  EXPECT_EQ(found, (std::set<std::string>{"127.0.0.1:1", "127.0.0.1:2"}));
}

TEST_F(NeighboursTest, WhatAProcessThatIsGoneHasLeftIsRemoved) {
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(gone, nullptr, 0), gone);
  std::filesystem::create_directory(folder_);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  const std::string file = folder_ + "/,stock," + std::to_string(gone) + ",4000";
  std::ofstream(file) << "127.0.0.1:4000";
  for (const char* name : {"x", ",", ",stock,,", ",stock,-1,2", ".,stock,1,2"}) std::ofstream(folder_ + "/" + name) << "127.0.0.1:1";
  Neighbours looking(folder_);
  EXPECT_FALSE(looking.find("", "stock"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(NeighboursTest, AFolderThatOthersMayEnterIsNotUsed) {
  std::filesystem::create_directory(folder_);
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  std::ofstream(folder_ + "/,stock," + std::to_string(::getpid()) + ",4000") << "127.0.0.1:4000";
  Neighbours looking(folder_);
  EXPECT_FALSE(looking.announce("", "orders", "127.0.0.1", 1));
  EXPECT_FALSE(looking.find("", "stock"));
}

}  // namespace
}  // namespace holdfast::dapr
