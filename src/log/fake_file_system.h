// FakeFileSystem: a disk in memory that can crash, fill up and fail, for the simulator and for tests. A seed repeats a run.
//
// It is as unkind as a disk may be: what was written since the last sync is, after a crash, there, not there, or there in some of its
// 512-byte sectors; a name made, changed or taken away since the last sync_directory() may be so or not (in the order it was done);
// after a sync that failed, the bytes read back as written but are no longer on their way to the disk.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "log/file_system.h"

namespace holdfast::log {

class FakeFileSystem final : public FileSystem {
 public:
  enum class Operation { Open, Write, Read, Sync, Rename, Remove, SyncDirectory };

  explicit FakeFileSystem(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override;
  [[nodiscard]] Result<void> make_directory(const std::string& directory) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<void> sync_directory(const std::string& directory) override;

  // Cuts the power: every file that is open fails from now on, and what was not durable is lost as told above. It can be used again at
  // once.
  void crash();
  // Kills the process only: open files fail from now on, nothing is lost.
  void kill();
  // Lets `operations` more that change something succeed; the one after that does a random part of its work and fails, and so does
  // everything then, until crash() or kill().
  void stop_after(std::uint64_t operations) { stop_after_ = operations; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }  // Operations so far that change something.

  // Bytes all files may take together; writes beyond it do what still fits and fail with ErrorCode::NoSpace.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t used() const;
  // The `nth` operation of this kind from now (1: the next) fails with `error`. A write does a random part of its work.
  void fail(Operation operation, std::uint64_t nth, Error error);

  // What the disk holds, past all rules: to look at it and, when nothing is being written, to damage it.
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] const std::string& content(const std::string& path) const;
  void set_content(const std::string& path, std::string bytes);

 private:
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Inode {
    std::string content;        // What is read.
    std::string durable;        // What a crash leaves at least,
    std::deque<Write> pending;  // and what may come on top of that.
  };
  struct Handle;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct Failure {
    Operation operation;
    std::uint64_t left;
    Error error;
  };

  // Counts the operation; an error if it is to fail.
  std::optional<Error> begin(Operation operation);
  Result<void> write(Inode& inode, std::uint64_t offset, const std::string& bytes);
  void write_part(Inode& inode, std::uint64_t offset, const std::string& bytes);
  void lose(Inode& inode);
  void forget_handles();

  SeededRandom random_;
  Names names_;
  Names durable_names_;
  std::deque<Names> pending_names_;  // After each change since the last sync of the directory.
  std::uint64_t life_ = 0;           // Handles of an earlier one fail.
  std::uint64_t capacity_ = UINT64_MAX;
  std::uint64_t changes_ = 0;
  std::optional<std::uint64_t> stop_after_;
  bool stopped_ = false;
  std::deque<Failure> failures_;
};

}  // namespace holdfast::log
