#include "functions.h"

#include <string>

namespace sf = holdfast::sdk;

sf::Functions make_functions() {
  sf::Functions out;
  out.bind({"example/greeter", {kSeen}, [](sf::Context& ctx, const sf::Message& name) {
              const auto seen = ctx.storage()[kSeen] += 1;
              ctx.reply("Hello " + name.as<std::string>() + ", " + std::to_string(seen));
            }});
  return out;
}
