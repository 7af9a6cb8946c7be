// What the contract does not say: damage, and looking at a store from outside.

#include "storage/rocksdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/random.h"
#include "temp_directory.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

void fill(const std::string& directory, std::uint64_t epochs) {
  auto store = RocksDbStore::open(directory, {}).value();
  SeededRandom random(1);
  for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
    const std::string key = "key" + std::to_string(epoch);
    std::string value;
    for (int i = 0; i < 100; ++i) value.push_back(static_cast<char>(random.next()));
    const ports::StoreWrite write{key, value};
    ASSERT_TRUE(store->apply({&write, 1}, {epoch}));
  }
  ASSERT_TRUE(store->checkpoint());
}

std::vector<std::string> tables(const std::string& directory) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".sst") out.push_back(entry.path().string());
  return out;
}

void flip(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

TEST(RocksDbStore, VerifyCountsWhatThereIsAndChangesNothing) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  EXPECT_FALSE(verify(path).value().exists);
  EXPECT_FALSE(fs::exists(path));

  fill(path, 500);
  std::map<std::string, fs::file_time_type> before, after;
  for (const auto& entry : fs::directory_iterator(path)) before[entry.path()] = entry.last_write_time();
  const auto report = verify(path).value();
  for (const auto& entry : fs::directory_iterator(path)) after[entry.path()] = entry.last_write_time();

  EXPECT_TRUE(report.exists);
  EXPECT_EQ(report.keys, 500u);
  EXPECT_EQ(report.reached.value, 500u);
  EXPECT_GE(report.bytes, 500u * 104u);
  EXPECT_THAT(report.damage, IsEmpty());
  EXPECT_EQ(before, after);
}

TEST(RocksDbStore, ADamagedBlockIsDamagedAndNotAnAnswer) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 500);
  ASSERT_EQ(tables(path).size(), 1u);
  flip(tables(path)[0], fs::file_size(tables(path)[0]) / 2);

  EXPECT_THAT(verify(path).value().damage, SizeIs(1));
  auto store = RocksDbStore::open(path, {}).value();
  int damaged = 0;
  for (int i = 1; i <= 500; ++i) {
    const auto row = store->get("key" + std::to_string(i));
    if (!row) {
      EXPECT_EQ(row.error().code, ErrorCode::Damaged) << row.error().message;
      ++damaged;
    } else {
      EXPECT_TRUE(row->has_value());
    }
  }
  EXPECT_GT(damaged, 0);
  auto cursor = store->scan("", "");
  while (cursor->valid()) cursor->next();
  ASSERT_FALSE(cursor->status());
  EXPECT_EQ(cursor->status().error().code, ErrorCode::Damaged);
}

TEST(RocksDbStore, AMissingTableIsDamaged) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 500);
  fs::remove(tables(path)[0]);
  EXPECT_THAT(verify(path).value().damage, SizeIs(1));
  const auto store = RocksDbStore::open(path, {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::Damaged) << store.error().message;
}

TEST(RocksDbStore, DamageSaysWhichFileAndWhy) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 500);
  const auto table = tables(path).at(0);
  flip(table, fs::file_size(table) / 2);
  EXPECT_THAT(verify(path).value().damage,
              ElementsAre(AllOf(HasSubstr(table), HasSubstr("from the position to row \"key99\""), HasSubstr("checksum mismatch"))));
  auto store = RocksDbStore::open(path, {}).value();
  auto cursor = store->scan("", "");
  while (cursor->valid()) cursor->next();
  EXPECT_THAT(cursor->status().error().message, AllOf(HasSubstr(table), HasSubstr("checksum mismatch")));
}

TEST(RocksDbStore, FilesWithoutTheOneThatNamesThemAreDamagedToBoth) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 500);
  fs::remove(path + "/CURRENT");
  const auto report = verify(path).value();
  EXPECT_TRUE(report.exists);
  EXPECT_THAT(report.damage, ElementsAre(HasSubstr("CURRENT is missing")));
  const auto store = RocksDbStore::open(path, {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::Damaged);
  EXPECT_EQ(tables(path).size(), 1u) << "nothing is thrown away";
}

TEST(RocksDbStore, EveryDamagedTableIsNamed) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 100);
  fill(path, 200);
  const auto files = tables(path);
  ASSERT_EQ(files.size(), 2u);
  for (const auto& table : files) flip(table, fs::file_size(table) / 3);
  EXPECT_THAT(verify(path).value().damage, UnorderedElementsAre(HasSubstr(files[0]), HasSubstr(files[1])));
}

