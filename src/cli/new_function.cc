#include "cli/new_function.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <utility>

#include "cli/answers.h"

namespace holdfast::cli {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr const char* kDefaultNamespace = "example";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

std::string io_text(const std::string& what, int error) { return what + ": " + std::strerror(error); }

// Fails if the file is there, also if it has come just now.
Result<void> write_new(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return fail(ErrorCode::Io, io_text("cannot create " + path, errno));
  std::size_t written = 0;
  while (written < text.size()) {
    const auto count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(file);
      return fail(ErrorCode::Io, io_text("cannot write " + path, error));
    }
    written += static_cast<std::size_t>(count);
  }
  if (::close(file) != 0) return fail(ErrorCode::Io, io_text("cannot write " + path, errno));
  return {};
}

struct Language {
  std::string_view option;
  std::string_view name;
  std::span<const TemplateFile> (*files)();
};
constexpr Language kLanguages[] = {
    {"cpp", "C++", cpp_template}, {"js", "JavaScript", javascript_template}, {"py", "Python", python_template}};

}  // namespace

Result<FunctionName> parse_function_name(const std::string& text) {
  const auto slash = text.find('/');
  FunctionName function = slash == std::string::npos ? FunctionName{kDefaultNamespace, text}
                                                     : FunctionName{text.substr(0, slash), text.substr(slash + 1)};
  if (!is_name(function.name_space) || !is_name(function.name)) {
    return fail(ErrorCode::Invalid, "expected a name as cart or shop/cart, of lower-case letters, digits, '-' and '_', a letter first, at most " +
                                        std::to_string(kNameBytesMax) + " each, got \"" + text + "\"");
  }
  if (function.name_space == "holdfast") return fail(ErrorCode::Invalid, "the namespace holdfast is reserved, got \"" + text + "\"");
  return function;
}

std::string fill_in(std::string_view text, const FunctionName& function) {
  const std::pair<std::string_view, std::string> values[] = {
      {"@NAME@", function.name}, {"@TYPE@", function.name_space + "/" + function.name}, {"@NAMESPACE@", function.name_space}};
  std::string out;
  while (!text.empty()) {
    const auto* value = std::ranges::find_if(values, [&](const auto& each) { return text.starts_with(each.first); });
    if (value != std::end(values)) {
      out += value->second;
      text.remove_prefix(value->first.size());
    } else {
      const auto next = text.find('@', 1);
      out += text.substr(0, next);
      text.remove_prefix(std::min(next, text.size()));
    }
  }
  return out;
}

Result<std::vector<std::string>> write_project(std::span<const TemplateFile> files, const FunctionName& function,
                                               const std::string& directory) {
  const std::filesystem::path root(directory);
  for (const auto& file : files) {
    const auto path = root / file.path;
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
      return fail(ErrorCode::Conflict, path.string() + " is there already: nothing was written; --dir says another place");
    }
  }
  std::vector<std::string> written;
  for (const auto& file : files) {
    const auto path = root / file.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return fail(ErrorCode::Io, "cannot create " + path.parent_path().string() + ": " + error.message());
    if (auto done = write_new(path.string(), fill_in(file.text, function)); !done) return fail(done.error().code, done.error().message);
    written.push_back(path.string());
  }
  return written;
}

int new_function(const NewFunctionArguments& arguments) {
  const auto function = parse_function_name(arguments.name);
  if (!function) return failed(function.error());
  const auto* language = std::ranges::find(kLanguages, arguments.language, &Language::option);
  if (language == std::end(kLanguages)) return failed("--lang: expected cpp, js or py, got \"" + arguments.language + "\"", kExitUsage);
  const std::string directory = arguments.directory.empty() ? function->name : arguments.directory;
  const auto written = write_project(language->files(), *function, directory);
  if (!written) return failed(written.error());
  std::cout << "the function " << function->name_space << "/" << function->name << ", in " << language->name << ":\n";
  for (const auto& path : *written) std::cout << "  " << path << "\n";
  std::cout << (std::filesystem::path(directory) / "README.md").string() << " says how to build, test and run it.\n";
  return kExitDone;
}

}  // namespace holdfast::cli
