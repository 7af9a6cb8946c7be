#include "log/fake_file_system.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::log {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

Error stopped_error() { return {ErrorCode::Io, "the simulated machine has stopped"}; }

void put(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

struct FakeFileSystem::Handle final : public File {
  Handle(FakeFileSystem& d, std::shared_ptr<Inode> i) : disk(d), inode(std::move(i)), life(d.life_) {}

  Result<void> write(std::uint64_t offset, std::span<const std::string_view> parts) override {
    if (life != disk.life_) return holdfast::fail(stopped_error());
    std::string bytes;
    for (const auto part : parts) bytes += part;
    return disk.write(*inode, offset, bytes);
  }

  Result<std::size_t> read(std::uint64_t offset, char* out, std::size_t size) const override {
    if (life != disk.life_) return holdfast::fail(stopped_error());
    if (auto error = disk.begin(Operation::Read)) return holdfast::fail(*error);
    if (offset >= inode->content.size()) return std::size_t{0};
    return inode->content.copy(out, size, offset);
  }

  Result<std::uint64_t> size() const override {
    if (life != disk.life_) return holdfast::fail(stopped_error());
    return inode->content.size();
  }

  Result<void> sync() override {
    if (life != disk.life_) return holdfast::fail(stopped_error());
    if (auto error = disk.begin(Operation::Sync)) {
      if (!disk.stopped_) disk.lose(*inode);
      return holdfast::fail(*error);
    }
    // Not simply what is read: after a sync that failed, only what is written anew gets to the disk.
    for (const auto& write : inode->pending) put(inode->durable, write.offset, write.bytes);
    inode->pending.clear();
    return {};
  }

  void start_writing(std::uint64_t, std::uint64_t) override {}

  FakeFileSystem& disk;
  std::shared_ptr<Inode> inode;
  std::uint64_t life;
};

std::optional<Error> FakeFileSystem::begin(Operation operation) {
  if (stopped_) return stopped_error();
  if (operation != Operation::Read && operation != Operation::Open) {
    if (stop_after_ && *stop_after_ == 0) {
      stopped_ = true;
      return stopped_error();
    }
    if (stop_after_) --*stop_after_;
    ++changes_;
  }
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (failure->operation != operation || --failure->left > 0) continue;
    auto error = std::move(failure->error);
    failures_.erase(failure);
    return error;
  }
  return std::nullopt;
}

Result<std::unique_ptr<File>> FakeFileSystem::open(const std::string& path, OpenMode mode) {
  if (auto error = begin(Operation::Open)) return holdfast::fail(*error);
  auto name = names_.find(path);
  if (mode == OpenMode::Create) {
    if (name != names_.end()) return holdfast::fail(ErrorCode::Io, "open " + path + ": it exists");
    name = names_.emplace(path, std::make_shared<Inode>()).first;
    pending_names_.push_back(names_);
  }
  if (name == names_.end()) return holdfast::fail(ErrorCode::NotFound, "open " + path + ": no such file");
  return std::make_unique<Handle>(*this, name->second);
}

Result<std::vector<std::string>> FakeFileSystem::list(const std::string& directory) {
  if (auto error = begin(Operation::Read)) return holdfast::fail(*error);
  const std::string prefix = directory + "/";
  std::vector<std::string> out;
  for (const auto& [path, inode] : names_)
    if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
      out.push_back(path.substr(prefix.size()));
  return out;
}

Result<void> FakeFileSystem::make_directory(const std::string&) {
  if (stopped_) return holdfast::fail(stopped_error());
  return {};
}

Result<void> FakeFileSystem::rename(const std::string& from, const std::string& to) {
  if (auto error = begin(Operation::Rename)) return holdfast::fail(*error);
  const auto name = names_.find(from);
  if (name == names_.end()) return holdfast::fail(ErrorCode::NotFound, "rename " + from + ": no such file");
  names_[to] = name->second;
  names_.erase(from);
  pending_names_.push_back(names_);
  return {};
}

