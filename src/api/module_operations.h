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
  // Null: there are none. Otherwise outlives the requests. `reloaded` is called after each reload: functions may be others now.
  ModuleOperations(ports::Modules* modules, std::function<void()> reloaded) : modules_(modules), reloaded_(std::move(reloaded)) {}

  [[nodiscard]] static bool is_path(const std::vector<std::string>& path);
  void handle(ExchangePtr exchange, const std::vector<std::string>& path);

 private:
  ports::Modules* modules_;
  std::function<void()> reloaded_;
};

}  // namespace holdfast::api
