#include "storage/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/rows.h"
#include "storage/patient_file_system.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kPositionKey = "";
constexpr std::string_view kFirstKey{"\0", 1};  // The smallest that is not empty.
constexpr std::uint8_t kPositionVersion = 2;  // 1 does not say whose it is.
constexpr std::size_t kPrefixBytes = 3;  // Of a key: partition and kind of row.
constexpr std::size_t kBatchBytes = 1u << 20;
constexpr const char* kWriting = "write to the view";

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

Error translate(const rocksdb::Status& status, const char* what) {
  std::string message = std::string(what) + ": " + status.ToString();
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) return {ErrorCode::NoSpace, std::move(message)};
  if (status.IsCorruption()) return {ErrorCode::Damaged, std::move(message)};
  return {ErrorCode::Io, std::move(message)};
}

// What RocksDB says while it gets over a full disk by itself: not now. Whatever else is wrong comes out under its own name.
bool in_recovery(const rocksdb::Status& status) {
  return status.IsBusy() || status.IsAborted() || status.IsIncomplete() || status.IsTryAgain();
}

// Our own messages go to our log; those of RocksDB would be a second place to look at, and a file that grows.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options tuned(const RocksDbStore::Options& options) {
  rocksdb::BlockBasedTableOptions table;
  // Few shards: in the 64 that are made by default, each holds so little that a filter of a large table never stays.
  constexpr int kCacheShardBits = 2;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  // Indexes and filters count as cache, in small parts: memory is bounded by its size, however many rows there are.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_top_level_index_and_filter = true;

  rocksdb::Options out;
  // Filters know prefixes, too: a walk over what is not there, as most kinds of rows are in most partitions, reads no block, and blocks may be large.
  out.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kPrefixBytes));
  out.create_if_missing = true;
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  out.compression = rocksdb::kLZ4Compression;
  out.bottommost_compression = rocksdb::kZSTD;
  out.level_compaction_dynamic_level_bytes = true;
  out.write_buffer_size = options.memtable_bytes;
  // Most that is asked for and not there, addresses that are new, is known not to be in a memtable by this, at a hundredth of what a look takes.
  out.memtable_prefix_bloom_size_ratio = 0.02;
  out.memtable_whole_key_filtering = true;
  out.max_write_buffer_number = 3;
  out.arena_block_size = std::min<std::size_t>(256u << 10, options.memtable_bytes / 8);
  // One thread writes: what lets several do so costs time and memory.
  out.allow_concurrent_memtable_write = false;
  out.enable_write_thread_adaptive_yield = false;
  out.max_background_jobs = 2;
  out.avoid_unnecessary_blocking_io = true;
  out.bytes_per_sync = 1u << 20;
  out.max_open_files = static_cast<int>(options.open_files_max);
  out.max_file_opening_threads = 1;  // Nothing is opened ahead; more are only threads started and ended.
  out.table_cache_numshardbits = 2;
  out.skip_stats_update_on_db_open = true;
  out.skip_checking_sst_file_sizes_on_db_open = true;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.keep_log_file_num = 1;
  out.info_log = std::make_shared<SilentLogger>();
  out.paranoid_checks = true;
  // After an error of the disk nothing is tried again but by us.
  out.max_bgerror_resume_count = 0;
  // A flush that closing waits for is not asked for: the epoch log has what it would save.
  out.avoid_flush_during_shutdown = true;
  return out;
}

rocksdb::Options to_read() {
  auto options = tuned({});
  options.create_if_missing = false;
  options.avoid_unnecessary_blocking_io = false;  // RocksDB 7.8 aborts when a store open for reading alone cleans up in the background.
  return options;
}

struct Position {
  model::Epoch epoch;
  std::string owner;
};

Result<Position> read_position(rocksdb::DB& db) {
  std::string value;
  const auto status = db.Get(rocksdb::ReadOptions(), db.DefaultColumnFamily(), slice(kPositionKey), &value);
  if (status.IsNotFound()) return Position{};
  if (!status.ok()) return fail(translate(status, "read the position of the view"));
  ByteReader reader(value);
  const auto version = reader.be<std::uint8_t>();
  if (reader.ok() && (version < 1 || version > kPositionVersion))
    return fail(ErrorCode::Invalid, "format version " + std::to_string(version) +
                                        " of the view was written by another holdfast; this one knows 1 to " + std::to_string(kPositionVersion));
  Position position{{reader.be<std::uint64_t>()}, {}};
  if (version >= 2) {
    position.owner = reader.rest();
    reader.bytes(position.owner.size());
  }
  if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::Damaged, "the position of the view is not readable");
  return position;
}

