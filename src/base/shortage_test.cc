#include "base/shortage.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace holdfast {
namespace {

TEST(Shortage, IsWhatPassesByItself) {
  for (const int error : {EMFILE, ENFILE, ENOMEM}) EXPECT_TRUE(is_shortage(error));
  for (const int error : {0, ENOENT, EACCES, EIO, ENOSPC}) EXPECT_FALSE(is_shortage(error));
}

TEST(Shortage, LeavesTheErrorAsItIs) {
  errno = ENOENT;
  {
    Shortage shortage("a file");
    shortage.wait("too many open files");
    errno = ENOENT;
  }
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace holdfast
