// state.redis: state in a Redis server, in the very layout of daprd's: a hash of `data` and `version` a key, whose time to live is the key's.
//
// What daprd does in several commands is one script here: conditions of a transaction are checked before anything changes, and a time to live
// comes with its value. Calls that wait together travel together.
#pragma once

#include <memory>

#include "base/result.h"
#include "dapr/state_store.h"
#include "dapr/store_settings.h"

namespace holdfast::redis {

// Metadata as state.redis/v1 has it. Invalid: a property that is wrong, or asks for what is not here (cluster, sentinel, TLS). Unavailable:
// the server does not answer.
[[nodiscard]] Result<std::unique_ptr<dapr::StateStore>> open_state_store(const dapr::StoreDocument& document);

}  // namespace holdfast::redis
