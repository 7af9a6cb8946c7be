#include "native/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>

#include "codec/utf8.h"
#include "model/address.h"
#include "native/elf_check.h"

namespace holdfast::native {
namespace {

constexpr std::size_t kLoaderMessageMax = 500;

std::string system_message(int error) { return std::system_category().message(error); }

// A file that has no name and cannot change any more.
Result<int> copy_to_memory(const std::string& path) {
  const int from = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) {
    const int error = errno;
    if (error == ENOENT) return fail(ErrorCode::NotFound, "there is no file " + path);
    return fail(ErrorCode::Invalid, "cannot read " + path + ": " + system_message(error));
  }
  struct stat info {};
  if (::fstat(from, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(from);
    return fail(ErrorCode::Invalid, path + " is not a file");
  }
  if (static_cast<std::size_t>(info.st_size) > kModuleBytesMax) {
    ::close(from);
    return fail(ErrorCode::TooLarge, path + " has " + std::to_string(info.st_size) + " bytes, more than the limit of " +
                                         std::to_string(kModuleBytesMax));
  }
  const int to = ::memfd_create(path.substr(path.rfind('/') + 1, 200).c_str(), MFD_CLOEXEC);
  int error = to < 0 ? errno : 0;
  for (off_t left = info.st_size; error == 0 && left > 0;) {
    const ssize_t sent = ::sendfile(to, from, nullptr, static_cast<std::size_t>(left));
    if (sent < 0 && errno != EINTR) error = errno;
    if (sent == 0) break;  // It has become shorter: see check_is_whole().
    if (sent > 0) left -= sent;
  }
  ::close(from);
  if (error == 0) return to;
  if (to >= 0) ::close(to);
  return fail(ErrorCode::Io, "cannot copy " + path + " into memory: " + system_message(error));
}

std::string name_of(int file) { return "/proc/self/fd/" + std::to_string(file); }

bool is_function_type(std::string_view type) {
  const auto [ns, name] = model::split_type(type);
  return codec::is_text(type) && !ns.empty() && !name.empty() && name != "*";
}

Result<void> check(const holdfast_module_descriptor* d, const std::string& name) {
  const auto refuse = [&name](const std::string& what) { return fail(ErrorCode::Invalid, name + " " + what); };
  if (d == nullptr) return refuse("gives no descriptor: its " HOLDFAST_MODULE_SYMBOL "() returned NULL");
  if (d->abi_major != HOLDFAST_ABI_MAJOR) {
    return refuse("is made for version " + abi_version(*d) + " of the module ABI, this program has " + std::to_string(HOLDFAST_ABI_MAJOR) + "." +
                  std::to_string(HOLDFAST_ABI_MINOR) + ": build it with an SDK whose major version is " + std::to_string(HOLDFAST_ABI_MAJOR));
  }
  if (d->struct_size < sizeof(holdfast_module_descriptor)) {
    return refuse("has a descriptor of " + std::to_string(d->struct_size) + " bytes, expected at least " +
                  std::to_string(sizeof(holdfast_module_descriptor)));
  }
  if (d->create == nullptr || d->invoke == nullptr) return refuse("has no create or no invoke in its descriptor");
  if (d->failure != nullptr) return refuse("cannot make its functions: " + codec::excerpt(d->failure));
  if (d->functions == nullptr || d->function_count == 0) return refuse("has no functions");
  if (d->function_count > kFunctionsMax) {
    return refuse("has " + std::to_string(d->function_count) + " functions, more than the limit of " + std::to_string(kFunctionsMax));
  }
  if (d->function_size < sizeof(holdfast_function) || d->function_size % alignof(holdfast_function) != 0) {
    return refuse("has function entries of " + std::to_string(d->function_size) + " bytes, expected at least " +
                  std::to_string(sizeof(holdfast_function)));
  }
  std::set<std::string_view> types;
  for (std::size_t i = 0; i < d->function_count; ++i) {
    const auto& f = *reinterpret_cast<const holdfast_function*>(reinterpret_cast<const char*>(d->functions) + i * d->function_size);
    const std::string_view type = f.type == nullptr ? std::string_view() : f.type;
    if (!is_function_type(type)) return refuse("names a function \"" + codec::excerpt(type) + "\", expected namespace/name");
    if (!types.insert(type).second) return refuse("has function " + std::string(type) + " twice");
    if (f.execution != HOLDFAST_QUICK && f.execution != HOLDFAST_BLOCKING)
      return refuse("has function " + std::string(type) + " with the unknown execution " + std::to_string(f.execution));
  }
  return {};
}

}  // namespace

std::string abi_version(const holdfast_module_descriptor& descriptor) {
  return std::to_string(descriptor.abi_major) + "." + std::to_string(descriptor.abi_minor);
}

Result<std::shared_ptr<Library>> Library::open(const std::string& path) {
  const auto copy = copy_to_memory(path);
  if (!copy) return fail(copy.error());
  std::shared_ptr<Library> library(new Library);
  library->file_ = *copy;
  struct stat copied {};
  if (::fstat(*copy, &copied) != 0) return fail(ErrorCode::Io, "cannot look at the copy of " + path + ": " + system_message(errno));
  if (auto whole = check_is_whole(*copy, static_cast<std::uint64_t>(copied.st_size)); !whole)
    return fail(whole.error().code, path + " " + whole.error().message);
  const std::string loaded_from = name_of(*copy);
  library->handle_ = ::dlopen(loaded_from.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle_ == nullptr) {
    std::string why = ::dlerror();
    for (auto at = why.find(loaded_from); at != std::string::npos; at = why.find(loaded_from, at + path.size()))
      why.replace(at, loaded_from.size(), path);
    return fail(ErrorCode::Invalid, path + " cannot be loaded: " + codec::excerpt(why, kLoaderMessageMax));
  }
  void* const symbol = ::dlsym(library->handle_, HOLDFAST_MODULE_SYMBOL);
  if (symbol == nullptr) {
    return fail(ErrorCode::Invalid, path + " is not a module: it does not export the symbol " HOLDFAST_MODULE_SYMBOL);
  }
  library->descriptor_ = reinterpret_cast<holdfast_module_entry>(symbol)();
  if (auto ok = check(library->descriptor_, path); !ok) return fail(ok.error());
  return library;
}

Result<std::shared_ptr<Library>> Library::linked(const holdfast_module_descriptor* descriptor, const std::string& name) {
  if (auto ok = check(descriptor, name); !ok) return fail(ok.error());
  std::shared_ptr<Library> library(new Library);
  library->descriptor_ = descriptor;
  return library;
}

Library::~Library() {
  if (kept_ || file_ < 0) return;
  const std::string loaded_from = name_of(file_);
  if (handle_ != nullptr) ::dlclose(handle_);
  // Much of what is written in C++ stays loaded all the same. Its name must then never mean another file.
  if (handle_ != nullptr && ::dlopen(loaded_from.c_str(), RTLD_NOW | RTLD_NOLOAD) != nullptr) return;
  ::close(file_);
}

const holdfast_function& Library::function(std::size_t index) const {
  // A newer module may have larger entries.
  return *reinterpret_cast<const holdfast_function*>(reinterpret_cast<const char*>(descriptor_->functions) + index * descriptor_->function_size);
}

}  // namespace holdfast::native
