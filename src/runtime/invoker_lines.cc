// Invoker: function types, and who may be called next; see upstream.h.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "model/function_url.h"
#include "runtime/invoker.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kSpillsPerTurn = 1'000;
constexpr std::size_t kReadyShare = 1'024;    // While too many are ready, and while nobody will call it soon, a type may have one in so many of the bound.
constexpr std::size_t kRestingShare = 8;  // One in so many types may be at rest before these are let go of.
constexpr std::uint64_t kDropBatch = 1'000;     // Messages at once, at most,
constexpr std::uint64_t kDropBytes = 8u << 20;  // and about so many bytes: they are read to be dropped.
constexpr std::uint64_t kTail = 32;             // One in so many of a burst's messages is its last part.

}  // namespace

// --- Types -----------------------------------------------------------------------------------------------------------

const Endpoint* Invoker::endpoint_of(std::string_view type) const {
  const Endpoint* found = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->spec.matches(type)) continue;
    if (endpoint->spec.is_specific()) return endpoint.get();
    found = endpoint.get();
  }
  return found;
}

bool Invoker::knows(std::string_view type) const {
  const Endpoint* endpoint = endpoint_of(type);
  return endpoint != nullptr && model::can_stand_in(endpoint->spec.url_template, model::split_type(type).name);
}

bool Invoker::has_room_for(std::string_view type) const {
  if (active_types_ < limits_.function_types_max) return true;
  const auto it = types_.find(type);
  return it != types_.end() && (it->second->active > 0 || it->second->left > 0);
}

std::uint64_t Invoker::backlog_of_upstream(std::string_view type) const {
  const auto it = types_.find(type);
  return it == types_.end() ? 0 : it->second->upstream->backlog.messages + it->second->upstream->retrying.messages;
}

FunctionType* Invoker::type_of(const std::string& name) {
  if (const auto it = types_.find(name); it != types_.end()) return it->second.get();
  auto* endpoint = const_cast<Endpoint*>(endpoint_of(name));
  if (endpoint == nullptr) return nullptr;
  // What functions send each other is not refused: who waits is bounded elsewhere, and has its type.
  if (types_.size() >= std::max(limits_.function_types_max, types_next_)) {
    let_types_go();
    types_next_ = types_.size() + limits_.function_types_max / kRestingShare;
  }
  auto type = std::make_unique<FunctionType>();
  type->name = name;
  type->endpoint = endpoint;
  type->upstream = &upstream_of(*endpoint, name);
  ++type->upstream->types;
  return types_.emplace(name, std::move(type)).first->second.get();
}

Upstream& Invoker::upstream_of(Endpoint& endpoint, const std::string& type) {
  std::string origin = endpoint.target->origin(type);
  auto& upstream = endpoint.upstreams[origin];
  if (upstream == nullptr) {
    upstream = std::make_unique<Upstream>();
    upstream->origin = std::move(origin);
    upstream->endpoint = &endpoint;
    upstream->backlog.whole = upstream->retrying.whole = &endpoint.backlog;
    show_down(endpoint);
  }
  return *upstream;
}

// Names come from anywhere, so those that have nothing to do are forgotten when there are many.
void Invoker::let_types_go() {
  table_.for_each_idle([](Entity& entity) {
    if (entity.left) return;
    entity.type = nullptr;
    if (entity.mailbox.empty()) entity.backlog = nullptr;
  });
  std::erase_if(types_, [this](const auto& entry) {
    FunctionType& type = *entry.second;
    if (type.active > 0 || type.left > 0 || type.is_short || type.is_held() || type.unspilled > 0) return false;
    if (type.contact_timer != 0) loop_.cancel(type.contact_timer);
    if (type.in_line) std::erase(type.upstream->line, &type);
    if (--type.upstream->types == 0) let_go(*type.upstream);
    return true;
  });
}

void Invoker::let_go(Upstream& upstream) {
  Endpoint& endpoint = *upstream.endpoint;
  if (upstream.timer != 0) loop_.cancel(upstream.timer);
  if (upstream.in_line) {
    std::erase(endpoint.line, &upstream);
    std::erase(endpoint.unsure_line, &upstream);
  }
  std::erase(endpoint.down, &upstream);
  std::erase(paced_, &upstream);
  endpoint.upstreams.erase(endpoint.upstreams.find(upstream.origin));
  show_down(endpoint);
}

