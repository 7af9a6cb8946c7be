// rides/ride: one ride from its request to its end; it finds a driver, asks again while there is none, and gives up in the end.
#include "functions.h"

namespace rides {
namespace {

sf::CancellationToken look_again_token(const sf::Context& ctx, const Trip& trip) {
  return sf::CancellationToken("look-again/" + ctx.self().id + "/" + std::to_string(trip.looked));
}

void tell(sf::Context& ctx, const Trip& trip, const std::string& what) {
  const Update update{.ride = ctx.self().id, .passenger = trip.passenger, .what = what, .driver = trip.driver};
  ctx.send_egress(kUpdates, sf::KafkaRecord{.topic = "rides", .key = ctx.self().id, .value = sf::record_value(update)});
}

// Nothing stays of a ride that has ended: what still arrives for it, a timer that was on its way, finds no trip.
void end(sf::Context& ctx, const Trip& trip, const std::string& how) {
  tell(ctx, trip, how);
  ctx.send({kPassenger, trip.passenger}, Ended{how});
  ctx.storage()[kTrip].remove();
}

void look(sf::Context& ctx, Trip& trip) {
  ++trip.looked;
  trip.phase = "looking";
  ctx.send({kCell, std::to_string(trip.from)}, FindDriver{});
  ctx.storage()[kTrip] = trip;
}

void requested(sf::Context& ctx, const Requested& wish) {
  Trip trip{.passenger = ctx.caller().value().id, .from = wish.from, .to = wish.to};
  tell(ctx, trip, "requested");
  look(ctx, trip);
}

// The cell, or the driver it named, has nobody for us.
void nobody(sf::Context& ctx, Trip& trip) {
  trip.driver.clear();
  if (trip.cancelled) return end(ctx, trip, "cancelled");
  if (trip.looked >= kLooksMax) return end(ctx, trip, "no driver");
  trip.phase = "waiting";
  ctx.send_after(kLookAgainAfter, look_again_token(ctx, trip), ctx.self(), LookAgain{});
  ctx.storage()[kTrip] = trip;
}

void drop(sf::Context& ctx, Trip& trip) {
  ctx.send({kDriver, trip.driver}, DropFare{});
  end(ctx, trip, "cancelled");
}

void found(sf::Context& ctx, Trip& trip, const DriverFound& found) {
  trip.driver = found.driver;
  if (trip.cancelled) return drop(ctx, trip);  // The cell has taken them off its list.
  trip.phase = "asking";
  ctx.send({kDriver, trip.driver}, PickUp{trip.to});
  ctx.storage()[kTrip] = trip;
}

void picked_up(sf::Context& ctx, Trip& trip) {
  if (trip.cancelled) return drop(ctx, trip);
  trip.phase = "driving";
  tell(ctx, trip, "started");
  ctx.send({kPassenger, trip.passenger}, Started{trip.driver});
  ctx.storage()[kTrip] = trip;
}

// Who sits in a car stays there. A cell or a driver that has been asked will answer: until then there is no end.
void cancel(sf::Context& ctx, Trip& trip) {
  if (trip.phase == "driving") return;
  if (trip.phase == "waiting") {
    ctx.cancel_delayed_message(look_again_token(ctx, trip));
    return end(ctx, trip, "cancelled");
  }
  trip.cancelled = true;
  ctx.storage()[kTrip] = trip;
}

}  // namespace

void ride(sf::Context& ctx, const sf::Message& message) {
  if (message.is<Requested>()) return requested(ctx, message.as<Requested>());
  auto trip = ctx.storage().get(kTrip);
  if (!trip) return;
  if (message.is<DriverFound>()) return found(ctx, *trip, message.as<DriverFound>());
  if (message.is<NoDriver>() || message.is<Busy>()) return nobody(ctx, *trip);
  if (message.is<PickedUp>()) return picked_up(ctx, *trip);
  if (message.is<CancelRide>()) return cancel(ctx, *trip);
  if (message.is<Arrived>()) return end(ctx, *trip, "arrived");
  (void)message.as<LookAgain>();
  look(ctx, *trip);
}

}  // namespace rides
