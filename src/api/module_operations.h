// The modules in this process over HTTP: what is loaded, and loading it anew. docs/http-api.md lists paths and members.
#pragma once

#include <string>
#include <vector>

#include "api/exchange.h"
#include "ports/modules.h"

namespace holdfast::api {

class ModuleOperations {
 public:
  // Null: there are none. Otherwise outlives the requests.
  explicit ModuleOperations(ports::Modules* modules) : modules_(modules) {}

  [[nodiscard]] static bool is_path(const std::vector<std::string>& path);
  void handle(ExchangePtr exchange, const std::vector<std::string>& path);

 private:
  ports::Modules* modules_;
};

}  // namespace holdfast::api
