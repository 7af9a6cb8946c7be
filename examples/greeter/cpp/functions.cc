// The greeter: counts how often it saw somebody, and greets accordingly. The same as its neighbours in JavaScript, Python and Java.
#include "functions.h"

#include <nlohmann/json.hpp>

namespace sf = holdfast::sdk;
using nlohmann::json;

namespace {

constexpr auto kGreetRequest = sf::json_type<json, json>("example/GreetRequest");                   // {"name": "Bob"}
constexpr auto kEgressRecord = sf::json_type<json, json>("io.statefun.playground/EgressRecord");  // {"topic": …, "payload": …}

constexpr sf::State<std::int32_t> kSeen{"seen"};

std::string greeting_for(const std::string& name, std::int32_t seen) {
  if (seen == 1) return "Welcome " + name + "!";
  if (seen == 2) return "Welcome back " + name + "!";
  return "Hello " + name + ", visit number " + std::to_string(seen) + "!";
}

void greet(sf::Context& ctx, const sf::Message& message) {
  std::string name = message.is<std::string>() ? message.as<std::string>() : message.as(kGreetRequest).value("name", "");
  if (name.empty()) name = ctx.self().id;

  const std::string greeting = greeting_for(name, ctx.storage()[kSeen] += 1);
  ctx.send_egress("io.statefun.playground/egress", kEgressRecord, json{{"topic", "greetings"}, {"payload", greeting}});
  if (ctx.caller()) ctx.reply(greeting);  // Somebody waits for an answer: a function, or an HTTP caller.
}

}  // namespace

sf::Functions make_functions() {
  sf::Functions functions;
  functions.bind({"example/greeter", {kSeen}, greet});
  return functions;
}
