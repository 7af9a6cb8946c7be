// The segment log and the directory lock on real files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "log/directory_lock.h"
#include "log/posix_file_system.h"
#include "log/segment_log.h"
#include "log/verify.h"
#include "log_probe.h"
#include "temp_directory.h"

namespace holdfast::log {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::append;
using testing::replay;

TEST(DirectoryLock, KeepsASecondOneOutAndSaysWhoHasIt) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/data/below";
  {
    const auto first = DirectoryLock::acquire(path);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = DirectoryLock::acquire(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Conflict);
    EXPECT_THAT(second.error().message, HasSubstr("in use by process " + std::to_string(::getpid())));
  }
  EXPECT_TRUE(DirectoryLock::acquire(path));
}

TEST(DirectoryLock, WhoOnlyReadsNeedsNoRightToWrite) {
  testing::TempDirectory directory;
  const std::string unlocked = directory.path() + "/unlocked";
  const std::string locked = directory.path() + "/locked";
  fs::create_directories(unlocked);
  std::optional<DirectoryLock> writer = DirectoryLock::acquire(locked).value();
  fs::permissions(directory.path(), fs::perms(0555));
  fs::permissions(unlocked, fs::perms(0555));
  fs::permissions(locked, fs::perms(0555));
  fs::permissions(locked + "/LOCK", fs::perms(0444));
  const bool root = ::geteuid() == 0;  // Root may write anywhere.
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }

  EXPECT_TRUE(DirectoryLock::acquire_to_read(unlocked));
  EXPECT_FALSE(fs::exists(unlocked + "/LOCK"));
  EXPECT_EQ(DirectoryLock::acquire_to_read(locked).error().code, ErrorCode::Conflict);
  writer.reset();
  {
    const auto reader = DirectoryLock::acquire_to_read(locked);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(DirectoryLock::acquire_to_read(locked).error().code, ErrorCode::Conflict);
  }
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  for (const auto& path : {directory.path(), unlocked, locked}) fs::permissions(path, fs::perms(0755));
  {
    const auto reader = DirectoryLock::acquire_to_read(unlocked);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_FALSE(fs::exists(unlocked + "/LOCK")) << "who only reads makes nothing, allowed to or not";
    EXPECT_EQ(DirectoryLock::acquire(unlocked).error().code, ErrorCode::Conflict);
  }
  EXPECT_FALSE(DirectoryLock::acquire_to_read(directory.path() + "/missing"));
  EXPECT_FALSE(fs::exists(directory.path() + "/missing"));
}

TEST(SegmentLogDisk, PreparesTheNextSegmentWhileOneFills) {
  testing::TempDirectory directory;
  PosixFileSystem files;
  SegmentLog::Options options;
  options.segment_bytes = 4u << 20;
  auto log = SegmentLog::open(directory.path(), options, files).value();
  ASSERT_TRUE(replay(*log, 0));
  EXPECT_EQ(files.list(directory.path()).value().size(), 0u) << "a new log costs nothing before the first append";

  std::uint64_t epoch = 0;
  std::uint64_t written = 0;
  while (written < 3u << 20) {
    ASSERT_TRUE(append(*log, ++epoch, std::string(60'000, 'x')));
    written += 60'000;
  }
  std::vector<std::uintmax_t> sizes;
  const auto names = files.list(directory.path()).value();
  for (const auto& name : names)
    if (name.starts_with("epochs-")) sizes.push_back(fs::file_size(directory.path() + "/" + name));
  // As far as preparing had come when the one before was full: near four times its size.
  ASSERT_EQ(sizes.size(), 3u);
  EXPECT_EQ(sizes[0], 256u << 10);
  EXPECT_GT(sizes[1], 800u << 10);
  EXPECT_LE(sizes[1], 1u << 20);
  EXPECT_GT(sizes[2], 3u << 20);
  EXPECT_LE(sizes[2], 4u << 20);
  const auto report = verify(directory.path(), files).value();
  EXPECT_EQ(report.records, epoch);
  EXPECT_TRUE(report.damage.empty());

  // Enough is trimmed that what was prepared or freed is used again, instead of new files.
  ASSERT_TRUE(log->trim({epoch}));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(append(*log, ++epoch, std::string(60'000, 'y')));
    ASSERT_TRUE(log->trim({epoch}));
  }
  EXPECT_LE(files.list(directory.path()).value().size(), 4u);
}

TEST(SegmentLogDisk, OtherFilesAreLeftAlone) {
  testing::TempDirectory directory;
  PosixFileSystem files;
  const std::string_view text = "mine";
  ASSERT_TRUE(files.open(directory.path() + "/notes.txt", OpenMode::Create).value()->write(0, {&text, 1}));
  ASSERT_TRUE(files.open(directory.path() + "/epochs-1.log", OpenMode::Create));
  auto log = SegmentLog::open(directory.path(), {}, files).value();
  ASSERT_TRUE(replay(*log, 0));
  ASSERT_TRUE(append(*log, 1, "x"));
  EXPECT_EQ(fs::file_size(directory.path() + "/notes.txt"), 4u);
  EXPECT_TRUE(fs::exists(directory.path() + "/epochs-1.log"));
}

TEST(SegmentLogDisk, ADirectoryThatCannotBeMadeIsAnError) {
  PosixFileSystem files;
  const auto log = SegmentLog::open("/proc/nowhere/log", {}, files);
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().message, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace holdfast::log
