#include "history.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace holdfast::sim {
namespace {

constexpr Duration kStep{20};
constexpr Duration kFollowed{40'000};  // Less than followers wait.
constexpr Duration kRead{1'000};       // Of all streams, with nothing else going on.
// As Faults::hang, when all else is well: what happens then has not been torn apart by other crashes. But so often, then it is enough.
constexpr std::uint32_t kHangAtRest = 200;
constexpr int kHangsAtRest = 2;

}  // namespace

History::History(std::uint64_t seed)
    : random_(seed), world_(seed, random_), trees_(random_, world_), streams_(world_, random_), tables_(random_, world_.scheduler()), skips_(random_.below(4) == 0) {
  world_.faults.fail = static_cast<std::uint32_t>(random_.below(60));
  world_.faults.lose = static_cast<std::uint32_t>(random_.below(60));
  world_.faults.unreachable = static_cast<std::uint32_t>(random_.below(60));
  world_.faults.slow_ms_max = static_cast<std::int64_t>(random_.below(30));
  world_.faults.hang = static_cast<std::uint32_t>(random_.below(150));
  for (Broker& broker : world_.brokers)
    for (auto* fault : {&broker.faults.unavailable, &broker.faults.unknown_before, &broker.faults.unknown_after, &broker.faults.fenced})
      *fault = static_cast<std::uint32_t>(random_.below(3) == 0 ? 0 : random_.below(150));
  for (auto& policy : world_.policies) {
    switch (random_.below(7)) {
      case 0:
        policy.then = model::FailureAction::DeadLetter;
        policy.dead_letter_stream = model::stream_name(kDeadEgress, kDeadLetters);
        break;
      case 1:
        policy.then = model::FailureAction::DeadLetter;
        policy.dead_letter_stream = connect::outbox_stream(std::string(kAway[random_.below(kAway.size())]));
        policy.dead_letter_topic = kDeadLetters;
        break;
      case 2: policy.then = model::FailureAction::Drop; break;
      default: break;
    }
  }
  auto& bad = world_.on_bad_record;
  switch (random_.below(6)) {
    case 0: bad.then = model::BadRecordAction::Skip; break;
    case 1: bad = {model::BadRecordAction::DeadLetter, std::string(kDeadEgress), std::string(kBadRecords)}; break;
    case 2: bad = {model::BadRecordAction::DeadLetter, std::string(kAway[random_.below(kAway.size())]), std::string(kBadRecords)}; break;
    default: break;
  }
  world_.partitions = static_cast<std::uint16_t>(4 + random_.below(13));
}

std::string History::go() {
  if (!start()) return why_;
  const int requests = 20 + static_cast<int>(random_.below(40));
  const auto siege_at = random_.below(2) == 0 ? static_cast<int>(random_.below(static_cast<std::uint64_t>(requests))) : -1;
  for (int i = 0; i < requests && why_.empty(); ++i) {
    for (auto n = 1 + random_.below(3); n > 0; --n) begin_request();
    const auto steps = random_.below(300);
    for (std::uint64_t s = 0; s < steps && why_.empty(); ++s) step();
    if (i == siege_at && why_.empty()) siege();
  }
  if (why_.empty()) settle();
  if (why_.empty()) verify("at the end");
  if (why_.empty()) {
    crash(random_.below(2) == 0 ? World::Crash::Power : World::Crash::Process);
    if (why_.empty()) settle();
    if (why_.empty()) verify("after a last crash");
  }
  return why_;
}

std::uint64_t History::fingerprint() {
  std::uint64_t hash = world_.scheduler().steps();
  for (const auto& path : world_.disk().paths()) hash = hash * 31 + stable_hash(world_.disk().content(path));
  return hash;
}

void History::broken(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

bool History::start() {
  if (auto ok = world_.start(); !ok) {
    broken("recovery failed: " + ok.error().message);
    return false;
  }
  streams_.started();
  tables_.started(world_.runtime());
  return true;
}

void History::crash(World::Crash how) {
  ++crashes_;
  world_.crash(how);
  tables_.crash();
  world_.set_space({}, true);
  full_ = operating_ = false;
  for (auto& request : requests_) {
    if (request.under_way && !request.is_repeatable()) request.lost = true;
    request.under_way = false;
  }
  if (random_.below(10) == 0) world_.scheduler().set_clock({static_cast<std::int64_t>(random_.below(20'000)) - 10'000});
  if (!start()) return;
  for (auto& request : requests_)
    if (!request.acked && !request.lost) issue(request);
}

// --- What is asked ---------------------------------------------------------------------------------------------------

void History::begin_request() {
  if (random_.below(15) == 0) come_in_bad();
  Node root = trees_.any(static_cast<int>(random_.below(4)), {});
  const bool is_call = random_.below(3) == 0;
  if (!is_call && random_.below(2) == 0) return come_in(root, root.target.type.starts_with("far/") ? kFarSource : 0);
  if (is_call) {
    Op reply;
    reply.kind = Op::Kind::Reply;
    root.ops.push_back(std::move(reply));
  }
  std::string key = random_.below(2) == 0 ? "key-" + std::to_string(root.id) : "";
  const bool is_with_item = !is_call && key.empty() && random_.below(2) == 0;
  ask_for(root, {.key = std::move(key), .is_call = is_call, .is_with_item = is_with_item});
}

// Not from a client but from outside: as soon as it is there, it must come in.
void History::come_in(const Node& root, std::size_t source) {
  auto& records = world_.topics.sources[source];
  trees_.known.at(root.id).incoming = {source, records.size()};
  records.push_back({root.target.type, root.target.id, message_from_outside(root)});
}

// One that cannot be routed: for nobody, or for a function that is not served yet.
void History::come_in_bad() {
  const bool is_for_nobody = random_.below(2) == 0;
  const Node root = trees_.emitter({std::string(kLateType), trees_.any_address().id}, random_.below(kWays),
                                   {.fate = is_for_nobody ? Fate::Never : Fate::AtMostOnce, .is_bad_record = true});
  come_in(root, kFarSource);
  if (is_for_nobody) world_.topics.sources[kFarSource].back().key.reset();
}

void History::ask_for(const Node& root, Request request) {
  request.root = root.id;
  request.payload = message_from_outside(root);
  requests_.push_back(std::move(request));
  if (world_.is_up()) issue(requests_.back());
}

void History::issue(Request& request) {
  if (request.under_way) return;
  request.under_way = true;
  const std::size_t index = static_cast<std::size_t>(&request - requests_.data());
  runtime::SendRequest send{trees_.known.at(request.root).target, {std::string(kProgramType), request.payload, true}, "", request.key};
  const auto failed = [this, index](const Error& error) {
    Request& r = requests_[index];
    r.under_way = false;
    r.trouble = error.message;
    if (error.code == ErrorCode::Failed) {
      if (!trees_.known.at(r.root).was_poison) return broken("call " + std::to_string(r.root) + " was given up: " + error.message);
      r.acked = r.given_up = true;  // It has its answer, and keeps it.
      return;
    }
    // Refused at the door: it was not taken in; nor was what is for a parked address, though with a key it may have been before.
    // Anything else without a key leaves us not knowing.
    const bool refused = error.code == ErrorCode::Overloaded || error.code == ErrorCode::Unavailable || error.code == ErrorCode::NoSpace ||
                         error.code == ErrorCode::Parked;
    if (!refused && !r.is_repeatable()) r.lost = true;
    if (!refused && error.code != ErrorCode::Timeout) broken("request refused: " + error.message);
  };
  if (request.is_with_item) {
    ports::ItemTransaction transaction;
    for (const char* table : {"sent", "noted"})
      transaction.writes.push_back({.item = {table, table + std::to_string(request.root)}, .condition = {partition::ItemCondition::Kind::Absent, {}}});
    transaction.commands.emplace_back(model::Message{send.target, std::nullopt, send.value, ""});
    world_.runtime().transact(std::move(transaction), [this, index, failed](Result<ports::Items::Versions> done) {
      // That it was sent before has to be durable, or nobody may be told so.
      if (!done && done.error().code != ErrorCode::Conflict) return failed(done.error());
      requests_[index].under_way = false;
      requests_[index].acked = true;
    });
  } else if (request.is_call) {
    world_.runtime().call(std::move(send), Duration{5'000}, [this, index, failed](Result<model::TypedValue> reply) {
      if (!reply) return failed(reply.error());
      Request& r = requests_[index];
      r.under_way = false;
      if (!r.reply.empty() && r.reply != reply->value)
        broken("call " + std::to_string(r.root) + " was answered \"" + r.reply + "\", then \"" + reply->value + "\"");
      r.reply = reply->value;
      r.acked = true;
    });
  } else {
    world_.runtime().send(std::move(send), [this, index, failed](Result<void> accepted) {
      if (!accepted) return failed(accepted.error());
      requests_[index].under_way = false;
      requests_[index].acked = true;
    });
  }
}

void History::retry_requests() {
  for (auto& request : requests_)
    if (!request.acked && !request.lost && (!request.under_way || request.is_repeatable())) {
      request.under_way = false;
      issue(request);
    }
}

// --- What happens ----------------------------------------------------------------------------------------------------

void History::advance() {
  world_.scheduler().step(world_.scheduler().monotonic() + kStep);
  if (world_.is_dying()) crash(World::Crash::Power);
  for (const auto* why : {&streams_.why(), &world_.followers->why(), &world_.expiry.why(), &tables_.why()})
    if (!why->empty()) broken(*why);
}

bool History::run_until(Duration at_most, const std::function<bool()>& is_so) {
  const Instant end = world_.scheduler().monotonic() + at_most;
  while (why_.empty() && !is_so()) {
    if (world_.scheduler().monotonic() >= end) return false;
    const Instant look_again = world_.scheduler().monotonic() + Duration{100};
    while (why_.empty() && world_.scheduler().monotonic() < look_again) advance();
    retry_requests();
  }
  return why_.empty();
}

// --- Coming to rest --------------------------------------------------------------------------------------------------

void History::settle() {
  world_.heal();
  world_.faults.hang = kHangAtRest;
  world_.scheduler().set_clock_to_latest();
  full_ = false;
  provoke_refusals();
  for (int round = 0, hangs = 0; round < 4'000 && why_.empty(); ++round) {
    if (hangs < kHangsAtRest && random_.below(3) == 0) world_.stall_shards({300});
    for (int s = 0; s < 200 && why_.empty() && !world_.log_hangs(); ++s) advance();
    if (world_.log_hangs()) {
      if (++hangs == kHangsAtRest) world_.faults.hang = 0;
      die_with_the_log_stalled();
    }
    if (!why_.empty()) return;
    retry_requests();
    operate();
    streams_.read_all();
    if (!is_settled()) continue;
    // Nothing waits; what is on its way between shards or to the disk still has to arrive.
    const Instant until = world_.scheduler().monotonic() + Duration{3'000};
    while (world_.scheduler().step(until)) {
    }
    if (!is_settled() || world_.log_hangs()) continue;
    streams_.read_all();
    // They are told: nobody waits in vain, to read again when the time for that is over.
    const auto is_followed = [this] { return streams_.not_followed().empty(); };
    if (run_until(kFollowed, is_followed) || !why_.empty()) return;
    streams_.read_all();  // Nobody is told of what retention has taken meanwhile.
    if (run_until(kRead, is_followed) || !why_.empty()) return;
    return broken(streams_.not_followed());
  }
  broken("does not come to rest:" + what_is_stuck());
}

std::string History::what_is_stuck() {
  std::string stuck = tables_.is_quiet() ? "" : " tables";
  ask<runtime::Page<runtime::AddressInfo>>([this](auto done) { world_.runtime().addresses({.limit = 5}, std::move(done)); },
                                         [&](const auto& found) {
                                           for (const auto& info : found)
                                             stuck += " " + name_of(info.address) + "(" + std::to_string(info.mailbox) + " waiting, parked=" +
                                                      std::to_string(info.parked) + ", " + info.last_error + ")";
                                         });
  for (const auto& r : requests_)
    if (!r.acked && !r.lost) stuck += " request " + std::to_string(r.root) + (r.is_call ? " call (" : " send (") + r.trouble + ")";
  for (std::size_t i = 0; i < kAway.size(); ++i)
    ask<ports::EgressInfo>([this, i](auto done) { world_.outbox(i).info(std::move(done)); },
                           [&](const ports::EgressInfo& info) {
                             if (info.waiting > 0) stuck += " " + info.id + "(" + std::to_string(info.waiting) + " waiting, " + info.trouble + ")";
                           });
  for (std::size_t i = 0; i < kSources; ++i)
    ask<std::optional<model::SourceRow>>([&](auto done) { world_.runtime().source(source_name(i), std::move(done)); },
                                         [&](const auto& row) {
                                           const auto next = row ? row->next : 0;
                                           if (next != world_.topics.sources[i].size())
                                             stuck += " source " + std::to_string(i) + " at " + std::to_string(next) + " of " +
                                                      std::to_string(world_.topics.sources[i].size());
                                         });
  ask<runtime::Page<runtime::TimerInfo>>([this](auto done) { world_.runtime().timers({.limit = 5, .kinds = {"delayed-send"}}, std::move(done)); },
                                       [&](const auto& found) {
                                         for (const auto& timer : found)
                                           stuck += " timer for " + name_of(timer.target) + " in " +
                                                    std::to_string((timer.due - world_.scheduler().now()).ms) + " ms";
                                       });
  return stuck;
}

bool History::is_settled() {
  const auto before = crashes_;
  if (!tables_.is_quiet()) return false;
  for (const auto& request : requests_)
    if (!request.acked && !request.lost && !trees_.known.at(request.root).was_poison) return false;
  bool settled = true;
  for (std::size_t i = 0; i < kSources && settled; ++i)
    ask<std::optional<model::SourceRow>>([&](auto done) { world_.runtime().source(source_name(i), std::move(done)); },
                                         [&](const auto& row) { settled = (row ? row->next : 0) == world_.topics.sources[i].size(); });
  for (std::size_t i = 0; i < kAway.size() && settled; ++i)
    ask<ports::EgressInfo>([this, i](auto done) { world_.outbox(i).info(std::move(done)); },
                           [&](const ports::EgressInfo& info) {
                             if (info.stopped) broken("egress " + info.id + " stands still: " + info.trouble);
                             settled = info.waiting == 0;
                           });
  if (!settled) return false;
  ask<runtime::Page<runtime::AddressInfo>>([this](auto done) { world_.runtime().addresses({.limit = 1}, std::move(done)); },
                                         [&](const auto& found) { settled = found.empty(); });
  ask<runtime::Page<runtime::TimerInfo>>([this](auto done) { world_.runtime().timers({.limit = 100'000}, std::move(done)); },
                                       [&](const auto& found) {
                                         for (const auto& timer : found)
                                           if (timer.kind == "delayed-send" && timer.due < world_.scheduler().now() + Duration{kFarAway_ms / 2})
                                             settled = false;
                                       });
  return settled && crashes_ == before;
}

}  // namespace holdfast::sim
