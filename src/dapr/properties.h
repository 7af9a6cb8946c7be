// Properties: what a component is configured with, ready for use: secrets and variables looked up, templates filled in. As in Dapr's components,
// names of properties count without regard to case.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "model/dapr.h"

namespace holdfast::dapr {

class Properties {
 public:
  Properties() = default;
  explicit Properties(std::vector<std::pair<std::string, std::string>> items) : items_(std::move(items)) {}

  // None, too, where there is no text: to components that is the same.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  // true, yes, on, 1, y, t in any case, as Dapr's components read it; anything else is false.
  [[nodiscard]] bool is_true(std::string_view name) const;
  // Each name once, as written. Holds secrets: not for logs.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// The environment of the process, as it was at some time.
using Variables = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Variables process_variables();

// What values may refer to, beside secrets.
struct Surroundings {
  std::string app_id;
  std::string name_space;
  Variables variables;  // envRef; POD_NAME is {podName}.
};

// Whether envRef may name it: not what is Dapr's own, and if DAPR_ENV_KEYS is there, only what that lists (with spaces between).
[[nodiscard]] bool is_variable_allowed(std::string_view name, const Variables& variables);

// {uuid} (each another), {podName}, {namespace} (which is namespace.appid) and {appID} in a value. Invalid: {podName} without POD_NAME.
[[nodiscard]] Result<std::string> fill_in(std::string text, const Surroundings& surroundings, Random& random);

// A random UUID (version 4).
[[nodiscard]] std::string make_uuid(Random& random);

}  // namespace holdfast::dapr
