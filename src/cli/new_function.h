// `holdfast new function`: a project with one stateful function in it, which builds, tests and runs as its README says.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::cli {

struct NewFunctionArguments {
  std::string name;       // "cart", which is example/cart, or "shop/cart".
  std::string language;   // "cpp", "js" or "py".
  std::string directory;  // Empty: the name without its namespace.
};

struct FunctionName {
  std::string name_space;
  std::string name;
};

// A file of a project. In its text @NAME@ stands for the function's name, @TYPE@ for namespace/name, @NAMESPACE@ for what is before the '/'.
struct TemplateFile {
  std::string_view path;
  std::string_view text;
};

[[nodiscard]] std::span<const TemplateFile> cpp_template();
[[nodiscard]] std::span<const TemplateFile> javascript_template();
[[nodiscard]] std::span<const TemplateFile> python_template();

// Lower-case letters, digits, '-' and '_', beginning with a letter: what is a target of CMake, a package of npm and a part of a type.
[[nodiscard]] Result<FunctionName> parse_function_name(const std::string& text);

[[nodiscard]] std::string fill_in(std::string_view text, const FunctionName& function);

// Nothing is ever overwritten: if one of the files is there already, none is written. The paths that were written.
[[nodiscard]] Result<std::vector<std::string>> write_project(std::span<const TemplateFile> files, const FunctionName& function,
                                                             const std::string& directory);

// The command: writes, says what, and what to do next. The exit code.
[[nodiscard]] int new_function(const NewFunctionArguments& arguments);

}  // namespace holdfast::cli
