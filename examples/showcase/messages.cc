// Part 2, messages. showcase/alarm rings showcase/bell after a while, unless it is told "stop" before.
//
// A message to a function is sent by its address: a type and an id. It is on its way when the call that sent it is done, and then it
// arrives, whatever crashes. The address of whoever sent the message is ctx.caller(); an HTTP call is an address, too.
#include "functions.h"

namespace showcase {
namespace {

using namespace std::chrono_literals;

constexpr sf::TypeName kBell{"showcase/bell"};
constexpr sf::State<std::int64_t> kRung{"rung"};
constexpr sf::State<bool> kIsSet{"is_set"};

// Each alarm has its own id, and rings once at a time, so its id makes the token unique.
sf::CancellationToken token(const sf::Context& ctx) { return sf::CancellationToken("alarm/" + ctx.self().id); }

void alarm(sf::Context& ctx, const sf::Message& message) {
  const auto what = message.as<std::string>();
  auto is_set = ctx.storage()[kIsSet];
  if (what == "stop") {
    if (is_set) ctx.cancel_delayed_message(token(ctx));
    if (ctx.caller()) ctx.reply(is_set ? "stopped" : "was not set");
    is_set.remove();
  } else if (what == "ring") {
    ctx.send({kBell, ctx.self().id}, "ding");
    is_set.remove();
  } else if (is_set) {
    if (ctx.caller()) ctx.reply("is set already");
  } else {
    // A message to itself, later. It is kept like all others: Holdfast may be down in between.
    ctx.send_after(1500ms, token(ctx), ctx.self(), "ring");
    is_set = true;
    if (ctx.caller()) ctx.reply("set");
  }
}

void bell(sf::Context& ctx, const sf::Message& message) {
  if (message.as<std::string>() == "ding") {
    ctx.storage()[kRung] += 1;
    return;
  }
  ctx.reply("rung " + std::to_string(ctx.storage()[kRung].value_or(0)) + " times");
}

}  // namespace

void bind_messages(sf::Functions& functions) {
  functions.bind({"showcase/alarm", {kIsSet}, alarm});
  functions.bind({kBell, {kRung}, bell});
}

}  // namespace showcase
