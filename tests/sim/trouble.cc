// What happens to a world in the course of a history, but for sieges: crashes, stops and stalls, trouble outside, and people who look after
// what has gone wrong.
#include <algorithm>
#include <utility>

#include "history.h"

namespace holdfast::sim {
namespace {

constexpr Duration kStopBound{30'000};  // Longer than the grace, and anything that stands still for a while.

}  // namespace

void History::step() {
  advance();
  if (!why_.empty()) return;
  if (random_.below(12) == 0) streams_.do_something();
  if (random_.below(12) == 0) tables_.do_something();
  if (world_.log_hangs()) return die_with_the_log_stalled();
  if (calm_steps_ > 0 && --calm_steps_ > 0) return;
  switch (random_.below(900)) {
    case 0: crash(World::Crash::Power); break;
    case 1: crash(World::Crash::Process); break;
    case 2: world_.disk().stop_after(random_.below(8)); break;
    case 3:
      full_ = !full_;
      world_.set_space(full_ && random_.below(3) != 0 ? std::optional(random_.below(600)) : std::nullopt, !full_ || random_.below(2) == 0);
      break;
    case 4: retry_requests(); break;
    case 10: operate(); break;
    case 11:
    case 18:
    case 19: operate_on_edges(); break;
    case 12:
    case 13: trouble_outside(); break;
    case 14:
    case 15: {
      auto& scheduler = world_.scheduler();
      scheduler.stall(random_.below(scheduler.loops()), {static_cast<std::int64_t>(random_.below(random_.below(3) == 0 ? 5'000 : 200))});
      break;
    }
    case 16: world_.scheduler().set_clock({static_cast<std::int64_t>(random_.below(4'000)) - 2'000}); break;
    case 17: die_with_the_log_stalled(); break;
    case 20:
    case 21:
    case 22:
      provoke_refusals();
      calm_steps_ = 50 + random_.below(400);  // It takes its time, and a crash would make another story of it.
      if (random_.below(2) == 0) world_.stall_shards({1'000});
      break;
    case 23:
    case 24: world_.stall_shards({300}); break;
    case 25:
    case 26: deploy(); break;
    case 27: stop(); break;
    default: break;
  }
}

// An orderly end, with messages that still come: bounded, and after it nothing is left to be done.
void History::stop() {
  if (full_ || world_.log_hangs()) return;
  const auto hang = std::exchange(world_.faults.hang, 0);
  world_.disk().stop_after(UINT64_MAX);
  const auto before = crashes_;
  const Instant until = world_.scheduler().monotonic() + kStopBound;
  world_.stop({static_cast<std::int64_t>(random_.below(2'000))});
  while (why_.empty() && crashes_ == before && !world_.has_stopped() && world_.scheduler().monotonic() < until) {
    advance();
    if (random_.below(50) == 0) begin_request();
  }
  world_.faults.hang = hang;
  if (!why_.empty() || crashes_ != before) return;
  if (!world_.has_stopped()) return broken("does not stop in time:" + what_is_stuck());
  if (!world_.view_has_all()) return broken("has stopped, but the next start has epochs to read back");
  crash(random_.below(2) == 0 ? World::Crash::Power : World::Crash::Process);
}

// The worst moment to die: what has happened goes on piling up, and the view gets to where the log is, but the log no further.
void History::die_with_the_log_stalled() {
  world_.hang_log();
  const Instant until = world_.scheduler().monotonic() + Duration{static_cast<std::int64_t>(20 + random_.below(1'000))};
  const auto before = crashes_;
  for (int s = 0; s < 400 && why_.empty() && crashes_ == before && world_.scheduler().monotonic() < until; ++s) {
    advance();
    if (random_.below(12) == 0) streams_.do_something();
    if (random_.below(12) == 0) tables_.do_something();
  }
  if (why_.empty() && crashes_ == before) crash(random_.below(2) == 0 ? World::Crash::Power : World::Crash::Process);
}

// Functions of some type are replaced by others, and somebody says so, or not.
void History::deploy() {
  const auto type = kTypes[random_.below(kTypes.size())];
  if (Expiry::is_of(type)) world_.expiry.deploy(type);
  if (random_.below(2) == 0) world_.runtime().ask_declarations();
}

// Records come to a broker that does not take them.
void History::provoke_refusals() {
  const auto away = random_.below(2) == 0 ? 0 : random_.below(kAway.size());
  for (auto n = 1 + random_.below(4); n > 0; --n) {
    come_in(trees_.emitter({std::string(kTypes[kOnlyTypes + away]), std::to_string(random_.below(4))}, way_to(away)), 0);
    if (random_.below(3) != 0) world_.brokers[away].unsendable.insert(record_text(trees_.last_record()));
  }
}

// Something outside goes away for a while, or has no room for a while.
void History::trouble_outside() {
  const Instant until = world_.scheduler().monotonic() + Duration{static_cast<std::int64_t>(random_.below(3'000))};
  const auto which = random_.below(kAway.size() * 2 + kEndpoints.size());
  if (which < kAway.size()) {
    world_.brokers[which].down_until = until;
  } else if (which < kAway.size() * 2) {
    auto& room = world_.brokers[which - kAway.size()].room;
    if (room) room.reset();
    else room = random_.below(10);
  } else {
    world_.endpoint_down_until[which - kAway.size() * 2] = until;
  }
}

// Somebody looks after what is parked: poison is skipped, or mended and tried again.
void History::operate() {
  if (operating_) return;
  operating_ = true;
  world_.note_rarity();
  world_.runtime().parked({.limit = 100}, [this](Result<runtime::Page<runtime::ParkedInfo>> found) {
    operating_ = false;
    for (const auto& info : *found) {
      if (info.batch.size() != 1 || info.parked.batch != 1) {
        broken("parked with a batch of " + std::to_string(info.parked.batch));
        continue;
      }
      const std::uint64_t id = node_of_message(info.batch.front().argument.value);
      Known& known = trees_.known.at(id);
      if (!known.was_poison) broken("node " + std::to_string(id) + " is parked, but is not poison: " + info.parked.reason);
      if (known.skipped || (known.is_poison && random_.below(2) == 0)) {
        known.skipped = true;  // From now on, whatever a crash undoes.
        world_.runtime().skip_parked(info.address, [](Result<void>) {});
      } else {
        world_.poison.erase(id);
        known.is_poison = false;
        world_.runtime().retry_parked(info.address, [](Result<void>) {});
      }
    }
  });
}

// And after what came in and could not be routed, and what a broker did not take.
void History::operate_on_edges() {
  world_.note_rarity();
  const auto away = random_.below(kAway.size());
  auto& unsendable = world_.brokers[away].unsendable;
  switch (random_.below(7)) {
    case 0:
      world_.topics.is_late_served = true;
      [[fallthrough]];
    case 1: world_.ingress().retry(); break;
    case 2:
      if (!skips_) break;
      skipped_bad_records_ = true;
      world_.ingress().skip();
      break;
    case 3:
      was_unsendable_.insert(unsendable.begin(), unsendable.end());
      std::erase_if(unsendable, [this](const auto&) { return random_.below(2) == 0; });
      [[fallthrough]];
    case 4:
    case 5: world_.outbox(away).retry_unsendable([](Result<std::uint64_t>) {}); break;
    default:
      if (!skips_) break;
      skipped_unsendable_[away] = true;
      world_.outbox(away).skip_unsendable([](Result<std::uint64_t>) {});
      break;
  }
}

}  // namespace holdfast::sim
