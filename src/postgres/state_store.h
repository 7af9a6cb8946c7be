// state.postgresql: state in a PostgreSQL database, in the tables of daprd's v1 (values in a jsonb column, xmin is the etag) and v2 (bytea, a
// UUID each change).
#pragma once

#include <memory>

#include "base/result.h"
#include "dapr/state_store.h"
#include "dapr/store_settings.h"

namespace holdfast::postgres {

// Metadata as state.postgresql/v1 and /v2 have it. Invalid: a property that is wrong, or asks for what is not here (logins of Azure and AWS).
// Unavailable: the database cannot be used.
[[nodiscard]] Result<std::unique_ptr<dapr::StateStore>> open_state_store(const dapr::StoreDocument& document);

}  // namespace holdfast::postgres
