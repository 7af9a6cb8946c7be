#include "storage/patient_file_system.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/shortage.h"

namespace holdfast::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// RocksDB keeps of errno only what strerror() says of it.
bool is_of_shortage(const IOStatus& status) {
  if (!status.IsIOError() || status.getState() == nullptr) return false;
  const std::string_view text = status.getState();
  return text.ends_with("Too many open files") || text.ends_with("Too many open files in system") || text.ends_with("Cannot allocate memory");
}

template <typename Call>
IOStatus patiently(const std::string& path, Call call) {
  for (Shortage shortage(path);;) {
    IOStatus status = call();
    if (!is_of_shortage(status)) return status;
    shortage.wait(status.getState());
  }
}

class PatientFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit PatientFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target) : FileSystemWrapper(target) {}
  [[nodiscard]] const char* Name() const override { return "PatientFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSSequentialFile>* out,
                             IODebugContext* debug) override {
    return patiently(path, [&] { return target()->NewSequentialFile(path, options, out, debug); });
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                               IODebugContext* debug) override {
    return patiently(path, [&] { return target()->NewRandomAccessFile(path, options, out, debug); });
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* debug) override {
    return patiently(path, [&] { return target()->NewWritableFile(path, options, out, debug); });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext* debug) override {
    return patiently(path, [&] { return target()->ReopenWritableFile(path, options, out, debug); });
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSRandomRWFile>* out,
                           IODebugContext* debug) override {
    return patiently(path, [&] { return target()->NewRandomRWFile(path, options, out, debug); });
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<rocksdb::FSDirectory>* out,
                        IODebugContext* debug) override {
    return patiently(path, [&] { return target()->NewDirectory(path, options, out, debug); });
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options, std::vector<std::string>* out, IODebugContext* debug) override {
    return patiently(path, [&] { return target()->GetChildren(path, options, out, debug); });
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> patient_env() {
  return rocksdb::NewCompositeEnv(std::make_shared<PatientFileSystem>(rocksdb::FileSystem::Default()));
}

}  // namespace holdfast::storage
