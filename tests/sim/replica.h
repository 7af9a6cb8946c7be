// Replicas: what is deployed of the simulated function. Each call meets one of three versions, as behind a load balancer while they are
// replaced in turns; each version declares, beside the states of the program, one of its own, whose expiry differs from call to call, and
// writes it. As the SDKs do, it names the states that it lacks.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/invocation.h"
#include "model/message.h"
#include "ports/function_target.h"

namespace holdfast::sim {

// The state that a version declares beside the others.
std::string own_state(Random& random);

model::InvocationOutcome run_replica(Random& random, std::span<const ports::StateEntry> states, const std::vector<model::Message>& batch);

}  // namespace holdfast::sim
