// What the contract does not say: damage, and looking at a store from outside.

#include "storage/rocksdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/random.h"
#include "temp_directory.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;

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
  EXPECT_EQ(report.damage, "");
  EXPECT_EQ(before, after);
}

TEST(RocksDbStore, ADamagedBlockIsDamagedAndNotAnAnswer) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  fill(path, 500);
  ASSERT_EQ(tables(path).size(), 1u);
  flip(tables(path)[0], fs::file_size(tables(path)[0]) / 2);

  EXPECT_NE(verify(path).value().damage, "");
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
  EXPECT_NE(verify(path).value().damage, "");
  const auto store = RocksDbStore::open(path, {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::Damaged) << store.error().message;
}

// A flush that RocksDB makes on its own must not tear rows from their position either.
TEST(RocksDbStore, WhateverIsDurableAgreesWithItsPosition) {
  testing::TempDirectory directory;
  const std::string path = directory.path() + "/view";
  {
    auto store = RocksDbStore::open(path, {.memtable_bytes = 64u << 10}).value();
    for (std::uint64_t epoch = 1; epoch <= 400; ++epoch) {
      const std::string text = std::to_string(epoch);
      const std::string value(2000, 'v');
      const std::string row = "row" + text;
      const std::vector<ports::StoreWrite> writes{{"count", text}, {row, value}};
      ASSERT_TRUE(store->apply(writes, {epoch}));
    }
  }
  auto store = RocksDbStore::open(path, {}).value();
  const auto reached = store->reached().value;
  EXPECT_GT(reached, 0u);
  EXPECT_EQ(store->get("count").value(), std::to_string(reached));
  EXPECT_TRUE(store->get("row" + std::to_string(reached)).value());
  EXPECT_FALSE(store->get("row" + std::to_string(reached + 1)).value());
}

}  // namespace
}  // namespace holdfast::storage
