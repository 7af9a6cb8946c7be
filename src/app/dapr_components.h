// The components of one application: which types there are.
#pragma once

#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "codec/dapr_messages.h"
#include "dapr/secrets.h"
#include "dapr/state.h"
#include "model/dapr.h"
#include "model/dapr_configuration.h"
#include "ports/items.h"

namespace holdfast::app {

struct DaprComponents {
  std::vector<dapr::StateComponent> states;
  std::vector<codec::dapr::RegisteredComponent> registered;  // As metadata lists them.
};

struct DaprComponentsWorld {
  const dapr::Surroundings& surroundings;
  const model::DaprConfiguration& configuration;
  const dapr::SecretStores& secrets;  // Open.
  ports::Items& items;
  const Clock& clock;
};

// Without those that the configuration denies, and those with ignoreErrors that cannot be made, of which the log has a line each. Where there is
// no state store, one is made: `statestore`, of type state.holdfast. Invalid: a type that is not here, or a property that is wrong.
[[nodiscard]] Result<DaprComponents> make_components(const std::vector<model::DaprComponent>& documents, const DaprComponentsWorld& world, Random& random);

}  // namespace holdfast::app