bool Invoker::walk_types(BucketWalk& walk, std::size_t& left, const std::function<void(const FunctionType&)>& visit) const {
  return walk_on(types_, walk, left, [&](const auto& named, std::size_t&) { visit(*named.second); });
}

void Invoker::attach(Entity& entity) {
  if (entity.type != nullptr) return;
  entity.type = type_of(entity.address.type);
  if (entity.type == nullptr) return;
  account(entity);
}

// Which count its messages are in.
void Invoker::account(Entity& entity) {
  const bool retries = entity.phase == Entity::Phase::Waiting && entity.attempts + entity.away > 0;
  Upstream& upstream = *entity.type->upstream;
  Backlog* count = entity.row.parked ? &upstream.endpoint->parked_backlog : retries ? &upstream.retrying : &upstream.backlog;
  if (entity.backlog == count) return;
  const Backlog::Change all{static_cast<std::int64_t>(entity.mailbox.size()), static_cast<std::int64_t>(entity.mail_bytes),
                            static_cast<std::int64_t>(entity.mailbox.bytes_in_memory())};
  if (entity.backlog != nullptr) entity.backlog->apply({-all.messages, -all.bytes, -all.bytes_in_memory});
  count->apply(all);
  entity.backlog = count;
}

// --- Bursts ----------------------------------------------------------------------------------------------------------

Invoker::Admission Invoker::admission(std::string_view name) const {
  const auto it = types_.find(name);
  if (it == types_.end()) return Admission::Now;
  const FunctionType& type = *it->second;
  const Upstream& upstream = *type.upstream;
  if (upstream.pace.taken_in() >= upstream.pace.burst(limits_.pace)) return Admission::NextEpoch;
  if (type.is_stuck()) return Admission::Now;
  // Who is left over for lack of room among those that are ready costs two rows and a look-up more.
  const std::size_t ready_max = this->ready_max(type) / 4 * (type.left > 0 ? 2 : 3);
  const bool is_enough = type.ready.size() >= std::max<std::size_t>(ready_max, 1);
  return is_enough && upstream.pace.is_moving(clock_.steady()) ? Admission::AfterAnswers : Admission::Now;
}

void Invoker::note_taken_in(const std::string& name, std::uint64_t count) {
  FunctionType* type = type_of(name);
  if (type == nullptr) return;
  type->upstream->pace.note_taken_in(count);
  keep_pace(*type->upstream);
}

void Invoker::keep_pace(Upstream& upstream) {
  if (!std::exchange(upstream.is_paced, true)) paced_.push_back(&upstream);
}

bool Invoker::is_burst_under_way() const {
  const Moment now = clock_.steady();
  return std::ranges::any_of(paced_, [&](const Upstream* upstream) {
    const Pace& pace = upstream->pace;
    const std::uint64_t left = std::min(upstream->backlog.messages, pace.left());
    return left > std::max<std::uint64_t>(pace.burst(limits_.pace) / kTail, 1) && !upstream->down && pace.is_moving(now);
  });
}

void Invoker::epoch_closed() {
  const Moment now = clock_.steady();
  for (Upstream* upstream : paced_) {
    if (const auto count = upstream->pace.taken_in(); count > 0) upstream->endpoint->burst.set(count);
    upstream->pace.epoch_closed(upstream->backlog.messages);
    upstream->is_paced = upstream->pace.is_moving(now);
  }
  std::erase_if(paced_, [](const Upstream* upstream) { return !upstream->is_paced; });
}

// --- Lines -----------------------------------------------------------------------------------------------------------

void Invoker::offer(Entity& entity) {
  if (entity.phase != Entity::Phase::Idle || entity.row.parked || entity.mailbox.empty()) return;
  attach(entity);
  if (entity.type == nullptr) return;  // No endpoint serves it (any more): its messages wait for one.
  account(entity);
  if (must_wait(*entity.type, entity)) return leave(entity);
  activate(entity);
}

void Invoker::activate(Entity& entity) {
  if (std::exchange(entity.left, false)) count_left(*entity.type, -1);
  if (entity.type->active++ == 0) ++active_types_;
  ready(entity);
}

