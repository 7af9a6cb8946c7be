// What /v1.0/metadata says of an application's sidecar, and other answers of the HTTP API that are small JSON objects.
#pragma once

#include <map>
#include <string>

#include "dapr/app.h"

namespace holdfast::dapr {

[[nodiscard]] std::string metadata_json(const App& app);

// {"NAME": "VALUE", ...}
[[nodiscard]] std::string secret_json(const std::map<std::string, std::string>& secret);
// {"KEY": {"NAME": "VALUE", ...}, ...}
[[nodiscard]] std::string secrets_json(const std::map<std::string, std::map<std::string, std::string>>& secrets);

}  // namespace holdfast::dapr
