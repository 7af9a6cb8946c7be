// rides/driver: where a driver is, and whom they drive. An empty car waits in its cell; one with a passenger has arrived when its cell is
// the passenger's.
#include "functions.h"

namespace rides {
namespace {

void pick_up(sf::Context& ctx, const PickUp& wish) {
  auto fare = ctx.storage()[kFare];
  if (fare) return ctx.reply(Busy{});
  fare = Fare{.ride = ctx.caller().value().id, .to = wish.to};
  ctx.reply(PickedUp{});
}

void moved(sf::Context& ctx, const DriverAt& at) {
  auto fare = ctx.storage()[kFare];
  auto where = ctx.storage()[kWhere];
  if (!fare && where && *where != at.cell) ctx.send({kCell, std::to_string(*where)}, Leave{});
  where = at.cell;
  if (fare) {
    if (fare.value().to != at.cell) return;  // Still on the way.
    ctx.send({kRide, fare.value().ride}, Arrived{});
    fare.remove();
  }
  ctx.send({kCell, std::to_string(at.cell)}, Join{});
}

void drop(sf::Context& ctx) {
  auto fare = ctx.storage()[kFare];
  // Somebody else's fare stays: the ride that gave up was told of this driver, but never got them.
  if (fare && fare.value().ride != ctx.caller().value().id) return;
  fare.remove();
  if (const auto where = ctx.storage().get(kWhere)) ctx.send({kCell, std::to_string(*where)}, Join{});
}

}  // namespace

void driver(sf::Context& ctx, const sf::Message& message) {
  if (message.is<PickUp>()) return pick_up(ctx, message.as<PickUp>());
  if (message.is<DropFare>()) return drop(ctx);
  moved(ctx, message.as<DriverAt>());
}

}  // namespace rides
