#include "app/rotation.h"

#include "base/log.h"

namespace holdfast::app {

void Rotation::look() {
  for (Watched& each : watched_) {
    const auto taken = each.look();
    if (!taken) {
      if (each.refused != taken.error().message)
        log_error("not taken, what was there before stays in use", {{"what", each.name}, {"error", taken.error().message}});
      each.refused = taken.error().message;
    } else {
      if (*taken) log_info("taken from its file, for new connections", {{"what", each.name}});
      each.refused.clear();
    }
  }
}

}  // namespace holdfast::app