// Nothing is under way for it any more.
void Invoker::rest(Entity& entity) {
  entity.phase = Entity::Phase::Idle;
  entity.batch = 0;
  entity.sent.reset();
  if (--entity.type->active == 0) --active_types_;
  offer(entity);
  if (entity.left) table_.let_go_of_mail(entity);
  table_.rest(entity);
}

void Invoker::ready(Entity& entity) {
  entity.phase = Entity::Phase::Ready;
  account(entity);
  entity.type->ready.push_back(&entity);
  ++entity.type->endpoint->waiting;
  ++ready_;
  line_up(*entity.type);
  host_.wake();
}

void Invoker::line_up(FunctionType& type) {
  if (type.ready.empty() || !type.may_be_called()) return;
  if (!std::exchange(type.in_line, true)) type.upstream->line.push_back(&type);
  line_up(*type.upstream);
}

void Invoker::line_up(Upstream& upstream) {
  if (upstream.line.empty() || !upstream.may_be_tried()) return;
  Endpoint& endpoint = *upstream.endpoint;
  if (!std::exchange(upstream.in_line, true)) (upstream.reached ? endpoint.line : endpoint.unsure_line).push_back(&upstream);
  line_up(endpoint);
}

void Invoker::line_up(Endpoint& endpoint) {
  if (endpoint.in_flight >= endpoint.in_flight_max) return;
  if (endpoint.line.empty() && (endpoint.unsure_line.empty() || !endpoint.takes_unsure())) return;
  if (!std::exchange(endpoint.in_line, true)) line_.push_back(&endpoint);
}

void Invoker::release_waiting(FunctionType& type) {
  line_up(type);
  host_.wake();
}

void Invoker::pump() {
  take_waiting_answers();
  room_.pump();
  spill_stuck();
  refill();
  while (!line_.empty() && in_flight_ < limits_.in_flight_max && has_room() && host_.may_invoke()) {
    Endpoint& endpoint = *line_.front();
    line_.pop_front();
    endpoint.in_line = false;
    call_next(endpoint);
    line_up(endpoint);
  }
}

// Lines are kept lazily: whoever has nobody to call, or may not be called any more, just leaves.
void Invoker::call_next(Endpoint& endpoint) {
  if (endpoint.in_flight >= endpoint.in_flight_max) return;
  const bool takes_unsure = !endpoint.unsure_line.empty() && endpoint.takes_unsure();
  if (endpoint.line.empty() && !takes_unsure) return;
  const bool is_unsure = takes_unsure && (endpoint.line.empty() || endpoint.unsure_next);
  endpoint.unsure_next = !is_unsure;
  auto& line = is_unsure ? endpoint.unsure_line : endpoint.line;
  Upstream& upstream = *line.front();
  line.pop_front();
  upstream.in_line = false;
  if (upstream.line.empty() || !upstream.may_be_tried()) return;

  FunctionType& type = *upstream.line.front();
  upstream.line.pop_front();
  type.in_line = false;
  if (!type.ready.empty() && type.may_be_called()) {
    Entity& entity = *type.ready.front();
    type.ready.pop_front();
    --endpoint.waiting;
    --ready_;
    if (type.left > 0) refill_soon(type);
    upstream.probe_due = false;
    dispatch(endpoint, entity);
    if (upstream.down) follow_probe(upstream);
  }
  line_up(type);
  line_up(upstream);
}

// --- Held ------------------------------------------------------------------------------------------------------------

void Invoker::hold(FunctionType& type, const Levels::Outbox& full) {
  if (std::ranges::find(type.held_for, &full) != type.held_for.end()) return;
  type.held_for.push_back(&full);
  auto by = std::ranges::find(held_, &full, [](const auto& entry) { return entry.first; });
  if (by == held_.end()) by = held_.insert(held_.end(), {&full, {}});
  by->second.push_back(&type);
  stuck(type);
}

void Invoker::release_held() {
  for (auto& [outbox, types] : held_) {
    if (outbox->is_full()) continue;
    for (FunctionType* type : std::exchange(types, {})) {
      std::erase(type->held_for, outbox);
      release_waiting(*type);
    }
  }
  std::erase_if(held_, [](const auto& entry) { return entry.second.empty(); });
}

// --- Mail of those that nobody will call soon ------------------------------------------------------------------------

