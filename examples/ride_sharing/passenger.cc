// rides/passenger: books one ride at a time, and counts.
#include "functions.h"

namespace rides {
namespace {

void book(sf::Context& ctx, const Book& wish) {
  auto current = ctx.storage()[kCurrentRide];
  if (!current) {
    current = ctx.self().id + "-" + std::to_string(ctx.storage()[kBooked] += 1);
    ctx.send({kRide, *current}, Requested{.from = wish.from, .to = wish.to});
  }
  if (ctx.caller()) ctx.reply(*current);  // The id of the ride, a new one or the one that is under way.
}

void cancel(sf::Context& ctx) {
  const auto current = ctx.storage().get(kCurrentRide);
  if (current) ctx.send({kRide, *current}, CancelRide{});
}

void ended(sf::Context& ctx, const Ended& end) {
  if (end.how == "arrived") ctx.storage()[kArrived] += 1;
  ctx.storage()[kCurrentRide].remove();
}

}  // namespace

void passenger(sf::Context& ctx, const sf::Message& message) {
  if (message.is<Book>()) return book(ctx, message.as<Book>());
  if (message.is<CancelBooking>()) return cancel(ctx);
  if (message.is<Ended>()) return ended(ctx, message.as<Ended>());
  (void)message.as<Started>();  // Nice to know. Anything else throws.
}

}  // namespace rides
