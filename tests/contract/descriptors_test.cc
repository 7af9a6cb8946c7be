// Log and view in a process that has no descriptor left: they wait for one, since to fail would end the process.
#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <string>

#include "log/posix_file_system.h"
#include "storage/rocksdb_store.h"
#include "temp_directory.h"

namespace holdfast {
namespace {

// UBSan looks at objects through a pipe: without descriptors it takes every one of them for none.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitizerNeedsDescriptors = true;
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif

// While it lives, nothing can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_EQ(::open("/dev/null", O_RDONLY | O_CLOEXEC), -1);
    EXPECT_EQ(errno, EMFILE);
  }
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

// What `call` answers, which has begun while there was no descriptor and goes on when there are some.
template <typename Call>
auto call_without(Call call) {
  std::future<decltype(call())> answer;
  {
    const NoDescriptors none;
    answer = std::async(std::launch::async, call);
    // A call that does not wait is done by then, and has failed.
    EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  }
  return answer.get();
}

TEST(WithoutDescriptors, TheViewWaitsWithAFlush) {
  if (kSanitizerNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  const testing::TempDirectory directory;
  auto store = storage::RocksDbStore::open(directory.path() + "/view", {}).value();
  const ports::StoreWrite write{"key", "value"};
  ASSERT_TRUE(store->apply({&write, 1}, {1}));
  const auto reached = call_without([&] { return store->checkpoint(); });
  ASSERT_TRUE(reached) << reached.error().message;
  EXPECT_EQ(reached->value, 1u);
}

TEST(WithoutDescriptors, TheLogWaitsWithItsFilesAndDirectories) {
  if (kSanitizerNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  const testing::TempDirectory directory;
  log::PosixFileSystem files;
  const auto opened = call_without([&] { return files.open(directory.path() + "/segment", log::OpenMode::Create); });
  ASSERT_TRUE(opened) << opened.error().message;
  const auto synced = call_without([&] { return files.sync_directory(directory.path()); });
  EXPECT_TRUE(synced) << synced.error().message;
}

}  // namespace
}  // namespace holdfast
