// rides/cell: the drivers that wait in one square of the map.
#include <algorithm>

#include "functions.h"

namespace rides {

void cell(sf::Context& ctx, const sf::Message& message) {
  auto state = ctx.storage()[kDrivers];
  Drivers drivers = state.value_or({});
  auto& waiting = drivers.waiting;
  const std::string who = ctx.caller().value().id;
  if (message.is<FindDriver>()) {
    if (waiting.empty()) return ctx.reply(NoDriver{});
    ctx.reply(DriverFound{waiting.front()});
    waiting.erase(waiting.begin());
  } else if (message.is<Leave>()) {
    std::erase(waiting, who);
  } else {
    (void)message.as<Join>();
    if (std::ranges::find(waiting, who) == waiting.end()) waiting.push_back(who);
  }
  if (waiting.empty()) state.remove();
  else state = drivers;
}

}  // namespace rides
