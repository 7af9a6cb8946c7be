// state.sqlite: state in a file of SQLite, in the very table daprd keeps it in, so that a file can be taken over, and given back.
//
// Changes that wait together are one commit, each with a savepoint of its own: a durable change costs a part of an fsync. Where the journal is a
// WAL, reads go beside it on connections of their own.
#pragma once

#include <memory>

#include "base/result.h"
#include "dapr/state_store.h"
#include "dapr/store_settings.h"

namespace holdfast::sqlite {

// Metadata as state.sqlite/v1 has it. Invalid: a property that is wrong. Io: the file cannot be used.
[[nodiscard]] Result<std::unique_ptr<dapr::StateStore>> open_state_store(const dapr::StoreDocument& document);

}  // namespace holdfast::sqlite