Result<void> FakeFileSystem::remove(const std::string& path) {
  if (auto error = begin(Operation::Remove)) return holdfast::fail(*error);
  if (names_.erase(path) == 0) return holdfast::fail(ErrorCode::NotFound, "remove " + path + ": no such file");
  pending_names_.push_back(names_);
  return {};
}

Result<void> FakeFileSystem::sync_directory(const std::string&) {
  if (auto error = begin(Operation::SyncDirectory)) return holdfast::fail(*error);
  durable_names_ = names_;
  pending_names_.clear();
  return {};
}

Result<void> FakeFileSystem::write(Inode& inode, std::uint64_t offset, const std::string& bytes) {
  const bool over = stopped_;
  if (auto error = begin(Operation::Write)) {
    if (!over) write_part(inode, offset, bytes.substr(0, random_.below(bytes.size() + 1)));
    return holdfast::fail(*error);
  }
  const std::uint64_t size = inode.content.size();
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t growth = end > size ? end - size : 0;
  const std::uint64_t taken = used();
  const std::uint64_t room = capacity_ > taken ? capacity_ - taken : 0;
  if (growth > room) {
    const auto fits = bytes.size() - std::min<std::uint64_t>(growth - room, bytes.size());
    write_part(inode, offset, bytes.substr(0, fits));
    return holdfast::fail(ErrorCode::NoSpace, "write: the simulated disk is full");
  }
  write_part(inode, offset, bytes);
  return {};
}

void FakeFileSystem::write_part(Inode& inode, std::uint64_t offset, const std::string& bytes) {
  if (bytes.empty()) return;
  put(inode.content, offset, bytes);
  inode.pending.push_back({offset, bytes});
}

void FakeFileSystem::lose(Inode& inode) {
  const auto mode = random_.below(3);
  for (const auto& write : inode.pending) {
    if (mode == 0) break;
    if (mode == 1) {
      put(inode.durable, write.offset, write.bytes);
      continue;
    }
    const std::uint64_t end = write.offset + write.bytes.size();
    for (std::uint64_t at = write.offset; at < end;) {
      const std::uint64_t sector_end = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
      if (random_.below(2) == 0)
        put(inode.durable, at, std::string_view(write.bytes).substr(at - write.offset, sector_end - at));
      at = sector_end;
    }
  }
  inode.pending.clear();
}

void FakeFileSystem::crash() {
  forget_handles();
  // Some first part of the changes of names has become durable.
  const auto kept = random_.below(pending_names_.size() + 1);
  if (kept > 0) durable_names_ = pending_names_[kept - 1];
  names_ = durable_names_;
  pending_names_.clear();
  for (auto& [path, inode] : names_) {
    lose(*inode);
    inode->content = inode->durable;
  }
}

void FakeFileSystem::kill() { forget_handles(); }

void FakeFileSystem::forget_handles() {
  ++life_;
  stopped_ = false;
  stop_after_.reset();
  failures_.clear();
}

std::uint64_t FakeFileSystem::used() const {
  std::uint64_t total = 0;
  for (const auto& [path, inode] : names_) total += inode->content.size();
  return total;
}

void FakeFileSystem::fail(Operation operation, std::uint64_t nth, Error error) {
  HOLDFAST_CHECK(nth > 0);
  failures_.push_back({operation, nth, std::move(error)});
}

const std::string& FakeFileSystem::content(const std::string& path) const {
  const auto name = names_.find(path);
  HOLDFAST_CHECK(name != names_.end());
  return name->second->content;
}

void FakeFileSystem::set_content(const std::string& path, std::string bytes) {
  auto& inode = names_[path];
  if (!inode) inode = std::make_shared<Inode>();
  durable_names_[path] = inode;
  inode->pending.clear();
  inode->durable = bytes;
  inode->content = std::move(bytes);
}

std::vector<std::string> FakeFileSystem::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, inode] : names_) out.push_back(path);
  return out;
}

}  // namespace holdfast::log
