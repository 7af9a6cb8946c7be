/// @file
/// Stateful functions in C++: everything but the server (`holdfast/sdk/server.h`), the test kit (`holdfast/sdk/testing.h`), the
/// module entry (`holdfast/sdk/module.h`) and coroutines (`holdfast/sdk/coroutine.h`).
///
///     #include <holdfast/sdk.h>
///     #include <holdfast/sdk/server.h>
///     namespace sf = holdfast::sdk;
///
///     constexpr sf::State<std::int64_t> kSeen{"seen"};
///
///     void greet(sf::Context& ctx, const sf::Message& name) {
///       const auto seen = ctx.storage()[kSeen] += 1;
///       ctx.reply("Hello " + name.as<std::string>() + ", the " + std::to_string(seen) + "th time");
///     }
///
///     int main() {
///       sf::Functions functions;
///       functions.bind({"example/greeter", {kSeen}, greet});
///       return sf::serve(functions, {.port = 8000});
///     }
#pragma once

#include "holdfast/sdk/address.h"
#include "holdfast/sdk/context.h"
#include "holdfast/sdk/egress.h"
#include "holdfast/sdk/error.h"
#include "holdfast/sdk/functions.h"
#include "holdfast/sdk/handler.h"
#include "holdfast/sdk/message.h"
#include "holdfast/sdk/state.h"
#include "holdfast/sdk/type.h"
