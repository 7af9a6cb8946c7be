// Replicas: what is deployed of the simulated function. Each call meets one of three versions, as behind a load balancer while they are
// replaced in turns; each version declares, beside the states of the program, one of its own, whose expiry differs from call to call, and
// writes it. As the SDKs do, it names the states that it lacks.
//
// Functions of some types have a state beside, which all versions declare in the same way until that is deployed anew: see expiry.h.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "expiry.h"
#include "model/invocation.h"
#include "model/message.h"
#include "ports/function_target.h"

namespace holdfast::sim {

// The state that a version declares beside the others.
std::string own_state(Random& random);

model::InvocationOutcome run_replica(Random& random, Expiry& expiry, const ports::Invocation& call, const std::vector<model::Message>& batch);

}  // namespace holdfast::sim
