// The secret stores that need nothing but this machine: secretstores.local.file and secretstores.local.env.
#pragma once

#include <memory>

#include "base/result.h"
#include "dapr/properties.h"
#include "dapr/secret_store.h"

namespace holdfast::dapr {

inline constexpr std::size_t kSecretsFileBytesMax = 4u << 20;

// secretsFile (JSON, read once), nestedSeparator (":"), multiValued. What is deeper than one level has the names that lead there as its name,
// with the separator between; positions in lists are names, too. multiValued: each object at the top is one secret of many texts.
[[nodiscard]] Result<std::unique_ptr<SecretStore>> open_local_file(const Properties& properties);

// prefix: put before the names of secrets. What is Dapr's own cannot be read; it is as empty as what is not set.
[[nodiscard]] std::unique_ptr<SecretStore> open_local_env(const Properties& properties, const Variables& variables);

}  // namespace holdfast::dapr