// What comes for it from now on is not kept in memory beyond its epoch (Table::close()); what is there already is let go of in steps.
void Invoker::stuck(FunctionType& type) {
  if (type.ready.empty()) return;
  if (type.unspilled == 0) spilling_.push_back(&type);
  type.unspilled = type.ready.size();
  host_.wake();
}

void Invoker::spill_stuck() {
  for (std::size_t left = kSpillsPerTurn; left > 0 && !spilling_.empty(); --left) {
    FunctionType& type = *spilling_.front();
    if (type.ready.empty() || !type.is_stuck()) type.unspilled = 0;
    if (type.unspilled > 0) {
      Entity& entity = *type.ready.front();
      type.ready.pop_front();
      --type.unspilled;
      // What is known of one that has failed is in memory alone.
      if (type.ready.size() < ready_max(type) || entity.attempts + entity.away > 0 || entity.batch_max != UINT32_MAX) {
        type.ready.push_back(&entity);
        table_.let_go_of_mail(entity);
      } else {
        --type.endpoint->waiting;
        --ready_;
        if (--type.active == 0) --active_types_;
        entity.phase = Entity::Phase::Idle;
        leave(entity);
        table_.let_go_of_mail(entity);
        table_.rest(entity);
      }
    }
    if (type.unspilled == 0) spilling_.pop_front();
  }
  if (!spilling_.empty()) host_.wake();
}

// --- Mail of those whose turn to be ready has not come ---------------------------------------------------------------

// Whoever is ready is in memory, so of a type only so many are; the others are left, with their mail in rows, and looked for there, in the order
// of the rows, when half of those are gone. Newcomers do not get in before them, but for as long as few are ready.
std::size_t Invoker::ready_max(const FunctionType& type) const {
  const bool is_few = type.is_stuck() || ready_ >= limits_.ready_addresses_max;
  return std::max<std::size_t>(limits_.ready_addresses_max / (is_few ? kReadyShare : 2), 2);
}

void Invoker::count_left(FunctionType& type, std::int64_t change) {
  type.left += static_cast<std::uint64_t>(change);
  type.endpoint->left += static_cast<std::uint64_t>(change);
  if (change < 0) return;
  type.is_news = true;
  refill_soon(type);
}

bool Invoker::must_wait(const FunctionType& type, const Entity& entity) const {
  const std::size_t max = ready_max(type);
  if (type.ready.size() >= max || type.is_crowded(max)) return true;
  const std::uint64_t others = type.left - (entity.left ? 1 : 0);
  return others > 0 && type.ready.size() >= max / 2;
}

void Invoker::leave(Entity& entity) {
  count_left(*entity.type, std::exchange(entity.left, true) ? 0 : 1);
}

bool Invoker::passed(const FoundMail& found) {
  FunctionType* type = type_of(found.address.type);
  if (type == nullptr) return false;
  Backlog& count = found.parked ? type->endpoint->parked_backlog : type->upstream->backlog;
  count.apply({static_cast<std::int64_t>(found.mail.end - found.mail.first), static_cast<std::int64_t>(found.mail.bytes), 0});
  if (!found.parked) count_left(*type, 1);
  return true;
}

void Invoker::brought_in(Entity& entity, bool is_counted) {
  entity.type = type_of(entity.address.type);
  if (entity.type == nullptr) return;
  if (is_counted) entity.backlog = entity.row.parked ? &entity.type->endpoint->parked_backlog : &entity.type->upstream->backlog;
  else account(entity);
  if (entity.row.parked) return;
  entity.left = true;
  count_left(*entity.type, is_counted ? 0 : 1);
}

void Invoker::let_go(Entity& entity, std::uint64_t bytes, bool is_counted) {
  if (entity.backlog == nullptr) return;
  const auto size = static_cast<std::int64_t>(entity.mailbox.size());
  const auto before = static_cast<std::int64_t>(entity.mail_bytes);
  if (is_counted) return entity.backlog->apply({0, static_cast<std::int64_t>(bytes) - before, 0});
  entity.backlog->apply({-size, -before, 0});
  if (entity.left) count_left(*entity.type, -1);
}

void Invoker::refill_soon(FunctionType& type) {
  if (type.is_short || type.ready.size() > ready_max(type) / 2) return;
  type.is_short = true;
  short_.push_back(&type);
  host_.wake();
}

