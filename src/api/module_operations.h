// The modules in this process over HTTP: what is loaded, and loading it anew. docs/http-api.md lists paths and members.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/exchange.h"
#include "ports/modules.h"

namespace holdfast::api {

class ModuleOperations {
 public:
  // Null: there are none. Otherwise outlives the requests. `reload_files`: as AdminOptions'.
  ModuleOperations(ports::Modules* modules, std::function<void()> reload_files)
      : modules_(modules), reload_files_(std::move(reload_files)) {}

  [[nodiscard]] static bool is_path(const std::vector<std::string>& path);
  void handle(ExchangePtr exchange, const std::vector<std::string>& path);

 private:
  ports::Modules* modules_;
  std::function<void()> reload_files_;
};

}  // namespace holdfast::api
