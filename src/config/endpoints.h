// What endpoints of all generations have in common.
#pragma once

#include "config/kinds.h"

namespace holdfast::config {

[[nodiscard]] const Format<Duration>& timeout();
// maxNumBatchRequests and maxConcurrentRequests.
void read_bounds(MapReader& spec, model::EndpointSpec& out);
// `onFailure`. The endpoint is the next one of the configuration.
void read_on_failure(MapReader& spec, model::FailurePolicy& out, Configuration& configuration,
                     Declarations& declarations);
// How they are called and what they speak: maxNumBatchRequests, maxConcurrentRequests, protocol, states,
// onFailure. The endpoint is the next one of the configuration.
void read_calls(MapReader& spec, model::EndpointSpec& out, Configuration& configuration,
                Declarations& declarations);
// `states`: names, or maps of name, expireAfter and expireMode.
void read_states(MapReader& spec, std::vector<model::StateSpec>& out);
void add_endpoint(MapReader& spec, model::EndpointSpec endpoint, Configuration& configuration);

}  // namespace holdfast::config
