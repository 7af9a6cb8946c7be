#include "base/watched_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace holdfast {
namespace {

class WatchedFilesTest : public ::testing::Test {
 protected:
  WatchedFilesTest() {
    std::string name = std::filesystem::temp_directory_path() / "watched_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~WatchedFilesTest() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  std::filesystem::path folder_;
};

TEST_F(WatchedFilesTest, FilesThatNobodyTouchedHaveNotChanged) {
  write("cert", "a");
  WatchedFiles files({path("cert"), "", path("not there")});
  EXPECT_EQ(files.paths().size(), 2u);
  EXPECT_FALSE(files.changed());
}

TEST_F(WatchedFilesTest, AFileWrittenAnewInPlaceHasChangedOnce) {
  write("cert", "a");
  write("key", "a");
  WatchedFiles files({path("cert"), path("key")});
  write("key", "another");
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(files.changed());
}

TEST_F(WatchedFilesTest, AnotherFileOfTheSameSizeAndTimeInItsPlaceIsAChange) {
  write("cert", "a");
  write("cert.new", "b");
  std::filesystem::last_write_time(path("cert.new"), std::filesystem::last_write_time(path("cert")));
  WatchedFiles files({path("cert")});
  std::filesystem::rename(path("cert.new"), path("cert"));
  EXPECT_TRUE(files.changed());
}

// How Kubernetes gives a new version of a mounted secret: the files are links into a folder, which is a link that is turned.
TEST_F(WatchedFilesTest, ALinkOnTheWayThatPointsElsewhereIsAChange) {
  for (const char* version : {"v1", "v2"}) {
    std::filesystem::create_directory(path(version));
    write(std::string(version) + "/cert", "x");
  }
  std::filesystem::create_directory_symlink("v1", path("data"));
  std::filesystem::create_symlink("data/cert", path("cert"));
  WatchedFiles files({path("cert")});
  EXPECT_FALSE(files.changed());
  std::filesystem::create_directory_symlink("v2", path("data.new"));
  std::filesystem::rename(path("data.new"), path("data"));
  EXPECT_TRUE(files.changed());
}

TEST_F(WatchedFilesTest, GoingAwayAndComingBackAreChanges) {
  write("cert", "a");
  WatchedFiles files({path("cert")});
  std::filesystem::remove(path("cert"));
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(files.changed());
  write("cert", "a");
  EXPECT_TRUE(files.changed());
}

}  // namespace
}  // namespace holdfast
