// SecretStore: one secret store component, whatever stands behind it.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace holdfast::dapr {

// A secret is a few texts by name; of most stores one, by its own name.
using Secret = std::map<std::string, std::string>;

// Any thread. May take as long as what stands behind it.
class SecretStore {
 public:
  virtual ~SecretStore() = default;
  // Error messages go to the application, behind Dapr's own words.
  [[nodiscard]] virtual Result<Secret> get(const std::string& name) const = 0;
  [[nodiscard]] virtual Result<std::map<std::string, Secret>> get_all() const = 0;
  // MULTIPLE_KEY_VALUES_PER_SECRET among its capabilities.
  [[nodiscard]] virtual bool has_multiple_values() const { return false; }
};

}  // namespace holdfast::dapr