bool is_of_one_prefix(std::string_view from, std::string_view to) {
  if (from.size() < kPrefixBytes || to.empty()) return false;
  const std::string_view prefix = from.substr(0, kPrefixBytes);
  return to.substr(0, kPrefixBytes) == prefix || to == codec::range_end(std::string(prefix));
}

class Cursor final : public ports::StoreCursor {
 public:
  Cursor(rocksdb::DB& db, std::string_view from, std::string_view to) : to_(to), bound_(slice(to_)) {
    rocksdb::ReadOptions options;
    if (!to_.empty()) options.iterate_upper_bound = &bound_;
    options.prefix_same_as_start = is_of_one_prefix(from, to);
    options.total_order_seek = !options.prefix_same_as_start;
    iterator_.reset(db.NewIterator(options));
    iterator_->Seek(slice(from < kFirstKey ? kFirstKey : from));
  }
  [[nodiscard]] bool valid() const override { return iterator_->Valid(); }
  [[nodiscard]] std::string_view key() const override { return view(iterator_->key()); }
  [[nodiscard]] std::string_view value() const override { return view(iterator_->value()); }
  void next() override { iterator_->Next(); }
  [[nodiscard]] Result<void> status() const override {
    if (const auto status = iterator_->status(); !status.ok()) return fail(translate(status, "scan the view"));
    return {};
  }

 private:
  std::string to_;
  rocksdb::Slice bound_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// What is amiss in a directory without CURRENT, the file that says which others count. A crash while a view is first made may leave it
// without, but nothing of what is written after it; RocksDB would begin a new view over such a rest.
std::string what_is_left(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory + "/CURRENT", error)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".sst" || extension == ".log") return directory + "/CURRENT is missing, but " + entry.path().filename().string() + " is there";
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ports::StateStore>> RocksDbStore::open(const std::string& directory, const Options& options) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(ErrorCode::Io, "make directory " + directory + ": " + error.message());
  if (auto left = what_is_left(directory); !left.empty()) return fail(ErrorCode::Damaged, std::move(left));
  auto env = patient_env();
  auto how = tuned(options);
  how.env = env.get();
  rocksdb::DB* db = nullptr;
  if (const auto status = rocksdb::DB::Open(how, directory, &db); !status.ok())
    return fail(translate(status, ("open the view in " + directory).c_str()));
  std::unique_ptr<RocksDbStore> store(new RocksDbStore(std::move(env), std::unique_ptr<rocksdb::DB>(db)));
  const auto position = read_position(*db);
  if (!position) return fail(position.error());
  if (!options.owner.empty() && !position->owner.empty() && position->owner != options.owner)
    return fail(ErrorCode::Damaged, "the view in " + directory + " is of a data directory with " + position->owner + ", but this one has " + options.owner);
  store->owner_ = options.owner;
  store->reached_ = position->epoch.value;
  return store;
}

Result<std::unique_ptr<ports::StateStore>> RocksDbStore::open_to_read(const std::string& directory) {
  auto env = patient_env();
  auto how = to_read();
  how.env = env.get();
  rocksdb::DB* db = nullptr;
  if (const auto status = rocksdb::DB::OpenForReadOnly(how, directory, &db); !status.ok())
    return fail(translate(status, ("open the view in " + directory).c_str()));
  std::unique_ptr<RocksDbStore> store(new RocksDbStore(std::move(env), std::unique_ptr<rocksdb::DB>(db)));
  const auto position = read_position(*db);
  if (!position) return fail(position.error());
  store->reached_ = position->epoch.value;
  return store;
}

RocksDbStore::RocksDbStore(std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db) : env_(std::move(env)), db_(std::move(db)) {}
RocksDbStore::~RocksDbStore() = default;

Result<std::optional<std::string>> RocksDbStore::get(std::string_view key) const {
  if (key == kPositionKey) return std::nullopt;
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return fail(translate(status, "read the view"));
  return value;
}

std::unique_ptr<ports::StoreCursor> RocksDbStore::scan(std::string_view from, std::string_view to) const {
  return std::make_unique<Cursor>(*db_, from, to);
}

