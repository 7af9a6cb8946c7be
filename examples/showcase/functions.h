// The functions of the course, each part in a file of its own: types, messages, egress, states, async. Part six is main.cc.
#pragma once

#include "holdfast/sdk.h"

namespace showcase {

namespace sf = holdfast::sdk;

void bind_types(sf::Functions& functions);
void bind_messages(sf::Functions& functions);
void bind_egress(sf::Functions& functions);
void bind_states(sf::Functions& functions);
void bind_async(sf::Functions& functions);

}  // namespace showcase

holdfast::sdk::Functions make_functions();
