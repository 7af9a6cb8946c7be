// Part 4, states and their expiration. showcase/visits counts in three ways; tell it "forget" and it forgets.
//
// A state is declared with the function, read and written through ctx.storage(), and durable together with all that the call sends. What was
// not touched is not sent back. It expires when the runtime says so, even while nobody calls.
#include "functions.h"

namespace showcase {
namespace {

using namespace std::chrono_literals;

constexpr sf::State<std::int64_t> kEver{"ever"};
constexpr sf::State<std::int64_t> kSession{"session", sf::expire_after_call(2s)};    // Gone 2 s after the last call.
constexpr sf::State<std::string> kFirst{"first", sf::expire_after_write(2s)};        // Gone 2 s after it was written, called or not.

void visits(sf::Context& ctx, const sf::Message& message) {
  auto& storage = ctx.storage();
  if (message.as<std::string>() == "forget") {
    storage[kEver].remove();
    storage[kSession].remove();
    storage[kFirst].remove();
  } else {
    storage[kEver] += 1;     // An empty state counts as 0.
    storage[kSession] += 1;
    if (!storage[kFirst]) storage[kFirst] = message.as<std::string>();
  }
  ctx.reply("ever: " + std::to_string(storage[kEver].value_or(0)) + ", in this session: " + std::to_string(storage[kSession].value_or(0)) +
            ", first of the last seconds: " + storage[kFirst].value_or("nobody"));
}

}  // namespace

void bind_states(sf::Functions& functions) { functions.bind({"showcase/visits", {kEver, kSession, kFirst}, visits}); }

}  // namespace showcase