TEST(RocksDbStore, TheViewOfAnotherDirectoryIsDamaged) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 5);  // As it was written before it was noted whose it is.
  const RocksDbStore::Options ours{.owner = "partitions 64, id a"}, theirs{.owner = "partitions 65, id a"};
  {
    auto store = RocksDbStore::open(path, ours).value();
    const ports::StoreWrite write{"key", "value"};
    ASSERT_TRUE(store->apply({&write, 1}, {6}));
    ASSERT_TRUE(store->checkpoint());
  }
  EXPECT_EQ(RocksDbStore::open(path, ours).value()->reached().value, 6u);
  EXPECT_EQ(verify(path).value().owner, ours.owner);
  const auto other = RocksDbStore::open(path, theirs);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::Damaged);
  EXPECT_THAT(other.error().message, AllOf(HasSubstr(ours.owner), HasSubstr(theirs.owner)));
}

TEST(RocksDbStore, VerifyNamesTheLastKey) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 9);
  EXPECT_EQ(verify(path).value().last_key, "key9");
}

// A file system of its own, as large as is wanted. Needs the right to mount.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    fs::create_directories(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(RocksDbStore, AFullDiskIsNoSpaceUntilThereIsSome) {
  testing::TempDirectory directory;
  const std::string disk = directory.path() + "/disk";
  const SmallDisk mounted(disk);
  if (!mounted.mounted()) GTEST_SKIP() << "may not mount";
  auto store = RocksDbStore::open(disk + "/view", {.memtable_bytes = 256u << 10}).value();
  const std::string filler = disk + "/filler";
  { std::ofstream(filler, std::ios::binary) << std::string(4u << 20, 'z'); }

  SeededRandom random(1);
  std::uint64_t epoch = 0;
  std::string value;
  for (int i = 0; i < 20'000; ++i) value.push_back(static_cast<char>(random.next()));
  int refused = 0;
  while (refused < 500) {
    const std::string key = "key" + std::to_string(epoch + 1);
    const ports::StoreWrite write{key, value};
    auto applied = store->apply({&write, 1}, {epoch + 1});
    if (applied) {
      ++epoch;
      const auto reached = store->checkpoint();
      if (reached) continue;
      applied = fail(reached.error());
    }
    ++refused;
    ASSERT_EQ(applied.error().code, ErrorCode::NoSpace) << applied.error().message;
  }

  fs::remove(filler);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto checkpoint_soon = [&] {
    while (true) {
      const auto reached = store->checkpoint();
      if (reached) return;
      ASSERT_EQ(reached.error().code, ErrorCode::NoSpace) << reached.error().message;
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << reached.error().message;
      std::this_thread::yield();
    }
  };
  checkpoint_soon();
  const ports::StoreWrite write{"after", "it"};
  ASSERT_TRUE(store->apply({&write, 1}, {epoch + 1}));
  checkpoint_soon();
  store.reset();
  store = RocksDbStore::open(disk + "/view", {}).value();
  EXPECT_EQ(store->reached().value, epoch + 1);
  for (std::uint64_t i = 1; i <= epoch; ++i) EXPECT_TRUE(store->get("key" + std::to_string(i)).value()) << i;
}

// RocksDB flushes when it wants: what it has by then may end between two batches of one apply(), but not before a position that is there.
TEST(RocksDbStore, WhateverIsDurableAgreesWithItsPosition) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  constexpr std::uint64_t kEpochs = 6;
  constexpr int kRows = 300;  // Of 10,000 bytes: about three batches.
  const auto row = [](int i) { return "row" + std::to_string(1'000 + i); };
  const auto apply = [&](ports::StateStore& store, std::uint64_t epoch) {
    std::vector<std::string> keys;
    const std::string value = std::to_string(epoch) + std::string(10'000, 'v');
    for (int i = 0; i < kRows; ++i) keys.push_back(row(i));
    std::vector<ports::StoreWrite> writes;
    for (const auto& key : keys) writes.push_back({key, value});
    return store.apply(writes, {epoch});
  };
  {
    auto store = RocksDbStore::open(path, {.memtable_bytes = 1'500'000}).value();
    for (std::uint64_t epoch = 1; epoch <= kEpochs; ++epoch) ASSERT_TRUE(apply(*store, epoch));
  }
  auto store = RocksDbStore::open(path, {}).value();
  const auto reached = store->reached().value;
  ASSERT_GT(reached, 0u);
  bool is_of_the_next = reached < kEpochs;
  for (int i = 0; i < kRows; ++i) {
    const auto epoch = std::stoull(store->get(row(i)).value().value().substr(0, 1));
    if (is_of_the_next && epoch == reached) is_of_the_next = false;
    ASSERT_EQ(epoch, is_of_the_next ? reached + 1 : reached) << i;
  }
  for (std::uint64_t epoch = reached + 1; epoch <= kEpochs; ++epoch) ASSERT_TRUE(apply(*store, epoch));
  for (int i = 0; i < kRows; ++i) ASSERT_EQ(store->get(row(i)).value().value()[0], '0' + static_cast<char>(kEpochs));
}

}  // namespace
}  // namespace holdfast::storage