void Invoker::refill() {
  std::size_t rows = limits_.mail_rows_per_turn;
  for (std::size_t types = short_.size(); types > 0 && rows > 0; --types) {
    FunctionType& type = *short_.front();
    short_.pop_front();
    type.is_short = !refill(type, rows);
    if (type.is_short) short_.push_back(&type);
  }
  // Those that nothing was found of wait for the next epoch.
  if (rows == 0) host_.wake();
}

// True: enough of them are ready, or none is left.
bool Invoker::refill(FunctionType& type, std::size_t& rows) {
  while (type.left > 0 && type.ready.size() < ready_max(type) && !type.is_crowded(ready_max(type))) {
    if (rows == 0 || type.none_until > table_.open_epoch()) return false;
    std::size_t part = std::min(rows, ready_max(type) - type.ready.size());
    rows -= part;
    const bool is_round = table_.walk_mail(type.name, type.left_walk, part, [&](const FoundMail& found) {
      const Entity* known = table_.find(found.address);
      if (known == nullptr ? found.parked : !known->left) return;
      type.is_news = true;
      activate(known == nullptr ? table_.bring_in_found(found) : const_cast<Entity&>(*known));
    });
    rows += part;
    if (!is_round) continue;
    type.left_walk = {};
    const model::Epoch began = std::exchange(type.round_began, table_.open_epoch());
    if (!std::exchange(type.is_news, false) && began == table_.open_epoch()) type.none_until = {began.value + 1};
  }
  return true;
}

MailDropped Invoker::drop_unreachable(const std::string& name, const std::optional<std::string>& id, std::uint64_t messages_max) {
  MailDropped dropped;
  dropped.more = !id && !table_.is_swept();
  Entity* one = id ? &table_.entity({name, *id}) : nullptr;  // If it has mail, its type is known from here on.
  const auto it = types_.find(name);
  if (it == types_.end()) return dropped;
  FunctionType& type = *it->second;
  if (one != nullptr) {
    if (one->left) activate(*one);
  } else if (std::size_t rows = limits_.mail_rows_per_turn; type.ready.empty()) {
    (void)refill(type, rows);
  }
  std::vector<Entity*> chosen;
  for (Entity* entity : type.ready) {
    if (chosen.size() > messages_max) break;
    if (!id || entity->address.id == *id) chosen.push_back(entity);
  }
  dropped.tried = one == nullptr ? type.in_flight : one->phase == Entity::Phase::InFlight ? 1 : 0;
  if (!type.upstream->down) {
    dropped.is_reachable = !chosen.empty() || dropped.tried > 0;
    return dropped;
  }
  dropped.more = dropped.more || (!id && type.left > 0);
  if (chosen.empty()) return dropped;
  const model::FailurePolicy policy{.then = model::FailureAction::Drop};
  const std::string why = "dropped while it could not be reached: " + type.upstream->last_error;
  std::size_t emptied = 0;
  for (Entity* entity : chosen) {
    while (!entity->mailbox.empty() && dropped.messages < messages_max) {
      const std::uint64_t each = 1 + entity->mail_bytes / entity->mailbox.size();
      const auto batch = static_cast<std::uint32_t>(
          std::min({entity->mailbox.size(), kDropBatch, std::max<std::uint64_t>(1, kDropBytes / each), messages_max - dropped.messages}));
      host_.settle(*entity, policy, batch, why);
      dropped.messages += batch;
    }
    if (!entity->mailbox.empty()) {
      dropped.more = true;
      break;
    }
    entity->attempts = entity->away = 0;
    entity->last_error.clear();
    ++dropped.addresses;
    ++emptied;
  }
  std::erase_if(type.ready, [](Entity* entity) { return entity->mailbox.empty(); });
  type.endpoint->waiting -= emptied;
  ready_ -= emptied;
  if (type.left > 0) refill_soon(type);
  dropped.more = dropped.more || (!id && type.left > 0);
  for (std::size_t i = 0; i < emptied; ++i) rest(*chosen[i]);
  // Nobody is left who would find out whether it is back.
  Upstream& upstream = *type.upstream;
  if (std::ranges::all_of(upstream.line, [](const FunctionType* each) { return each->ready.empty(); }) && type.in_flight == 0 && type.left == 0) {
    upstream.is_reported = false;  // It is not back.
    is_up(upstream);
  }
  return dropped;
}

}  // namespace holdfast::runtime