Result<void> RocksDbStore::apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) {
  if (auto resumed = resume(); !resumed) return resumed;
  rocksdb::WriteBatch batch(kBatchBytes + kBatchBytes / 8);
  for (const auto& write : writes) {
    HOLDFAST_CHECK(!write.key.empty());
    const auto status = write.value ? batch.Put(slice(write.key), slice(*write.value)) : batch.Delete(slice(write.key));
    if (!status.ok()) return fail(translate(status, kWriting));
    if (batch.GetDataSize() < kBatchBytes) continue;
    if (auto written = this->write(batch); !written) return written;
    batch.Clear();
  }
  std::string position;
  append_be(position, kPositionVersion);
  append_be(position, epoch.value);
  position += owner_;
  if (const auto status = batch.Put(slice(kPositionKey), position); !status.ok()) return fail(translate(status, kWriting));
  if (auto written = write(batch); !written) return written;
  reached_ = epoch.value;
  return {};
}

Result<void> RocksDbStore::write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions without_log;
  without_log.disableWAL = true;
  if (const auto status = db_->Write(without_log, &batch); !status.ok()) return fail(stop(status, kWriting));
  return {};
}

Result<model::Epoch> RocksDbStore::checkpoint() {
  if (auto resumed = resume(); !resumed) return fail(resumed.error());
  const auto reached = this->reached();
  if (const auto status = db_->Flush(rocksdb::FlushOptions()); !status.ok()) {
    return fail(stop(status, "flush the view"));
  }
  // While RocksDB gets over a full disk it may say so without having done it, and the log is trimmed on our word.
  for (const std::string& property : {rocksdb::DB::Properties::kNumEntriesActiveMemTable, rocksdb::DB::Properties::kNumImmutableMemTable}) {
    std::uint64_t left = 0;
    if (db_->GetIntProperty(property, &left) && left == 0) continue;
    return fail(ErrorCode::NoSpace, "flush the view: it is not flushed yet (" + property + "=" + std::to_string(left) + ")");
  }
  return reached;
}

Result<void> RocksDbStore::resume() {
  if (!stopped_) return {};
  if (const auto status = db_->Resume(); !status.ok()) return fail(stop(status, "let the view go on"));
  stopped_ = false;
  return {};
}

Error RocksDbStore::stop(const rocksdb::Status& status, const char* what) {
  stopped_ = true;
  Error error = translate(status, what);
  // A full disk is the one error that anybody goes on after, so it is the one that RocksDB can be getting over.
  if (in_recovery(status)) error.code = ErrorCode::NoSpace;
  return error;
}

Result<StoreReport> verify(const std::string& directory) {
  StoreReport report;
  std::error_code error;
  if (auto left = what_is_left(directory); !left.empty()) report.damage.push_back(std::move(left));
  if (!std::filesystem::exists(directory + "/CURRENT", error)) {
    report.exists = !report.damage.empty();
    return report;
  }
  report.exists = true;
  const auto judge = [&](const rocksdb::Status& status, const char* what) -> Result<bool> {
    if (status.ok()) return true;
    auto translated = translate(status, what);
    if (translated.code != ErrorCode::Damaged) return fail(std::move(translated));
    report.damage.push_back(std::move(translated.message));
    return false;
  };

  const auto options = to_read();
  rocksdb::DB* raw = nullptr;
  const auto opened = judge(rocksdb::DB::OpenForReadOnly(options, directory, &raw), "open the view");
  if (!opened) return fail(opened.error());
  if (!*opened) return report;
  const std::unique_ptr<rocksdb::DB> db(raw);

  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    rocksdb::SstFileReader reader(options);
    auto status = reader.Open(directory + file.name);
    if (status.ok()) status = reader.VerifyChecksum(rocksdb::ReadOptions());
    const std::string first = file.smallestkey.empty() ? "the position" : codec::describe_key(file.smallestkey);
    const std::string what = directory + file.name + ", from " + first + " to " + codec::describe_key(file.largestkey);
    if (const auto sound = judge(status, what.c_str()); !sound) return fail(sound.error());
  }
  if (!report.damage.empty()) return report;
  const auto position = read_position(*db);
  if (!position) {
    report.damage.push_back(position.error().message);
    return report;
  }
  report.reached = position->epoch;
  report.owner = position->owner;
  rocksdb::ReadOptions walk;
  walk.fill_cache = false;
  walk.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(walk));
  for (rows->Seek(slice(kFirstKey)); rows->Valid(); rows->Next()) {
    ++report.keys;
    report.bytes += rows->key().size() + rows->value().size();
    report.last_key.assign(rows->key().data(), rows->key().size());
  }
  const auto walked = judge(rows->status(), "read the rows of the view");
  if (!walked) return fail(walked.error());
  return report;
}

}  // namespace holdfast::storage
