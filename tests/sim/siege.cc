// Sieges: one thing outside is away, or wrong, for as long as it likes, and all else is well. Whatever has nothing to do with it goes on, in
// bounded time.
#include "history.h"

namespace holdfast::sim {
namespace {

constexpr Duration kBound{30'000};  // Longer than any pause between two tries, and what goes on has little to do.

model::Address only(std::size_t away, std::uint64_t id) { return {std::string(kTypes[kOnlyTypes + away]), std::to_string(id)}; }

}  // namespace

void History::siege() {
  const Faults faults = world_.faults;
  world_.heal();
  full_ = false;
  switch (random_.below(5)) {
    case 0: siege_of_egress(); break;
    case 1: siege_of_endpoint(); break;
    case 2: siege_of_clock(); break;
    case 3: siege_of_declaration(); break;
    default: siege_of_disk(); break;
  }
  world_.faults = faults;
}

// It is accepted, whatever crashes.
void History::ask_surely(const Node& root) { ask_for(root, {.key = "siege-" + std::to_string(root.id)}); }

// Whether the records with these numbers, those of siege nodes, are with the broker.
bool History::is_stored(std::size_t away, std::uint64_t from, std::uint64_t to) const {
  std::set<std::uint64_t> found;
  for (const auto& record : world_.brokers[away].stored) {
    if (record.value.type_name != kTextType) continue;  // A dead letter.
    if (const auto number = number_of_record(record.value.value); number >= from && number < to) found.insert(number);
  }
  return found.size() == to - from;
}

// A broker is away for good, and its outbox is full; another one was, and is back. Functions that send only there go on.
void History::siege_of_egress() {
  const auto away = random_.below(kAway.size());
  const auto back = (away + 1 + random_.below(kAway.size() - 1)) % kAway.size();
  const auto now = world_.scheduler().monotonic();
  world_.brokers[away].down_until = now + kForGood;
  world_.brokers[back].down_until = now + Duration{static_cast<std::int64_t>(500 + random_.below(3'000))};
  constexpr int kRecords = 40;
  for (int i = 0; i < kRecords; ++i) ask_surely(trees_.emitter(only(away, random_.below(4)), way_to(away)));
  (void)run_until({300}, [] { return false; });
  const std::uint64_t first = trees_.last_record() + 1;
  for (int i = 0; i < kRecords; ++i) ask_surely(trees_.emitter(only(back, random_.below(4)), way_to(back)));
  const std::uint64_t end = trees_.last_record() + 1;
  if (!run_until(kBound, [&] { return is_stored(back, first, end); }))
    broken("while " + std::string(kAway[away]) + " is away, records do not get to " + std::string(kAway[back]) + ":" + what_is_stuck());
  world_.heal();
}

// An endpoint is away for good, and much waits for it. Another source, for another endpoint, goes on.
void History::siege_of_endpoint() {
  world_.endpoint_down_until[kFarEndpoint] = world_.scheduler().monotonic() + kForGood;
  const auto records = 10 + random_.below(60);
  for (std::uint64_t i = 0; i < records; ++i) come_in(trees_.emitter({"far/first", std::to_string(random_.below(20))}, 0), kFarSource);
  (void)run_until({500}, [] { return false; });
  const auto away = random_.below(kAway.size());
  const std::uint64_t first = trees_.last_record() + 1;
  for (int i = 0; i < 10; ++i) come_in(trees_.emitter(only(away, random_.below(4)), way_to(away)), 0);
  const std::uint64_t end = trees_.last_record() + 1;
  if (!run_until(kBound, [&] { return is_stored(away, first, end); })) broken("while an endpoint is away, nothing comes in for another one:" + what_is_stuck());
  world_.heal();
}

// There is no space for long, in the log, in the view, or in both, and much is to come in. When there is space again, it does.
void History::siege_of_disk() {
  const auto away = random_.below(kAway.size());
  const auto full = random_.below(3);
  world_.set_space(full != 1 ? std::optional(random_.below(600)) : std::nullopt, full == 0);
  const std::uint64_t first = trees_.last_record() + 1;
  const auto before = crashes_;
  for (int i = 0; i < 30; ++i) {
    const auto node = trees_.emitter(only(away, random_.below(20)), way_to(away));
    if (random_.below(2) == 0) ask_surely(node);
    else come_in(node, 0);
    (void)run_until({static_cast<std::int64_t>(random_.below(300))}, [] { return false; });
  }
  if (crashes_ != before) return;
  world_.set_space({}, true);
  const std::uint64_t end = trees_.last_record() + 1;
  if (!run_until(kBound, [&] { return is_stored(away, first, end); })) broken("there is space again, and what came meanwhile is not done:" + what_is_stuck());
}

// Other functions run, and the runtime has a reason to ask them what they declare: that counts from then on.
void History::siege_of_declaration() {
  const auto away = random_.below(kAway.size());
  const model::Address target = only(away, random_.below(4));
  ask_surely(trees_.emitter(target, way_to(away)));
  (void)run_until({500}, [] { return false; });
  world_.expiry.deploy(target.type);
  if (random_.below(2) == 0) world_.runtime().ask_declarations();
  else crash(World::Crash::Process);
  const auto is_known = [&] {
    if (world_.expiry.is_known(target.type)) return true;
    ask_surely(trees_.emitter(target, way_to(away)));
    return false;
  };
  if (!run_until(kBound, is_known)) broken("what " + target.type + " declares does not come to count:" + what_is_stuck());
}

// The clock is set, by hours. Delays that begin then are neither longer nor shorter, and what was waiting for a time that is past comes.
void History::siege_of_clock() {
  const auto away = random_.below(kAway.size());
  const auto emit_later = [&](std::int64_t delay_ms) {
    const model::Address target = only(away, random_.below(4));
    ask_surely(trees_.later(target, {delay_ms}, trees_.emitter(target, way_to(away))));
  };
  const std::uint64_t first = trees_.last_record() + 1;
  constexpr std::int64_t kHour_ms = 3'600'000;
  const bool forward = random_.below(2) == 0;
  const auto before = crashes_;
  if (forward) {
    // Others of the same function may be there, due soon, or long ago when the clock was set back since.
    const auto far_ones = [&] {
      std::size_t count = 0;
      ask<runtime::Page<runtime::TimerInfo>>(
          [&](auto done) { world_.runtime().timers({.type = std::string(kTypes[kOnlyTypes + away]), .limit = 1'000, .kinds = {"delayed-send"}}, std::move(done)); },
          [&](const auto& found) {
            count = static_cast<std::size_t>(std::ranges::count_if(found, [&](const auto& timer) { return timer.due > world_.scheduler().now() + Duration{kHour_ms / 4}; }));
          });
      return count;
    };
    const std::size_t known = far_ones();
    emit_later(kHour_ms / 2);
    if (!run_until(kBound, [&] { return far_ones() > known; })) return broken("a delayed send does not become a timer:" + what_is_stuck());
  }
  world_.scheduler().set_clock({(forward ? 1 : -1) * static_cast<std::int64_t>(1 + random_.below(3)) * kHour_ms});
  for (int i = 0; i < 5; ++i) emit_later(static_cast<std::int64_t>(random_.below(500)));
  const std::uint64_t end = trees_.last_record() + 1;
  const auto has_come = [&] { return is_stored(away, first, end); };
  if (run_until(kBound, has_come)) return;
  // A crash may take the epoch of the timer that was seen: the function runs again, and what it sends waits from then on.
  if (forward && crashes_ != before) {
    world_.scheduler().set_clock({kHour_ms});
    if (run_until(kBound, has_come)) return;
  }
  broken("after the clock was set, what is due does not come:" + what_is_stuck());
}

}  // namespace holdfast::sim
